// The action authenticate-oidc: whoever has not logged in is sent to the identity provider and comes back with a session in a sealed cookie.
// No proxy keeps anything: each can go on with what another began. Source: ALB reference, section 2.3; OpenID Connect Core 1.0, section 3.1.
import { createHash, randomBytes } from 'node:crypto';

import type { Clock } from '@berth/control/clock.ts';
import type { AuthenticateOidcAction, CookieKey } from '@berth/model/generated/messages.ts';

import type { BoundedFetch } from './bounded-fetch.ts';
import { type ClaimsSigner, claimsSigner } from './claims-token.ts';
import { joinShards, readCookies, setCookie, splitShards } from './cookies.ts';
import { type AuthOutcome, PASS, refusal } from './outcome.ts';
import {
  type Claims,
  LoginFailure,
  type Tokens,
  checkIdToken,
  requestClaims,
  requestTokens,
} from './provider.ts';
import { SealedText } from './sealed-text.ts';

export const CALLBACK_PATH = '/oauth2/idpresponse';
export const PUBLIC_KEY_PATH = '/oauth2/public-keys/';
export const NONCE_COOKIE = 'AWSALBAuthNonce';
export const DEFAULT_SESSION_COOKIE = 'AWSELBAuthSessionCookie';

const DEFAULT_SESSION_SECONDS = 604_800;
/** A login must come to its end in this time. */
const LOGIN_MS = 15 * 60_000;
/** For how long a target may rely on claims without asking again. */
const CLAIMS_TOKEN_SECONDS = 120;
const REMEMBERED_SESSIONS = 2_048;
/** Requests with the old cookie that were sent before the browser had the new one arrive in this time. */
const REFRESHED_MS = 30_000;

export interface LoginRequest {
  /** As sent, with its port. */
  readonly authority: string;
  readonly path: string;
  readonly query: string;
  readonly headers: readonly string[];
  /** Names the rule, so that the way back finds its action: LISTENER/RULE. */
  readonly route: string;
  /** app/NAME/ID of the load balancer. */
  readonly loadBalancer: string;
}

interface Session {
  readonly claims: Claims;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  /** Milliseconds since the epoch. */
  readonly loggedInAt: number;
  readonly accessExpiresAt: number | undefined;
}

interface PendingLogin {
  readonly url: string;
  readonly nonce: string;
  readonly route: string;
  readonly begunAt: number;
}

interface Remembered {
  readonly session: Session;
  /** What the target was last told. */
  token: string | undefined;
  tokenUntil: number;
  /** What became of it once its access token had expired. */
  refreshing: Promise<AuthOutcome> | undefined;
  /** Wall time in milliseconds. */
  refreshedUntil: number;
}

export class Logins {
  readonly #fetch: BoundedFetch;
  readonly #clock: Clock;
  #ring: readonly CookieKey[] = [];
  #signers: readonly ClaimsSigner[] = [];
  #states = new SealedText([], 'oidc state');
  #nonces = new SealedText([], 'oidc nonce');
  readonly #sessions = new Map<string, Remembered>();

  constructor(fetch: BoundedFetch, clock: Clock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** To be called with each new ring of cookie keys. */
  useKeys(ring: readonly CookieKey[]): void {
    if (ring === this.#ring) return;
    this.#ring = ring;
    this.#signers = ring.map(claimsSigner);
    this.#states = new SealedText(ring, 'oidc state');
    this.#nonces = new SealedText(ring, 'oidc nonce');
    this.#sessions.clear();
  }

  /** The public key, as a PEM text's JWK, that a target checks claims with. */
  publicKey(keyId: string): ClaimsSigner['publicKey'] | undefined {
    return this.#signers.find((signer) => signer.keyId === keyId)?.publicKey;
  }

  /** @returns at once for whoever has a session */
  check(action: AuthenticateOidcAction, request: LoginRequest): AuthOutcome | Promise<AuthOutcome> {
    const cookies = readCookies(request.headers);
    const sealed = joinShards(cookies, sessionCookie(action));
    const known = sealed === undefined ? undefined : this.#session(action, request, sealed);
    const now = this.#clock.now();
    if (known === undefined || now >= endOf(action, known.session)) {
      return this.#unauthenticated(action, request, cookies);
    }
    const { session } = known;
    const stale = session.accessExpiresAt !== undefined && now >= session.accessExpiresAt;
    if (!stale || session.refreshToken === undefined) return this.#pass(action, request, known);
    // Those who come meanwhile, or were on their way, get the same: a refresh token may be good for one use only.
    if (known.refreshing === undefined || now >= known.refreshedUntil) {
      known.refreshedUntil = Infinity;
      known.refreshing = this.#refresh(action, request, session, cookies).then((outcome) => {
        known.refreshedUntil = outcome.kind === 'pass' ? this.#clock.now() + REFRESHED_MS : 0;
        return outcome;
      });
    }
    return known.refreshing;
  }

