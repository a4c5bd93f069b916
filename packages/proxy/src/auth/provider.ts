// What the proxy asks of an identity provider: tokens for a code or a refresh token, and claims. Source: OpenID Connect Core 1.0, sections 3.1.3
// and 5.3; RFC 6749, sections 4.1.3 and 6; ALB reference, sections 2.3 and 4.3.
import { isBerthError } from '@berth/model/errors.ts';
import type { AuthenticateOidcAction } from '@berth/model/generated/messages.ts';
import { type JWTPayload, decodeJwt } from 'jose';

import type { BoundedFetch, Fetched } from './bounded-fetch.ts';
import type { AuthProblem } from './outcome.ts';

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
  /** Seconds from now; undefined when the provider does not say. */
  readonly expiresIn: number | undefined;
}

export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string };

/** The login can't go on: the status to answer, and why. */
export class LoginFailure extends Error {
  readonly status: number;
  readonly problem: AuthProblem;

  constructor(status: number, problem: AuthProblem, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = problem;
    this.status = status;
    this.problem = problem;
  }
}

const TOKEN_LIMITS = { timeoutMs: 5_000, maxBytes: 64 * 1024 };
const CLAIMS_LIMITS = { timeoutMs: 5_000, maxBytes: 11 * 1024 };
/** What may stand in a header as it is: these end up in some. */
const VISIBLE = /^[\x21-\x7e]+$/;
const UNAUTHORIZED = 401;
const SERVER_ERROR = 500;

/** @throws LoginFailure */
export async function requestTokens(
  fetch: BoundedFetch,
  action: AuthenticateOidcAction,
  grant: Readonly<Record<string, string>>,
): Promise<Tokens> {
  const credentials = `${encodeURIComponent(action.clientId)}:${encodeURIComponent(action.clientSecret ?? '')}`;
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
    authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
  };
  const body = new URLSearchParams(grant).toString();
  const url = action.tokenEndpoint;
  const answer = await fetch(url, { method: 'POST', headers, body }, TOKEN_LIMITS).catch(
    (error: unknown) => {
      throw failed(error, 'AuthTokenEpRequestFailed', 'AuthTokenEpRequestTimeout');
    },
  );
  const value = jsonObject(answer.text);
  if (answer.status !== 200) {
    if (value?.['error'] === 'invalid_grant') {
      throw new LoginFailure(UNAUTHORIZED, 'AuthInvalidGrantError', `${url} refused the grant`);
    }
    throw new LoginFailure(SERVER_ERROR, 'AuthTokenEpRequestFailed', said(url, answer));
  }
  const accessToken = value?.['access_token'];
  if (typeof accessToken !== 'string' || !VISIBLE.test(accessToken)) {
    throw new LoginFailure(UNAUTHORIZED, 'AuthInvalidTokenResponse', `${url} gave no access token`);
  }
  const expiresIn = Number(value?.['expires_in']);
  return {
    accessToken,
    refreshToken: text(value?.['refresh_token']),
    idToken: text(value?.['id_token']),
    expiresIn: expiresIn > 0 ? expiresIn : undefined,
  };
}

/**
 * The subject of an ID token that came from the token endpoint itself: its signature need not be checked, since the connection vouches for it
 * (OpenID Connect Core, section 3.1.3.7).
 * @param nowSeconds since the epoch
 * @throws LoginFailure
 */
export function checkIdToken(
  idToken: string | undefined,
  action: AuthenticateOidcAction,
  nonce: string,
  nowSeconds: number,
): string {
  const refuse = (why: string): LoginFailure =>
    new LoginFailure(UNAUTHORIZED, 'AuthInvalidIdToken', `The ID token of ${action.issuer} ${why}`);
  if (idToken === undefined) throw refuse('is missing; is "openid" in the scope?');
  let claims: JWTPayload;
  try {
    claims = decodeJwt(idToken);
  } catch {
    throw refuse('is no JWT');
  }
  const audience = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  if (claims.iss !== action.issuer) throw refuse(`names the issuer ${String(claims.iss)}`);
  if (!audience.includes(action.clientId)) throw refuse('is for another client');
  if (audience.length > 1 && claims['azp'] !== action.clientId)
    throw refuse('is for another party');
  if (claims.exp === undefined || claims.exp <= nowSeconds) throw refuse('has expired');
  if (claims['nonce'] !== nonce) throw refuse('belongs to another login');
  if (claims.sub === undefined || !VISIBLE.test(claims.sub)) {
    throw refuse('names no subject that can be passed on');
  }
  return claims.sub;
}

/** @param subject that the claims must be about @throws LoginFailure */
export async function requestClaims(
  fetch: BoundedFetch,
  action: AuthenticateOidcAction,
  accessToken: string,
  subject: string,
): Promise<Claims> {
  const url = action.userInfoEndpoint;
  const headers = { authorization: `Bearer ${accessToken}`, accept: 'application/json' };
  const answer = await fetch(url, { headers }, CLAIMS_LIMITS).catch((error: unknown) => {
    if (isBerthError(error, 'LimitExceededException')) {
      throw new LoginFailure(
        SERVER_ERROR,
        'AuthUserinfoResponseSizeExceeded',
        error.message,
        error,
      );
    }
    throw failed(error, 'AuthUserinfoEpRequestFailed', 'AuthUserinfoEpRequestTimeout');
  });
  if (answer.status !== 200) {
    throw new LoginFailure(SERVER_ERROR, 'AuthUserinfoEpRequestFailed', said(url, answer));
  }
  const claims = jsonObject(answer.text);
  if (claims === undefined || claims['sub'] !== subject) {
    throw new LoginFailure(
      UNAUTHORIZED,
      'AuthInvalidUserinfoResponse',
      `${url} answered with no claims about the subject of the ID token`,
    );
  }
  return { ...claims, sub: subject };
}

function failed(error: unknown, otherwise: AuthProblem, timeout: AuthProblem): LoginFailure {
  const problem = isBerthError(error, 'DeadlineExceeded') ? timeout : otherwise;
  return new LoginFailure(SERVER_ERROR, problem, 'The identity provider could not be asked', error);
}

function said(url: string, { status }: Fetched): string {
  return `${url} answered with status ${status}`;
}

function jsonObject(source: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(source);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return value as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
