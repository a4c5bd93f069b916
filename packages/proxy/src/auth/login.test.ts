import assert from 'node:assert/strict';

import type { Clock } from '@berth/control/clock.ts';
import type { AuthenticateOidcAction, CookieKey } from '@berth/model/generated/messages.ts';
import { realClock } from '@berth/process/real-clock.ts';
import { importJWK, jwtVerify } from 'jose';

import { Issuer, type IssuerOptions, loginLink } from '../testing/issuer.ts';
import { boundedFetch } from './bounded-fetch.ts';
import { CALLBACK_PATH, Logins } from './login.ts';
import type { AuthOutcome } from './outcome.ts';

const NEVER = new AbortController().signal;
const KEYS: readonly CookieKey[] = [{ id: 'k1', key: Buffer.alloc(32, 1) }];

/** A browser's jar, as far as one host needs it. */
class Jar {
  readonly cookies = new Map<string, string>();

  take(lines: readonly string[]): void {
    for (const line of lines) {
      const [, name = '', value = '', maxAge = ''] =
        /^([^=]+)=([^;]*); Max-Age=(\d+)/.exec(line) ?? [];
      assert.match(line, /; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
      if (maxAge === '0') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }

  get headers(): string[] {
    const pairs = Array.from(this.cookies, ([name, value]) => `${name}=${value}`);
    return pairs.length === 0 ? [] : ['Cookie', pairs.join('; ')];
  }
}

describe('authenticate-oidc', () => {
  let issuer: Issuer;
  let skippedMs: number;
  let logins: Logins;
  let jar: Jar;
  const clock: Clock = { ...realClock, now: () => realClock.now() + skippedMs };

  const begin = async (options: IssuerOptions = {}): Promise<void> => {
    issuer = new Issuer(options);
    await issuer.start();
  };

  beforeEach(async () => {
    skippedMs = 0;
    jar = new Jar();
    logins = new Logins(boundedFetch(clock, NEVER), clock);
    logins.useKeys(KEYS);
    await begin();
  });
  afterEach(() => issuer.stop());

  const action = (more: Partial<AuthenticateOidcAction> = {}): AuthenticateOidcAction => ({
    issuer: issuer.url,
    authorizationEndpoint: `${issuer.url}/authorize`,
    tokenEndpoint: `${issuer.url}/token`,
    userInfoEndpoint: `${issuer.url}/userinfo`,
    clientId: issuer.clientId,
    clientSecret: issuer.clientSecret,
    authenticationRequestExtraParams: {},
    ...more,
  });
  const request = (path = '/', query = '') => ({
    authority: 'app.example.com:8443',
    path,
    query,
    headers: jar.headers,
    route: 'l1/r1',
    loadBalancer: 'arn:lb',
  });
  const took = (outcome: AuthOutcome): AuthOutcome => {
    if (outcome.kind !== 'refuse') jar.take(outcome.setCookies);
    return outcome;
  };
  const check = async (more: Partial<AuthenticateOidcAction> = {}, path = '/', query = '') =>
    took(await logins.check(action(more), request(path, query)));
  const callback = async (query: string, more: Partial<AuthenticateOidcAction> = {}) =>
    took(await logins.callback(action(more), request(CALLBACK_PATH, query)));

  /** Follows the provider's page. @returns the query that the browser comes back with */
  const atProvider = async (outcome: AuthOutcome): Promise<string> => {
    assert.equal(outcome.kind, 'redirect');
    assert.ok(outcome.kind === 'redirect');
    const page = await fetch(outcome.location);
    assert.equal(page.status, 200);
    const back = new URL(loginLink(await page.text()));
    assert.equal(`${back.origin}${back.pathname}`, `https://app.example.com:8443${CALLBACK_PATH}`);
    return back.search.slice(1);
  };
  const logIn = async (more: Partial<AuthenticateOidcAction> = {}): Promise<void> => {
    const outcome = await callback(await atProvider(await check(more)), more);
    assert.equal(outcome.kind, 'redirect');
  };
  const refused = (outcome: AuthOutcome, status: number, problem?: string): void =>
    assert.deepEqual(outcome, { kind: 'refuse', status, problem });

  it('sends a stranger to the provider, and back to where they wanted to go', async () => {
    const query = await atProvider(await check({ scope: 'openid email' }, '/a/b', 'c=d&e'));
    const back = await callback(query);
    assert.ok(back.kind === 'redirect');
    assert.equal(back.location, 'https://app.example.com:8443/a/b?c=d&e');
    assert.deepEqual([...jar.cookies.keys()], ['AWSALBAuthNonce', 'AWSELBAuthSessionCookie-0']);
    assert.deepEqual(issuer.asked, ['token code', 'userinfo']);
  });

  it('tells the target who it is, with claims that it can check', async () => {
    await logIn();
    const outcome = await check();
    assert.ok(outcome.kind === 'pass');
    const headers = new Map(outcome.headers);
    assert.equal(headers.get('x-amzn-oidc-identity'), 'ada');
    assert.ok(headers.get('x-amzn-oidc-accesstoken'));
    const data = headers.get('x-amzn-oidc-data') ?? '';
    for (const part of data.split('.')) assert.equal(part.length % 4, 0, 'padded as ALB does');
    const [header = ''] = data.split('.');
    const { kid, ...about } = JSON.parse(Buffer.from(header, 'base64url').toString()) as {
      kid: string;
    };
    const { exp, ...rest } = about as { exp?: number };
    assert.deepEqual(rest, {
      alg: 'ES256',
      signer: 'arn:lb',
      iss: issuer.url,
      client: issuer.clientId,
    });
    const published = logins.publicKey(kid);
    assert.ok(published);
    const key = await importJWK({ ...published, alg: 'ES256' });
    const { payload } = await jwtVerify(data.replaceAll('=', ''), key);
    assert.equal(payload.exp, exp);
    assert.equal(payload['email'], 'ada@example.com');
    assert.equal(logins.publicKey('other'), undefined);
  });

  it('is understood by another proxy with the same keys, also when a newer key has come', async () => {
    await logIn();
    const other = new Logins(boundedFetch(clock, NEVER), clock);
    other.useKeys([{ id: 'k2', key: Buffer.alloc(32, 2) }, ...KEYS]);
    assert.equal((await other.check(action(), request())).kind, 'pass');
    other.useKeys([{ id: 'k2', key: Buffer.alloc(32, 2) }]);
    assert.equal((await other.check(action(), request())).kind, 'redirect');
  });

  it('does what the action says with strangers', async () => {
    refused(await check({ onUnauthenticatedRequest: 'deny' }), 401);
    const allowed = await check({ onUnauthenticatedRequest: 'allow' });
    assert.deepEqual(allowed, { kind: 'pass', headers: [], setCookies: [] });
    const sent = await check({ authenticationRequestExtraParams: { prompt: 'login', state: 'x' } });
    assert.ok(sent.kind === 'redirect');
    const { searchParams } = new URL(sent.location);
    assert.equal(searchParams.get('prompt'), 'login');
    assert.notEqual(searchParams.get('state'), 'x', 'extra parameters replace none of the flow');
  });

  it('takes a session for one provider and client only, and no altered one', async () => {
    await logIn();
    assert.equal((await check()).kind, 'pass');
    assert.equal((await check({ clientId: 'another' })).kind, 'redirect');
    assert.equal((await check({ issuer: 'https://another' })).kind, 'redirect');
    const name = 'AWSELBAuthSessionCookie-0';
    const value = jar.cookies.get(name) ?? '';
    for (let at = 3; at < value.length; at += 40) {
      jar.cookies.set(
        name,
        value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1),
      );
      assert.equal((await check()).kind, 'redirect', `byte ${at}`);
      jar.cookies.delete('AWSALBAuthNonce');
    }
  });

  it('ends a session at its time-out', async () => {
    await logIn({ sessionTimeout: 100 });
    skippedMs += 99_000;
    assert.equal((await check({ sessionTimeout: 100 })).kind, 'pass');
    skippedMs += 2_000;
    assert.equal((await check({ sessionTimeout: 100 })).kind, 'redirect');
  });

  it('asks for new claims once the access token has expired, once for all who come meanwhile', async () => {
    await issuer.stop();
    await begin({ accessTokenSeconds: 60 });
    await logIn();
    skippedMs += 61_000;
    issuer.claims = { email: 'countess@example.com' };
    const outcomes = await Promise.all(
      [1, 2, 3].map(async () => logins.check(action(), request())),
    );
    assert.deepEqual(issuer.asked, ['token code', 'userinfo', 'token refresh', 'userinfo']);
    const [first] = outcomes;
    assert.ok(first?.kind === 'pass' && first.setCookies.length > 0);
    // A request that was on its way before the browser knew of the new session: a refresh token may be good for one use only.
    assert.deepEqual(await logins.check(action(), request()), first);
    assert.equal(issuer.asked.length, 4);
    took(first);
    assert.equal((await check()).kind, 'pass');
    assert.equal(issuer.asked.length, 4);
  });

  it('has whoever logged out at the provider log in again', async () => {
    await issuer.stop();
    await begin({ accessTokenSeconds: 60 });
    await logIn();
    skippedMs += 61_000;
    issuer.instead.set('/token', (response) =>
      response.writeHead(400).end('{"error":"invalid_grant"}'),
    );
    assert.equal((await check()).kind, 'redirect');
  });

  it('keeps large claims in several cookies, and refuses larger ones', async () => {
    issuer.claims = { about: 'x'.repeat(9_000) };
    await logIn();
    assert.ok(jar.cookies.size >= 3);
    assert.equal((await check()).kind, 'pass');
    issuer.claims = { about: 'x'.repeat(12_000) };
    const query = await atProvider(
      await check({ clientId: issuer.clientId, issuer: issuer.url }).then(async () => {
        jar.cookies.clear();
        return check();
      }),
    );
    refused(await callback(query), 500, 'AuthUserinfoResponseSizeExceeded');
  });

  it('refuses a way back that it did not begin, or that took too long', async () => {
    refused(await callback('code=x'), 401, 'AuthMissingStateParam');
    refused(await callback('code=x&state=y'), 401, 'AuthInvalidStateParam');
    const query = await atProvider(await check());
    const parameters = new URLSearchParams(query);
    const state = parameters.get('state') ?? '';
    refused(await callback(`state=${state}`), 401, 'AuthMissingCodeParam');
    refused(await callback(`state=${state}&error=access_denied`), 561);
    assert.equal(logins.routeOf(query), 'l1/r1');
    const nonce = jar.cookies.get('AWSALBAuthNonce') ?? '';
    jar.cookies.delete('AWSALBAuthNonce');
    refused(await callback(query), 401, 'AuthMissingAWSALBAuthNonce');
    jar.cookies.set('AWSALBAuthNonce', 'k1.AAAA');
    refused(await callback(query), 401, 'AuthInvalidAWSALBAuthNonce');
    jar.cookies.set('AWSALBAuthNonce', nonce);
    skippedMs += 15 * 60_000 + 1;
    refused(await callback(query), 401, 'AuthInvalidStateParam');
    assert.equal(logins.routeOf(query), undefined);
  });

  it('lets logins of several tabs end in any order', async () => {
    const first = await atProvider(await check({}, '/one'));
    const second = await atProvider(await check({}, '/two'));
    const back = await callback(first);
    assert.ok(back.kind === 'redirect' && back.location.endsWith('/one'));
    const other = await callback(second);
    assert.ok(other.kind === 'redirect' && other.location.endsWith('/two'));
  });

  it('takes a code once', async () => {
    const query = await atProvider(await check());
    assert.equal((await callback(query)).kind, 'redirect');
    refused(await callback(query), 401, 'AuthInvalidGrantError');
  });

  it('says what was wrong with the provider', async () => {
    const cases: readonly [path: string, status: number, body: string, number, string][] = [
      ['/token', 500, '', 500, 'AuthTokenEpRequestFailed'],
      ['/token', 200, 'no json', 401, 'AuthInvalidTokenResponse'],
      ['/token', 200, '{"access_token":"a\\r\\nb"}', 401, 'AuthInvalidTokenResponse'],
      ['/token', 200, '{"access_token":"a"}', 401, 'AuthInvalidIdToken'],
      ['/token', 200, '{"access_token":"a","id_token":"x"}', 401, 'AuthInvalidIdToken'],
      ['/userinfo', 503, '', 500, 'AuthUserinfoEpRequestFailed'],
      ['/userinfo', 200, '{"sub":"eve"}', 401, 'AuthInvalidUserinfoResponse'],
      ['/userinfo', 200, '[]', 401, 'AuthInvalidUserinfoResponse'],
    ];
    for (const [path, status, body, expected, problem] of cases) {
      issuer.instead.clear();
      const query = await atProvider(await check());
      issuer.instead.set(path, (response) => response.writeHead(status).end(body));
      refused(await callback(query), expected, problem);
    }
  });

  it('refuses an ID token of another login, client, or time', async () => {
    const soon = Math.floor(realClock.now() / 1000) + 60;
    const wrong: Record<string, unknown>[] = [
      { nonce: 'another' },
      { aud: 'another' },
      { aud: [issuer.clientId, 'another'] },
      { exp: soon - 120 },
      { exp: undefined },
      { sub: undefined },
      { sub: 'a\r\nb' },
      { iss: 'https://another' },
    ];
    for (const claims of wrong) {
      const outcome = await check();
      assert.ok(outcome.kind === 'redirect');
      const nonce = new URL(outcome.location).searchParams.get('nonce');
      const query = await atProvider(outcome);
      const good = { sub: 'ada', aud: issuer.clientId, exp: soon, nonce };
      const idToken = await issuer.token({ ...good, ...claims });
      issuer.instead.set('/token', (response) =>
        response.writeHead(200).end(JSON.stringify({ access_token: 'a', id_token: idToken })),
      );
      refused(await callback(query), 401, 'AuthInvalidIdToken');
      issuer.instead.clear();
    }
  });
});