  /** Which rule a browser that comes back from a provider belongs to; undefined for a state that is not ours. */
  routeOf(query: string): string | undefined {
    return this.#pending(new URLSearchParams(query))?.route;
  }

  /** A browser has come back from the provider. */
  async callback(action: AuthenticateOidcAction, request: LoginRequest): Promise<AuthOutcome> {
    const query = new URLSearchParams(request.query);
    if (query.get('state') === null) return refusal(401, 'AuthMissingStateParam');
    const pending = this.#pending(query);
    if (pending?.route !== request.route) return refusal(401, 'AuthInvalidStateParam');
    if (query.get('error') !== null) return refusal(561);
    const code = query.get('code');
    if (code === null) return refusal(401, 'AuthMissingCodeParam');
    const cookies = readCookies(request.headers);
    const cookie = cookies.get(NONCE_COOKIE);
    if (cookie === undefined) return refusal(401, 'AuthMissingAWSALBAuthNonce');
    const nonce = this.#nonces.open(cookie);
    if (nonce === undefined || digest(nonce) !== pending.nonce) {
      return refusal(401, 'AuthInvalidAWSALBAuthNonce');
    }
    try {
      const tokens = await requestTokens(this.#fetch, action, {
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri(request),
      });
      const nowSeconds = this.#clock.now() / 1000;
      const subject = checkIdToken(tokens.idToken, action, pending.nonce, nowSeconds);
      const claims = await requestClaims(this.#fetch, action, tokens.accessToken, subject);
      const session = this.#sessionFrom(tokens, claims, this.#clock.now(), undefined);
      const lines = this.#sessionLines(action, session, cookies);
      if (lines === undefined) return refusal(500, 'AuthUserinfoResponseSizeExceeded');
      // The nonce stays until it ends by itself: a login in another tab may still need it.
      return { kind: 'redirect', location: pending.url, setCookies: lines };
    } catch (error) {
      return failureOutcome(error);
    }
  }

