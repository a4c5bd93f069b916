import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

import { ECSClient, ListClustersCommand } from '@aws-sdk/client-ecs';
import {
  DescribeRulesCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { AccessCredentials } from '@berth/model/access/principal.ts';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';

import { type AuthenticationFault, jsonFailure, queryFailure } from './failure.ts';
import { SigningKeys } from './signing-keys.ts';
import { type Expectations, type SignedRequest, verify } from './verify.ts';

const NOW = Date.parse('2026-01-31T12:00:00Z');
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const principal = { arn: 'arn:aws:iam::000000000000:user/ada' } as AccessCredentials['principal'];

const lasting: AccessCredentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: SECRET,
  sessionToken: undefined,
  expiresAt: undefined,
  principal,
};
const passing: AccessCredentials = {
  ...lasting,
  accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
  sessionToken: 'a/token+of=its-own',
  expiresAt: NOW + 60_000,
};

const keys = new SigningKeys();
const expected: Expectations = {
  lookup: (id, token) =>
    [lasting, passing].find((item) => item.accessKeyId === id && item.sessionToken === token),
  now: NOW,
  region: 'us-east-1',
  service: 'ecs',
  keys,
};

class Sha256 {
  readonly #hash: ReturnType<typeof createHash>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined
        ? createHash('sha256')
        : (createHmac('sha256', secret as string) as unknown as ReturnType<typeof createHash>);
  }

  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    throw new Error('not needed');
  }
}

interface Signing {
  readonly credentials?: AccessCredentials;
  readonly secret?: string;
  readonly region?: string;
  readonly service?: string;
  readonly at?: number;
  readonly method?: string;
  readonly path?: string;
  readonly query?: Record<string, string | string[]>;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** A request as the SDK signs it. */
async function signed(how: Signing = {}): Promise<SignedRequest> {
  const { credentials = lasting, body = '{"cluster":"default"}', query = {}, path = '/' } = how;
  const signer = new SignatureV4({
    credentials: {
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: how.secret ?? credentials.secretAccessKey,
      ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
    },
    region: how.region ?? 'us-east-1',
    service: how.service ?? 'ecs',
    sha256: Sha256,
  });
  const request = await signer.sign(
    {
      method: how.method ?? 'POST',
      protocol: 'http:',
      hostname: 'localhost',
      path,
      query,
      headers: {
        host: 'localhost:7406',
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'AmazonEC2ContainerServiceV20141113.DescribeTasks',
        ...how.headers,
      },
      body,
    },
    { signingDate: new Date(how.at ?? NOW) },
  );
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    [values].flat().map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
  );
  return {
    method: request.method,
    target: request.path + (pairs.length > 0 ? `?${pairs.join('&')}` : ''),
    rawHeaders: Object.entries(request.headers).flat(),
    body: Buffer.from(body),
  };
}

function withHeader(
  request: SignedRequest,
  name: string,
  value: string | undefined,
): SignedRequest {
  const pairs: string[] = [];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const header = request.rawHeaders[index] ?? '';
    if (header.toLowerCase() !== name) pairs.push(header, request.rawHeaders[index + 1] ?? '');
  }
  return { ...request, rawHeaders: value === undefined ? pairs : [...pairs, name, value] };
}

function header(request: SignedRequest, name: string): string {
  const index = request.rawHeaders.findIndex((item) => item.toLowerCase() === name);
  return request.rawHeaders[index + 1] ?? '';
}

async function refused(
  request: SignedRequest,
  fault: AuthenticationFault,
  message: RegExp,
  more: Partial<Expectations> = {},
): Promise<void> {
  const verdict = await verify(request, { ...expected, ...more });
  assert.ok(!verdict.authentic, 'it was taken as authentic');
  assert.equal(verdict.failure.fault, fault, verdict.failure.message);
  assert.match(verdict.failure.message, message);
}

async function taken(request: SignedRequest, more: Partial<Expectations> = {}): Promise<void> {
  const verdict = await verify(request, { ...expected, ...more });
  assert.ok(verdict.authentic, verdict.authentic ? '' : verdict.failure.message);
}

