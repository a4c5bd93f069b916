// Why a request was not taken as its signer's, and how the two protocols say it. Pure.
// Source: ECS reference, sections 1.3 and 1.4; ALB reference, section 1.1.

export type AuthenticationFault =
  /** No Authorization header. */
  | 'missing'
  /** A header that can't be read, or lacks a part. */
  | 'incomplete'
  /** No such key, or not active, or a session token that is not its own. */
  | 'unknown-key'
  | 'expired-token'
  /** The signature, or what it must cover, does not fit. */
  | 'mismatch'
  /** Signed too long ago. */
  | 'expired';

export interface AuthenticationFailure {
  readonly fault: AuthenticationFault;
  readonly message: string;
}

export interface WireFailure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const JSON_CODES: Readonly<Record<AuthenticationFault, string>> = {
  missing: 'MissingAuthenticationTokenException',
  incomplete: 'IncompleteSignatureException',
  'unknown-key': 'UnrecognizedClientException',
  'expired-token': 'ExpiredTokenException',
  mismatch: 'InvalidSignatureException',
  expired: 'InvalidSignatureException',
};

const QUERY_CODES: Readonly<Record<AuthenticationFault, readonly [number, string]>> = {
  missing: [403, 'MissingAuthenticationToken'],
  incomplete: [400, 'IncompleteSignature'],
  'unknown-key': [403, 'InvalidClientTokenId'],
  'expired-token': [403, 'ExpiredToken'],
  mismatch: [403, 'SignatureDoesNotMatch'],
  expired: [400, 'RequestExpired'],
};

/** As services of the AWS JSON protocol say it. */
export function jsonFailure({ fault, message }: AuthenticationFailure): WireFailure {
  return { status: 400, code: JSON_CODES[fault], message };
}

/** As services of the Query protocol say it. */
export function queryFailure({ fault, message }: AuthenticationFailure): WireFailure {
  const [status, code] = QUERY_CODES[fault];
  return { status, code, message };
}

/** Thrown inside this folder only. */
export class NotAuthentic extends Error {
  readonly failure: AuthenticationFailure;

  constructor(fault: AuthenticationFault, message: string) {
    super(message);
    this.failure = { fault, message };
  }
}
