// The cluster's certificate authority, and the identities that it vouches for.
import type { Identity, TlsIdentity } from './api.ts';

export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

export declare function createAuthority(now: number): Promise<Authority>;

/** A certificate for client and server use that names its holder: URI berth://ROLE/NAME, and the given DNS names and addresses. */
export declare function issue(
  authority: Authority,
  identity: Identity,
  names: readonly string[],
  now: number,
  days: number,
): Promise<TlsIdentity>;

/** @throws BerthError AccessDeniedException when the certificate names no identity of ours */
export declare function identityOf(certificateUris: string): Identity;