describe('SigV4', () => {
  it('takes the example of the specification', async () => {
    // AWS's test suite for Signature Version 4, "get-vanilla-query-order-key-case".
    const request: SignedRequest = {
      method: 'GET',
      target: '/?Param2=value2&Param1=value1',
      rawHeaders: [
        ...['Host', 'example.amazonaws.com', 'X-Amz-Date', '20150830T123600Z', 'Authorization'],
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
      ],
      body: Buffer.alloc(0),
    };
    await taken(request, {
      now: Date.parse('2015-08-30T12:36:00Z'),
      service: 'service',
      lookup: () => ({
        ...lasting,
        accessKeyId: 'AKIDEXAMPLE',
        secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
      }),
    });
  });

  it('takes what the SDK signs, whatever path, query, headers and body are', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map((item) => item.toWellFormed());
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.stringMatching(/^[a-zA-Z0-9 ~+=$]{1,8}$/), { maxLength: 3 }),
        fc.dictionary(
          // The SDK's signer keeps parameters in a plain object, which loses __proto__.
          text.filter((name) => !/^(?:$|x-amz|__proto__$)/i.test(name)),
          text,
        ),
        fc.stringMatching(/^[ -~]{0,30}$/),
        text,
        async (segments, query, value, body) => {
          const path = `/${segments.map(encodeURIComponent).join('/')}`;
          const request = await signed({ path, query, body, headers: { 'x-amz-thing': value } });
          await taken(request);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('takes requests of real clients over a real socket, and refuses them with another secret', async () => {
    const server = createServer((request, response) => {
      void (async () => {
        const body = await buffer(request);
        const { method = '', url = '', rawHeaders } = request;
        const service =
          url === '/' && request.headers['x-amz-target'] ? 'ecs' : 'elasticloadbalancing';
        const verdict = await verify(
          { method, target: url, rawHeaders, body },
          { ...expected, service, now: Date.now(), keys: new SigningKeys() },
        );
        const failure = verdict.authentic
          ? { status: 400, code: 'Authentic', message: verdict.credentials.accessKeyId }
          : jsonFailure(verdict.failure);
        response.writeHead(failure.status, { 'x-amzn-errortype': failure.code });
        response.end(JSON.stringify({ message: failure.message }));
      })();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const options = (secretAccessKey: string) => ({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      maxAttempts: 1,
      credentials: { accessKeyId: lasting.accessKeyId, secretAccessKey },
    });
    try {
      await assert.rejects(new ECSClient(options(SECRET)).send(new ListClustersCommand({})), {
        name: 'Authentic',
      });
      await assert.rejects(new ECSClient(options('other')).send(new ListClustersCommand({})), {
        name: 'InvalidSignatureException',
      });
      const balancing = new ElasticLoadBalancingV2Client(options(SECRET));
      await assert.rejects(
        balancing.send(new DescribeRulesCommand({ ListenerArn: 'arn:a/b' })),
        (error: { $metadata?: { httpStatusCode?: number }; $response?: { headers: object } }) =>
          JSON.stringify(error.$response?.headers).includes('"Authentic"'),
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('refuses any other byte in method, path, query, signed headers and body', async () => {
    const request = await signed({
      path: '/some/path',
      query: { Action: 'DescribeRules', Name: 'a b' },
      credentials: passing,
    });
    const other = (text: string, at: number): string => {
      const index = at % text.length;
      const changed = text[index] === 'x' ? 'y' : 'x';
      return text.slice(0, index) + changed + text.slice(index + 1);
    };
    const alterations: ((at: number) => SignedRequest)[] = [
      (at) => ({ ...request, method: other(request.method, at) }),
      (at) => ({ ...request, target: `/${other(request.target.slice(1), at)}` }),
      (at) => ({ ...request, body: Buffer.from(other(String(request.body), at)) }),
      ...request.rawHeaders
        .filter((_, index) => index % 2 === 0)
        .map((name) => (at: number) => withHeader(request, name, other(header(request, name), at))),
    ];
    await taken(request);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...alterations), fc.nat(400), async (alter, at) => {
        const verdict = await verify(alter(at), expected);
        assert.ok(!verdict.authentic);
      }),
      { numRuns: 400 },
    );
    await refused(
      { ...request, body: Buffer.from('{}') },
      'mismatch',
      /x-amz-content-sha256|calculated/,
    );
  });

  it('tells what is wrong with the key', async () => {
    await refused(await signed({ secret: 'another' }), 'mismatch', /signature we calculated/);
    const nobody = { ...lasting, accessKeyId: 'AKIAI44QH8DHBEXAMPLE' };
    await refused(await signed({ credentials: nobody }), 'unknown-key', /token .* is invalid/);
  });

  it('tells what is wrong with the scope', async () => {
    await refused(
      await signed({ region: 'eu-west-1' }),
      'mismatch',
      /valid region, not 'eu-west-1'/,
    );
    await refused(await signed({ service: 's3' }), 'mismatch', /correct service: 'ecs'/);
    const request = await signed();
    const altered = (from: string, to: string): SignedRequest =>
      withHeader(request, 'authorization', header(request, 'authorization').replace(from, to));
    await refused(altered('20260131/', '20260130/'), 'mismatch', /'20260130' != '20260131'/);
    await refused(
      altered('aws4_request', 'aws5'),
      'mismatch',
      /terminator: 'aws4_request', not 'aws5'/,
    );
  });

  it('takes clocks that differ by five minutes, and no more', async () => {
    await taken(await signed({ at: NOW - 300_000 }));
    await taken(await signed({ at: NOW + 300_000 }));
    await refused(
      await signed({ at: NOW - 301_000 }),
      'expired',
      /^Signature expired: 20260131T115459Z is now earlier than 20260131T115500Z \(20260131T120000Z - 5 min\.\)$/,
    );
    await refused(
      await signed({ at: NOW + 301_000 }),
      'mismatch',
      /^Signature not yet current: 20260131T120501Z is still later than 20260131T120500Z \(20260131T120000Z \+ 5 min\.\)$/,
    );
  });

  it('knows temporary credentials by their token, until they expire', async () => {
    const request = await signed({ credentials: passing });
    await taken(request);
    await refused(request, 'expired-token', /is expired$/, { now: NOW + 60_000 });
    await refused(withHeader(request, 'x-amz-security-token', 'x'), 'unknown-key', /invalid/);
    const tokenless = { ...passing, sessionToken: undefined };
    await refused(await signed({ credentials: tokenless }), 'unknown-key', /invalid/);
    const superfluous = { ...lasting, sessionToken: 'x' };
    await refused(await signed({ credentials: superfluous }), 'unknown-key', /invalid/);
  });

  it('wants host, time and all x-amz headers signed, each once', async () => {
    const request = await signed();
    await refused(
      withHeader(request, 'x-amz-more', '1'),
      'mismatch',
      /'x-amz-more' must be a 'SignedHeader'/,
    );
    const drop = (name: string): SignedRequest =>
      withHeader(
        request,
        'authorization',
        header(request, 'authorization').replace(new RegExp(`(;|=)${name};`), '$1'),
      );
    await refused(drop('host'), 'mismatch', /'host' must be a 'SignedHeader'/);
    await refused(drop('x-amz-date'), 'mismatch', /'x-amz-date' must be/);
    await refused(withHeader(request, 'content-type', undefined), 'mismatch', /no such header/);
    for (const name of ['x-amz-target', 'Authorization', 'Host']) {
      const twice = { ...request, rawHeaders: [...request.rawHeaders, name, 'x'] };
      await refused(twice, 'incomplete', /more than once/);
    }
  });

  it('wants the payload signed', async () => {
    const headers = { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
    await refused(
      await signed({ headers }),
      'mismatch',
      /UNSIGNED-PAYLOAD.*payload must be signed/,
    );
    await refused(
      withHeader(await signed(), 'x-amz-content-sha256', 'a'.repeat(64)),
      'mismatch',
      /does not match what was computed/,
    );
  });

  it('tells what a header lacks', async () => {
    const request = await signed();
    const cases: readonly (readonly [string | undefined, RegExp])[] = [
      ['Bearer abc', /requires AWS4-HMAC-SHA256/],
      ['AWS4-HMAC-SHA256', /'Credential'.*'Signature'.*'SignedHeaders'/],
      ['AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=00', /exactly 5/],
      ['AWS4-HMAC-SHA256 Credential', /missing equal-sign/],
      ['AWS4-HMAC-SHA256 Signature=a,Signature=b', /'Signature' more than once/],
      [
        'AWS4-HMAC-SHA256 Credential=a/20260131/r/s/aws4_request, SignedHeaders=host;HOST, Signature=0',
        /SignedHeaders must be/,
      ],
    ];
    for (const [text, message] of cases) {
      await refused(withHeader(request, 'authorization', text), 'incomplete', message);
    }
    await refused(withHeader(request, 'authorization', undefined), 'missing', /^Missing Auth/);
    await refused(withHeader(request, 'x-amz-date', 'now'), 'incomplete', /Got 'now'/);
    await refused(
      withHeader(request, 'x-amz-date', undefined),
      'incomplete',
      /existence of either/,
    );
    await refused(
      {
        ...withHeader(request, 'authorization', undefined),
        target: '/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00',
      },
      'incomplete',
      /query string are not accepted/,
    );
  });

  it('never fails otherwise, whatever the header is', async () => {
    const request = await signed();
    const piece = fc.constantFrom('AWS4-HMAC-SHA256', ' ', ',', '=', '/', ';', 'Credential=', 'a');
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
        const verdict = await verify(
          withHeader(request, 'authorization', pieces.join('')),
          expected,
        );
        assert.ok(!verdict.authentic);
      }),
    );
  });

  it('keeps a bounded number of derived keys, and none of another secret', () => {
    const few = new SigningKeys(2);
    const scope = { accessKeyId: 'a', date: '20260131', region: 'r', service: 's' };
    const first = few.of('one', scope);
    assert.equal(few.of('one', scope), first);
    assert.notDeepEqual(few.of('two', scope), first);
    for (const date of ['20260201', '20260202', '20260203']) few.of('one', { ...scope, date });
    assert.equal(few.size, 2);
  });

  it('has the codes of each protocol', () => {
    const codes = (fault: AuthenticationFault): unknown => [
      jsonFailure({ fault, message: 'm' }).code,
      queryFailure({ fault, message: 'm' }).status,
      queryFailure({ fault, message: 'm' }).code,
    ];
    assert.deepEqual(codes('missing'), [
      'MissingAuthenticationTokenException',
      403,
      'MissingAuthenticationToken',
    ]);
    assert.deepEqual(codes('mismatch'), [
      'InvalidSignatureException',
      403,
      'SignatureDoesNotMatch',
    ]);
    assert.deepEqual(codes('expired'), ['InvalidSignatureException', 400, 'RequestExpired']);
    assert.deepEqual(codes('expired-token'), ['ExpiredTokenException', 403, 'ExpiredToken']);
  });
});