  #pending(query: URLSearchParams): PendingLogin | undefined {
    const opened = this.#states.open(query.get('state') ?? '');
    if (opened === undefined) return undefined;
    const pending = JSON.parse(opened) as PendingLogin;
    return this.#clock.now() - pending.begunAt > LOGIN_MS ? undefined : pending;
  }

  #unauthenticated(
    action: AuthenticateOidcAction,
    request: LoginRequest,
    cookies: ReadonlyMap<string, string>,
  ): AuthOutcome {
    switch (action.onUnauthenticatedRequest) {
      case 'deny':
        return refusal(401);
      case 'allow':
        return PASS;
      case 'authenticate':
      case undefined:
        return this.#begin(action, request, cookies);
    }
  }

  #begin(
    action: AuthenticateOidcAction,
    request: LoginRequest,
    cookies: ReadonlyMap<string, string>,
  ): AuthOutcome {
    if (request.authority === '') return refusal(401, 'AuthMissingHostHeader');
    // Logins in several tabs share a nonce: the cookie of one must not undo that of another.
    const present = cookies.get(NONCE_COOKIE);
    const nonce =
      (present === undefined ? undefined : this.#nonces.open(present)) ??
      randomBytes(24).toString('base64url');
    const { authority, path, query, route } = request;
    const pending: PendingLogin = {
      url: `https://${authority}${path}${query === '' ? '' : `?${query}`}`,
      nonce: digest(nonce),
      route,
      begunAt: this.#clock.now(),
    };
    const state = this.#states.seal(JSON.stringify(pending));
    const sealedNonce = this.#nonces.seal(nonce);
    if (state === undefined || sealedNonce === undefined) {
      return refusal(500, 'AuthUnhandledException');
    }
    const location = new URL(action.authorizationEndpoint);
    const parameters = {
      ...action.authenticationRequestExtraParams,
      response_type: 'code',
      client_id: action.clientId,
      redirect_uri: redirectUri(request),
      scope: action.scope ?? 'openid',
      state,
      nonce: pending.nonce,
    };
    for (const [name, value] of Object.entries(parameters)) location.searchParams.set(name, value);
    return {
      kind: 'redirect',
      location: location.href,
      setCookies: [setCookie(NONCE_COOKIE, sealedNonce, LOGIN_MS / 1000)],
    };
  }

  #session(
    action: AuthenticateOidcAction,
    { loadBalancer }: LoginRequest,
    sealed: string,
  ): Remembered | undefined {
    // What is remembered of a cookie holds only for the provider that it was opened for.
    const key = JSON.stringify([action.issuer, action.clientId, loadBalancer, sealed]);
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const opened = this.#box(action).open(sealed);
    return opened === undefined ? undefined : this.#remember(key, JSON.parse(opened) as Session);
  }

  #remember(key: string, session: Session): Remembered {
    if (this.#sessions.size >= REMEMBERED_SESSIONS) {
      const [oldest] = this.#sessions.keys();
      if (oldest !== undefined) this.#sessions.delete(oldest);
    }
    const made = remembered(session);
    this.#sessions.set(key, made);
    return made;
  }

  /** A session with one provider says nothing to another. */
  #box({ issuer, clientId }: AuthenticateOidcAction): SealedText {
    return new SealedText(this.#ring, `oidc session ${JSON.stringify([issuer, clientId])}`);
  }

  #pass(
    action: AuthenticateOidcAction,
    request: LoginRequest,
    known: Remembered,
    setCookies: readonly string[] = [],
  ): AuthOutcome {
    const { claims, accessToken } = known.session;
    const nowSeconds = Math.floor(this.#clock.now() / 1000);
    if (known.token === undefined || nowSeconds >= known.tokenUntil - CLAIMS_TOKEN_SECONDS / 2) {
      known.tokenUntil = nowSeconds + CLAIMS_TOKEN_SECONDS;
      known.token = this.#signers[0]?.sign(claims, {
        signer: request.loadBalancer,
        issuer: action.issuer,
        clientId: action.clientId,
        expires: known.tokenUntil,
      });
    }
    return {
      kind: 'pass',
      headers: [
        ['x-amzn-oidc-identity', claims.sub],
        ['x-amzn-oidc-accesstoken', accessToken],
        ['x-amzn-oidc-data', known.token ?? ''],
      ],
      setCookies,
    };
  }

  async #refresh(
    action: AuthenticateOidcAction,
    request: LoginRequest,
    session: Session,
    cookies: ReadonlyMap<string, string>,
  ): Promise<AuthOutcome> {
    const { refreshToken = '', loggedInAt } = session;
    try {
      const grant = { grant_type: 'refresh_token', refresh_token: refreshToken };
      const tokens = await requestTokens(this.#fetch, action, grant);
      const { accessToken } = tokens;
      const claims = await requestClaims(this.#fetch, action, accessToken, session.claims.sub);
      const renewed = this.#sessionFrom(tokens, claims, loggedInAt, refreshToken);
      const lines = this.#sessionLines(action, renewed, cookies);
      if (lines === undefined) return refusal(500, 'AuthUserinfoResponseSizeExceeded');
      return this.#pass(action, request, remembered(renewed), lines);
    } catch (error) {
      // The person has logged out, or was: they log in again.
      if (error instanceof LoginFailure && error.status === 401) {
        return this.#unauthenticated(action, request, cookies);
      }
      return failureOutcome(error);
    }
  }

  #sessionFrom(
    tokens: Tokens,
    claims: Claims,
    loggedInAt: number,
    refreshToken: string | undefined,
  ): Session {
    const { accessToken, expiresIn } = tokens;
    return {
      claims,
      accessToken,
      refreshToken: tokens.refreshToken ?? refreshToken,
      loggedInAt,
      accessExpiresAt: expiresIn === undefined ? undefined : this.#clock.now() + expiresIn * 1000,
    };
  }

  #sessionLines(
    action: AuthenticateOidcAction,
    session: Session,
    cookies: ReadonlyMap<string, string>,
  ): readonly string[] | undefined {
    const sealed = this.#box(action).seal(JSON.stringify(session));
    if (sealed === undefined) return undefined;
    const left = Math.max(1, Math.ceil((endOf(action, session) - this.#clock.now()) / 1000));
    return splitShards(sessionCookie(action), sealed, left, cookies);
  }
}

function remembered(session: Session): Remembered {
  return { session, token: undefined, tokenUntil: 0, refreshing: undefined, refreshedUntil: 0 };
}

function sessionCookie(action: AuthenticateOidcAction): string {
  return action.sessionCookieName ?? DEFAULT_SESSION_COOKIE;
}

function endOf(action: AuthenticateOidcAction, session: Session): number {
  return session.loggedInAt + (action.sessionTimeout ?? DEFAULT_SESSION_SECONDS) * 1000;
}

function redirectUri({ authority }: LoginRequest): string {
  return `https://${authority}${CALLBACK_PATH}`;
}

function digest(nonce: string): string {
  return createHash('sha256').update(nonce).digest('base64url');
}

function failureOutcome(error: unknown): AuthOutcome {
  if (error instanceof LoginFailure) return refusal(error.status, error.problem);
  return refusal(500, 'AuthUnhandledException');
}
