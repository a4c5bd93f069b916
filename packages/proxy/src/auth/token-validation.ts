// The action jwt-validation: requests with a valid bearer token pass, unchanged. Source: ALB reference, section 2.3; RFC 6750; RFC 7519.
import type { Clock } from '@berth/control/clock.ts';
import { isBerthError } from '@berth/model/errors.ts';
import type { JwtAdditionalClaim, JwtValidationAction } from '@berth/model/generated/messages.ts';
import { type JWTPayload, decodeProtectedHeader, errors, jwtVerify } from 'jose';

import type { KeySets } from './key-sets.ts';

export type TokenVerdict =
  | { readonly kind: 'valid'; readonly claims: JWTPayload }
  /** 401: there is no token, or it proves nothing. */
  | { readonly kind: 'invalid'; readonly problem: string }
  /** 562: nobody can tell. */
  | { readonly kind: 'no-keys'; readonly problem: string };

const MOST_TOKEN = 16_384;
/** For clocks that differ a little. Seconds. */
const TOLERANCE = 5;

/** The token of `Authorization: Bearer`; undefined when there is none, or more than one. */
export function bearerToken(headers: readonly string[]): string | undefined {
  let token: string | undefined;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== 'authorization') continue;
    const found = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(headers[i + 1] ?? '');
    if (token !== undefined || found === null) return undefined;
    token = found[1];
  }
  return token;
}

export async function validateToken(
  token: string | undefined,
  action: JwtValidationAction,
  keySets: KeySets,
  clock: Clock,
): Promise<TokenVerdict> {
  if (token === undefined) return invalid('there is no bearer token');
  if (token.length > MOST_TOKEN) return invalid('the token is too long');
  let keyId: string | undefined;
  try {
    const header = decodeProtectedHeader(token);
    if (header.alg !== 'RS256') return invalid('the token is not signed by RS256');
    keyId = header.kid;
  } catch {
    return invalid('the token is no JWT');
  }
  let keys;
  try {
    keys = await keySets.find(action.jwksEndpoint, keyId);
  } catch (error) {
    if (!isBerthError(error)) throw error;
    return { kind: 'no-keys', problem: error.message };
  }
  let problem = 'the key set has no key of this token';
  for (const key of keys) {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: ['RS256'],
        issuer: action.issuer,
        requiredClaims: ['exp', 'iss'],
        clockTolerance: TOLERANCE,
        currentDate: new Date(clock.now()),
      });
      return judge(payload, action.additionalClaims, clock.now());
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      problem = error.message;
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) break;
    }
  }
  return invalid(problem);
}

function judge(
  claims: JWTPayload,
  wanted: readonly JwtAdditionalClaim[],
  now: number,
): TokenVerdict {
  if (claims.iat !== undefined && claims.iat > now / 1000 + TOLERANCE) {
    return invalid('the token was issued in the future');
  }
  const missed = wanted.find((claim) => !holds(claim, claims[claim.name]));
  if (missed !== undefined) return invalid(`claim ${missed.name} has no value that is allowed`);
  return { kind: 'valid', claims };
}

function holds({ format, values }: JwtAdditionalClaim, found: unknown): boolean {
  switch (format) {
    case 'single-string':
      return typeof found === 'string' && values.includes(found);
    case 'space-separated-values':
      return typeof found === 'string' && found.split(' ').some((word) => values.includes(word));
    case 'string-array':
      return (
        Array.isArray(found) &&
        found.some((item) => typeof item === 'string' && values.includes(item))
      );
  }
}

function invalid(problem: string): TokenVerdict {
  return { kind: 'invalid', problem };
}
