// Reads who a party is from its certificate. Apart from `authority.ts`, so that servers need not load what
// makes certificates.
import { BerthError } from '@berth/model/errors.ts';

import type { CertifiedIdentity } from './api.ts';

export const IDENTITY_ROLES: readonly CertifiedIdentity['role'][] = [
  'admin',
  'control',
  'host',
  'proxy',
];
export const IDENTITY_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/**
 * Whom a certificate names.
 * @param certificateUris the subject alternative names as Node prints them: `URI:berth://host/abc, DNS:localhost`
 * @throws BerthError AccessDeniedException when the certificate names no identity of ours
 */
export function identityOf(certificateUris: string): CertifiedIdentity {
  const named = certificateUris
    .split(', ')
    .filter((entry) => entry.startsWith('URI:berth://'))
    .map((entry) => entry.slice('URI:berth://'.length).split('/'));
  const [role, name, ...rest] = named[0] ?? [];
  const known = IDENTITY_ROLES.find((item) => item === role);
  if (
    named.length !== 1 ||
    !known ||
    name === undefined ||
    !IDENTITY_NAME.test(name) ||
    rest.length > 0
  ) {
    throw new BerthError(
      'AccessDeniedException',
      `The client's certificate names no identity of this cluster: found "${certificateUris}", expected one URI berth://ROLE/NAME.`,
    );
  }
  return { role: known, name };
}
