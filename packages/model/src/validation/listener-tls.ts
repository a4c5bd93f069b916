// The TLS of listeners: policies, certificates, clients that have to show who they are. Pure. Source: ALB reference, sections 1.5 and 4.8.
import { BerthError } from '../errors.ts';
import type {
  ListenerCertificate,
  ListenerRecord,
  MutualAuthentication,
} from '../generated/messages.ts';
import { DEFAULT_TLS_POLICY, tlsPolicy } from '../routing/tls-policies.ts';
import { Checker } from './check.ts';

export interface TlsSettings {
  readonly sslPolicy: string | undefined;
  readonly alpnPolicy: string | undefined;
  readonly certificates: readonly ListenerCertificate[];
  readonly mutualAuthentication: MutualAuthentication | undefined;
}

/** @throws BerthError SSLPolicyNotFound, ValidationError, InvalidConfigurationRequest */
export function acceptTls(
  check: Checker,
  protocol: ListenerRecord['protocol'],
  asked: TlsSettings,
): TlsSettings {
  const { sslPolicy, alpnPolicy, certificates, mutualAuthentication } = asked;
  if (protocol === 'HTTP' || protocol === 'TCP') {
    const off = mutualAuthentication?.mode === 'off';
    const plain = off ? { ...asked, mutualAuthentication: undefined } : asked;
    for (const [field, value] of Object.entries(plain) as [string, unknown][]) {
      if (value !== undefined && !(Array.isArray(value) && value.length === 0)) {
        throw new BerthError(
          'InvalidConfigurationRequest',
          `${field} is given; expected none for listeners of ${protocol}, which have no TLS.`,
        );
      }
    }
    return plain;
  }
  if (certificates.length !== 1) {
    check.refuse(
      `A certificate must be specified for ${protocol} listeners: certificates has ${certificates.length}; expected exactly one.`,
    );
  }
  if (sslPolicy !== undefined && !tlsPolicy(sslPolicy)) {
    throw new BerthError('SSLPolicyNotFound', `SSL policy '${sslPolicy}' not found`);
  }
  if (protocol === 'HTTPS' && alpnPolicy !== undefined) {
    throw new BerthError(
      'InvalidConfigurationRequest',
      `alpnPolicy is ${alpnPolicy}; expected none for HTTPS listeners, which offer what the load balancer's attribute routing.http2.enabled says.`,
    );
  }
  if (protocol === 'TLS' && mutualAuthentication && mutualAuthentication.mode !== 'off') {
    throw new BerthError(
      'InvalidConfigurationRequest',
      'mutualAuthentication is given; expected it for HTTPS listeners only.',
    );
  }
  if (mutualAuthentication) checkMutual(mutualAuthentication);
  return { ...asked, sslPolicy: sslPolicy ?? DEFAULT_TLS_POLICY };
}

function checkMutual(mutual: MutualAuthentication): void {
  const { mode, trustStore, ignoreClientCertificateExpiry, advertiseTrustStoreCaNames } = mutual;
  new Checker('ValidationError').word('mutualAuthentication.mode', mode, [
    'off',
    'passthrough',
    'verify',
  ]);
  const refuse = (message: string): never => {
    throw new BerthError('InvalidConfigurationRequest', `mutualAuthentication: ${message}`);
  };
  if (mode === 'verify') {
    if (!trustStore) refuse('a trust store must be specified when the mode is verify.');
    return;
  }
  if (trustStore) refuse(`trustStore is given; expected none with mode ${mode}.`);
  if (ignoreClientCertificateExpiry === true) {
    refuse(`ignoreClientCertificateExpiry is true; expected it only with mode verify.`);
  }
  if (advertiseTrustStoreCaNames === 'on') {
    refuse(`advertiseTrustStoreCaNames is on; expected it only with mode verify.`);
  }
}
