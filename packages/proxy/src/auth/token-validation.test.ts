import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';

import type { Clock } from '@berth/control/clock.ts';
import type { JwtAdditionalClaim } from '@berth/model/generated/messages.ts';
import { realClock } from '@berth/process/real-clock.ts';
import { SignJWT } from 'jose';

import { Issuer } from '../testing/issuer.ts';
import { boundedFetch } from './bounded-fetch.ts';
import { KeySets } from './key-sets.ts';
import { bearerToken, validateToken } from './token-validation.ts';

const NEVER = new AbortController().signal;

describe('jwt-validation', () => {
  let issuer: Issuer;
  let skippedMs: number;
  let keySets: KeySets;
  const clock: Clock = {
    ...realClock,
    monotonic: () => realClock.monotonic() + skippedMs,
    now: () => realClock.now(),
  };
  const seconds = (): number => Math.floor(realClock.now() / 1000);

  beforeEach(async () => {
    skippedMs = 0;
    issuer = new Issuer();
    await issuer.start();
    keySets = new KeySets(boundedFetch(clock, NEVER), clock);
  });
  afterEach(() => issuer.stop());

  const judge = (token: string | undefined, additionalClaims: JwtAdditionalClaim[] = []) =>
    validateToken(
      token,
      { jwksEndpoint: `${issuer.url}/keys`, issuer: issuer.url, additionalClaims },
      keySets,
      clock,
    );

  it('lets a valid token pass, and asks for the keys once', async () => {
    const token = await issuer.token({ exp: seconds() + 60 });
    for (let i = 0; i < 3; i += 1) assert.equal((await judge(token)).kind, 'valid');
    assert.deepEqual(issuer.asked, ['keys']);
  });

  it('takes a token that names no key when one of the set has signed it', async () => {
    const token = await issuer.token({ exp: seconds() + 60 }, { kid: undefined });
    assert.equal((await judge(token)).kind, 'valid');
  });

  it('refuses what has expired, is not yet valid, has no end, or is of another issuer', async () => {
    const now = seconds();
    const wrong: Record<string, unknown>[] = [
      { exp: now - 60 },
      { exp: now + 60, nbf: now + 50 },
      { exp: now + 60, iat: now + 50 },
      {},
      { exp: now + 60, iss: 'https://other.example' },
    ];
    for (const claims of wrong) {
      assert.equal(
        (await judge(await issuer.token(claims))).kind,
        'invalid',
        JSON.stringify(claims),
      );
    }
  });

  it('refuses every token with an altered byte', async () => {
    const token = await issuer.token({ exp: seconds() + 60 });
    for (let at = 0; at < token.length - 1; at += 7) {
      const other = token[at] === 'A' ? 'B' : 'A';
      const altered = token.slice(0, at) + other + token.slice(at + 1);
      assert.notEqual((await judge(altered)).kind, 'valid', `byte ${at}`);
    }
  });

  it('refuses other algorithms, also those that take the public key for a secret', async () => {
    const claims = new SignJWT({ iss: issuer.url, exp: seconds() + 60 });
    const hmac = await claims.setProtectedHeader({ alg: 'HS256' }).sign(Buffer.alloc(32));
    const body = Buffer.from(JSON.stringify({ iss: issuer.url, exp: seconds() + 60 }));
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body.toString('base64url')}.`;
    for (const token of [hmac, none, 'no token', '', undefined]) {
      assert.equal((await judge(token)).kind, 'invalid');
    }
    assert.deepEqual(issuer.asked, []);
  });

  it('fetches the keys again for a key that it does not know, but not for each such token', async () => {
    const before = await issuer.token({ exp: seconds() + 60 });
    assert.equal((await judge(before)).kind, 'valid');
    await issuer.rotateKeys();
    const token = await issuer.token({ exp: seconds() + 60 });
    assert.equal((await judge(token)).kind, 'invalid');
    skippedMs += 11_000;
    assert.equal((await judge(token)).kind, 'valid');
    for (let i = 0; i < 5; i += 1) await judge(before);
    assert.equal(issuer.asked.length, 2);
  });

  it('says that there are no keys when the endpoint fails, is too large, or has no key set', async () => {
    const answers: readonly [number, string][] = [
      [500, '{}'],
      [200, 'no json'],
      [200, '{"keys":{}}'],
      [200, JSON.stringify({ keys: Array.from({ length: 11 }, () => ({ kty: 'RSA' })) })],
      [200, ' '.repeat(151 * 1024)],
    ];
    const token = await issuer.token({ exp: seconds() + 60 });
    for (const [status, body] of answers) {
      issuer.instead.set('/keys', (response) => response.writeHead(status).end(body));
      assert.equal((await judge(token)).kind, 'no-keys', body.slice(0, 20));
      skippedMs += 11_000;
    }
    issuer.instead.clear();
    assert.equal((await judge(token)).kind, 'valid');
  });

  it('passes over keys of a set that are of no use', async () => {
    const { keys } = (await (await fetch(`${issuer.url}/keys`)).json()) as { keys: object[] };
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const odd = [null, 1, { kty: 'RSA', n: 5 }, { kty: 'RSA', n: '!', e: '!' }, { kty: 'oct' }];
    const set = { keys: [...odd, { ...publicKey.export({ format: 'jwk' }) }, ...keys] };
    issuer.instead.set('/keys', (response) => response.end(JSON.stringify(set)));
    const token = await issuer.token({ exp: seconds() + 60 }, { kid: undefined });
    assert.equal((await judge(token)).kind, 'valid');
  });

  it('goes on with the keys that it has while the endpoint is away', async () => {
    const token = await issuer.token({ exp: seconds() + 60 });
    assert.equal((await judge(token)).kind, 'valid');
    issuer.instead.set('/keys', (response) => response.destroy());
    skippedMs += 3_600_000;
    assert.equal((await judge(token)).kind, 'valid');
  });

  it('asks additional claims for one of their values, in each format', async () => {
    const claims = { exp: seconds() + 60, scope: 'read write', groups: ['a', 'b'], tier: 'gold' };
    const token = await issuer.token(claims);
    const cases: readonly [JwtAdditionalClaim['format'], string, string[], boolean][] = [
      ['single-string', 'tier', ['silver', 'gold'], true],
      ['single-string', 'tier', ['go'], false],
      ['single-string', 'scope', ['read'], false],
      ['space-separated-values', 'scope', ['write'], true],
      ['space-separated-values', 'scope', ['writ'], false],
      ['string-array', 'groups', ['b'], true],
      ['string-array', 'groups', ['c'], false],
      ['string-array', 'tier', ['gold'], false],
      ['single-string', 'missing', ['x'], false],
    ];
    for (const [format, name, values, holds] of cases) {
      const { kind } = await judge(token, [{ name, format, values }]);
      assert.equal(kind, holds ? 'valid' : 'invalid', `${format} ${name} ${values.join()}`);
    }
  });
});

describe('bearerToken', () => {
  it('reads one token from one header', () => {
    assert.equal(bearerToken(['authorization', 'Bearer abc.def-_~+/=']), 'abc.def-_~+/=');
    assert.equal(bearerToken(['Authorization', 'bearer  x']), 'x');
    assert.equal(bearerToken(['Authorization', 'Basic eA==']), undefined);
    assert.equal(bearerToken(['Authorization', 'Bearer a b']), undefined);
    assert.equal(
      bearerToken(['Authorization', 'Bearer a', 'authorization', 'Bearer b']),
      undefined,
    );
    assert.equal(bearerToken([]), undefined);
  });
});
