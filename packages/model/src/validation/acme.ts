// Certificates to be asked for at an ACME authority, and which one that is. Pure. Source: RFC 8555, sections 7.1.1 and 7.3; RFC 1035, section 2.3.4.
import type {
  AcmeSettingsRecord,
  PutAcmeSettingsRequest,
  RequestCertificateRequest,
} from '../generated/messages.ts';
import { Checker } from './check.ts';

const check: Checker = new Checker('ValidationError');

/** Why a certificate waits while nobody has said where it is to come from. */
export const NO_AUTHORITY = 'No certificate authority is set: use "berth acme configure".';

const MOST_NAMES = 100;
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const DOMAIN = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})+$`);
const EMAIL = /^[^\s@<>,;:"]{1,64}@[^\s@<>,;:"]{1,190}$/;
const DIRECTORY = /^https:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/;
const PEM = /^-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*$/;
const LONGEST_PEM = 64 * 1024;

/** @returns the names in lower case, none twice @throws BerthError ValidationError */
export function acceptDomainNames({ domainNames }: RequestCertificateRequest): readonly string[] {
  const names = [...new Set(domainNames.map((name) => name.toLowerCase()))];
  if (names.length === 0) check.refuse('domainNames is empty; expected 1 to 100 names.');
  check.atMost('domainNames', names.length, MOST_NAMES, 'names');
  for (const name of names) {
    if (name.startsWith('*.')) {
      check.refuse(
        `${name}: control of a wildcard can only be proved by DNS, which Berth does not do; name the hosts, or import a certificate.`,
      );
    }
    check.text('domainNames', name, DOMAIN, 'a fully qualified domain name');
  }
  return names;
}

export type AcmeSettingsContent = Omit<AcmeSettingsRecord, 'agreedAt'>;

/** @throws BerthError ValidationError */
export function acceptAcmeSettings(request: PutAcmeSettingsRequest): AcmeSettingsContent {
  const { directoryUrl, email, authorityPem, challenge = 'http-01', agreeToTerms } = request;
  check.text('directoryUrl', directoryUrl, DIRECTORY, 'an https URL');
  check.text('email', email, EMAIL, 'an address of e-mail');
  check.text('authorityPem', authorityPem, PEM, 'certificates in PEM');
  if ((authorityPem?.length ?? 0) > LONGEST_PEM) {
    check.refuse(`authorityPem has more than ${LONGEST_PEM} characters.`);
  }
  if (!agreeToTerms) {
    check.refuse(
      "Certificates are issued only to those who agree to the authority's terms of service.",
    );
  }
  return { directoryUrl, email, authorityPem, challenge };
}
