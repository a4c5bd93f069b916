// Authentication on the data path: over TLS, in front of a real back end.
import assert from 'node:assert/strict';
import { request as httpsRequest } from 'node:https';

import type { Action, CookieKey } from '@berth/model/generated/messages.ts';
import { realClock } from '@berth/process/real-clock.ts';

import { type BackEnd, TestProxy, startBackEnd, until } from '../testing/data-path.ts';
import { Issuer, loginLink } from '../testing/issuer.ts';
import { place } from '../testing/secure.ts';

const KEYS: readonly CookieKey[] = [{ id: 'k1', key: Buffer.alloc(32, 1) }];
const FORWARD = {
  type: 'forward',
  forward: { targetGroups: [{ targetGroupArn: 'web' }] },
} as const;

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

describe('authentication on the data path', () => {
  let issuer: Issuer;
  let backEnd: BackEnd;
  let proxy: TestProxy;

  beforeEach(async () => {
    issuer = new Issuer();
    await issuer.start();
    backEnd = await startBackEnd('web', (message, response) => {
      message.resume();
      message.on('end', () => response.end(JSON.stringify(message.headers)));
    });
    proxy = new TestProxy();
  });
  afterEach(async () => {
    await proxy.stop();
    await backEnd.close();
    await issuer.stop();
  });

  const serve = async (...before: Action[]): Promise<void> => {
    await place(proxy, {
      listener: { defaultActions: [...before, FORWARD] },
      targets: [backEnd.port],
      more: { cookieKeys: KEYS },
    });
    await proxy.open();
    await until('the back end is healthy', () => proxy.targets()[0]?.health.state === 'healthy');
  };
  const get = (path: string, headers: Record<string, string> = {}, body?: string): Promise<Got> =>
    new Promise((resolve, reject) => {
      const method = body === undefined ? 'GET' : 'POST';
      const target = { host: '127.0.0.1', port: proxy.port, servername: 'example.com' };
      const sent = httpsRequest(
        {
          ...target,
          path,
          method,
          headers: { host: 'example.com', ...headers },
          rejectUnauthorized: false,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks).toString(),
            }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  const cookiesOf = ({ headers }: Got): string => {
    const lines = headers['set-cookie'];
    assert.ok(Array.isArray(lines));
    return lines.map((line) => line.split(';', 1)[0]).join('; ');
  };

  const login = (): Action => ({
    type: 'authenticate-oidc',
    authenticateOidc: {
      issuer: issuer.url,
      authorizationEndpoint: `${issuer.url}/authorize`,
      tokenEndpoint: `${issuer.url}/token`,
      userInfoEndpoint: `${issuer.url}/userinfo`,
      clientId: issuer.clientId,
      clientSecret: issuer.clientSecret,
      authenticationRequestExtraParams: {},
    },
  });

  it('has a person log in, and tells the target who it is; nobody can say so by themselves', async () => {
    await serve(login());
    const sent = await get('/inbox?x=1', { 'x-amzn-oidc-identity': 'eve' });
    assert.equal(sent.status, 302);
    assert.equal(backEnd.requests, 0);
    const page = await fetch(String(sent.headers['location']));
    const back = new URL(loginLink(await page.text()));
    const came = await get(`${back.pathname}${back.search}`, { cookie: cookiesOf(sent) });
    assert.equal(came.status, 302);
    assert.equal(came.headers['location'], 'https://example.com/inbox?x=1');
    const cookie = cookiesOf(came);
    const served = await get('/inbox', { cookie, 'X-Amzn-Oidc-Identity': 'eve' }, 'a body');
    assert.equal(served.status, 200);
    const seen = JSON.parse(served.body) as Record<string, string>;
    assert.equal(seen['x-amzn-oidc-identity'], 'ada');
    const [header = ''] = (seen['x-amzn-oidc-data'] ?? '').split('.');
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string };
    const key = await get(`/oauth2/public-keys/${kid}`);
    assert.equal((JSON.parse(key.body) as { crv: string }).crv, 'P-256');
  });

  it('leaves the paths of logins to the rules of listeners that have none', async () => {
    await serve();
    assert.equal((await get('/oauth2/idpresponse?state=x')).status, 200);
    assert.equal((await get('/oauth2/public-keys/x')).status, 200);
    assert.equal(backEnd.requests, 2);
  });

  it('asks for a token that the issuer has signed', async () => {
    const jwt = { jwksEndpoint: `${issuer.url}/keys`, issuer: issuer.url, additionalClaims: [] };
    await serve({ type: 'jwt-validation', jwtValidation: jwt });
    assert.equal((await get('/')).status, 401);
    assert.equal((await get('/', { authorization: 'Bearer x' })).status, 401);
    assert.equal(backEnd.requests, 0);
    const token = await issuer.token({ exp: Math.floor(realClock.now() / 1000) + 60 });
    const served = await get('/', { authorization: `Bearer ${token}` }, 'a body');
    assert.equal(served.status, 200);
    const seen = JSON.parse(served.body) as Record<string, string>;
    assert.equal(seen['authorization'], `Bearer ${token}`);
  });

  it('answers 562 while the keys can not be had', async () => {
    issuer.instead.set('/keys', (response) => response.destroy());
    const jwt = { jwksEndpoint: `${issuer.url}/keys`, issuer: issuer.url, additionalClaims: [] };
    await serve({ type: 'jwt-validation', jwtValidation: jwt });
    const token = await issuer.token({ exp: Math.floor(realClock.now() / 1000) + 60 });
    assert.equal((await get('/', { authorization: `Bearer ${token}` })).status, 562);
  });
});
