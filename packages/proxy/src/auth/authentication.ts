// The authentication actions of rules, and what belongs to them although no rule says so: the way back from an identity provider, and the keys
// that targets check claims with. Source: ALB reference, section 2.3.
import type { Clock } from '@berth/control/clock.ts';
import { assertNever } from '@berth/model/assert.ts';
import type { CookieKey } from '@berth/model/generated/messages.ts';
import type { ListenerRoutes, Route } from '@berth/model/routing/table.ts';

import type { Authenticator } from '../dispatch-hooks.ts';
import type { ClientRequest } from '../exchange-sides.ts';
import type { BoundedFetch } from './bounded-fetch.ts';
import { KeySets } from './key-sets.ts';
import { CALLBACK_PATH, type LoginRequest, Logins, PUBLIC_KEY_PATH } from './login.ts';
import { type AuthOutcome, PASS, refusal } from './outcome.ts';
import { bearerToken, validateToken } from './token-validation.ts';

const UNAUTHORIZED = 401;
const NO_KEYS = 562;

export class Authentication implements Authenticator {
  readonly #keySets: KeySets;
  readonly #logins: Logins;
  readonly #clock: Clock;
  readonly #cookieKeys: () => readonly CookieKey[];

  constructor(cookieKeys: () => readonly CookieKey[], fetch: BoundedFetch, clock: Clock) {
    this.#cookieKeys = cookieKeys;
    this.#clock = clock;
    this.#keySets = new KeySets(fetch, clock);
    this.#logins = new Logins(fetch, clock);
  }

  authenticate(
    request: ClientRequest,
    route: Route,
    listener: ListenerRoutes,
  ): AuthOutcome | Promise<AuthOutcome> {
    const { authentication } = route;
    switch (authentication?.kind) {
      case undefined:
        return PASS;
      case 'jwt-validation':
        return this.#validate(request, authentication.jwt);
      case 'authenticate-oidc':
        this.#logins.useKeys(this.#cookieKeys());
        return this.#logins.check(authentication.oidc, this.#login(request, route, listener));
      default:
        return assertNever(authentication);
    }
  }

  async #validate(
    { head }: ClientRequest,
    action: Parameters<typeof validateToken>[1],
  ): Promise<AuthOutcome> {
    const token = bearerToken(head.view.headers);
    const verdict = await validateToken(token, action, this.#keySets, this.#clock);
    switch (verdict.kind) {
      case 'valid':
        return PASS;
      case 'invalid':
        return refusal(UNAUTHORIZED);
      case 'no-keys':
        return refusal(NO_KEYS);
      default:
        return assertNever(verdict);
    }
  }

  /** @returns undefined for a request that is not a browser's way back to a rule of this listener */
  comeBack(request: ClientRequest, listener: ListenerRoutes): Promise<AuthOutcome> | undefined {
    const { path, query } = request.head.view;
    if (path !== CALLBACK_PATH || !listener.routes.some(asksForLogin)) return undefined;
    this.#logins.useKeys(this.#cookieKeys());
    const key = this.#logins.routeOf(query);
    const route = listener.routes.find((each) => each.key === key);
    if (route?.authentication?.kind !== 'authenticate-oidc') {
      const missing = !new URLSearchParams(query).has('state');
      const problem = missing ? 'AuthMissingStateParam' : 'AuthInvalidStateParam';
      return Promise.resolve(refusal(UNAUTHORIZED, problem));
    }
    return this.#logins.callback(route.authentication.oidc, this.#login(request, route, listener));
  }

  /** @returns the JSON text of the key that claims are signed with; undefined for any other path */
  publicKeyAt(path: string): string | undefined {
    if (!path.startsWith(PUBLIC_KEY_PATH)) return undefined;
    this.#logins.useKeys(this.#cookieKeys());
    const key = this.#logins.publicKey(path.slice(PUBLIC_KEY_PATH.length));
    return key === undefined ? undefined : JSON.stringify({ ...key, alg: 'ES256', use: 'sig' });
  }

  #login({ head }: ClientRequest, route: Route, { loadBalancer }: ListenerRoutes): LoginRequest {
    const { path, query, headers } = head.view;
    return {
      authority: head.authority ?? '',
      path,
      query,
      headers,
      route: route.key,
      loadBalancer: `app/${loadBalancer?.name ?? ''}/${loadBalancer?.id ?? ''}`,
    };
  }
}

function asksForLogin({ authentication }: Route): boolean {
  return authentication?.kind === 'authenticate-oidc';
}
