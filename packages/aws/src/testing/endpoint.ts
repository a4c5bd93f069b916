// An AWS endpoint over handlers of a test's own, and requests to it that are signed as the SDK signs.
import { createHash, createHmac } from 'node:crypto';

import type { AccessCredentials } from '@berth/model/access/principal.ts';
import { createRegistry } from '@berth/process/metrics.ts';
import { realClock } from '@berth/process/real-clock.ts';
import { testLogger, type TestLogger } from '@berth/rpc/testing/fixtures.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { methodsOf } from '@berth/rpc/load.ts';
import { SignatureV4 } from '@smithy/signature-v4';

import { type AwsOptions, startAws } from '../start.ts';
import type { UnhandledCall } from '../wire/dispatch.ts';

export const KEY = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret' };
export const REGION = 'us-east-1';
export const PRINCIPAL: AccessCredentials['principal'] = {
  arn: 'arn:aws:iam::000000000000:user/ada',
  uniqueId: 'AIDAADA',
  name: 'ada',
  accessKeyId: KEY.accessKeyId,
  authority: { kind: 'user', user: 'ada' },
  policies: [],
  sessionPolicy: undefined,
  tags: {},
};

export interface SeenCall {
  readonly method: string;
  readonly request: Record<string, unknown>;
  readonly call: CallContext;
}

export interface TestEndpoint {
  /** http://HOST:PORT */
  readonly url: string;
  /** Every call that reached a handler. */
  readonly seen: SeenCall[];
  /** What was told to the audit log of the others. */
  readonly recorded: UnhandledCall[];
  readonly logger: TestLogger;
  /** For clients of the SDK. */
  readonly settings: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: typeof KEY;
    readonly maxAttempts: number;
  };
  stop(graceMs?: number): Promise<void>;
}

/** What a method answers: a message, or what the function makes of the request. */
type Answers = Readonly<
  Record<string, object | ((request: Record<string, unknown>) => object | Promise<object>)>
>;

/** Methods without an answer of their own answer an empty message. */
export async function startEndpoint(answers: Answers = {}): Promise<TestEndpoint> {
  const seen: SeenCall[] = [];
  const recorded: UnhandledCall[] = [];
  const logger = testLogger();
  const service = (name: keyof AwsOptions['handlers']): object =>
    Object.fromEntries(
      [...methodsOf(name).keys()].map((method) => [
        method,
        async (request: Record<string, unknown>, call: CallContext) => {
          seen.push({ method, request, call });
          const answer = answers[method] ?? {};
          return isFunction(answer) ? answer(request) : answer;
        },
      ]),
    );
  const handlers = {
    Ecs: service('Ecs'),
    LoadBalancing: service('LoadBalancing'),
    Scaling: service('Scaling'),
    Access: service('Access'),
    LogGroups: service('LogGroups'),
    Operations: service('Operations'),
  } as AwsOptions['handlers'];
  const role = await startAws(
    {
      listen: '127.0.0.1:0',
      tls: undefined,
      realm: { region: REGION, account: '000000000000' },
      handlers,
      access: {
        credentials: (accessKeyId) =>
          Promise.resolve(
            accessKeyId === KEY.accessKeyId
              ? { ...KEY, sessionToken: undefined, expiresAt: undefined, principal: PRINCIPAL }
              : undefined,
          ),
        check: () => Promise.resolve(),
        record: (call) => {
          recorded.push(call);
          return Promise.resolve();
        },
      },
    },
    {
      clock: realClock,
      random: Math.random,
      logger,
      metrics: createRegistry({ defaults: false }),
    },
  );
  const url = `http://${role.address}`;
  return {
    url,
    seen,
    recorded,
    logger,
    settings: { endpoint: url, region: REGION, credentials: KEY, maxAttempts: 1 },
    stop: (graceMs = 1_000) => role.stop(graceMs),
  };
}

function isFunction(
  answer: Answers[string],
): answer is (request: Record<string, unknown>) => object | Promise<object> {
  return typeof answer === 'function';
}

class Sha256 {
  readonly #hash: { update(data: string | Uint8Array): unknown; digest(): Buffer };

  constructor(secret?: unknown) {
    this.#hash =
      secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Buffer);
  }

  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    throw new Error('a hash is used once');
  }
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Any body, signed. @param target of X-Amz-Target; without it the body is that of a Query call */
export async function send(
  endpoint: { readonly url: string; readonly credentials?: typeof KEY },
  how: {
    readonly service: string;
    readonly target?: string;
    readonly body: string | Uint8Array<ArrayBuffer>;
    readonly method?: string;
    readonly query?: Readonly<Record<string, string>>;
  },
): Promise<RawAnswer> {
  const { service, target, body, method = 'POST', query = {} } = how;
  const { host, hostname } = new URL(endpoint.url);
  const { credentials = KEY } = endpoint;
  const signer = new SignatureV4({ credentials, region: REGION, service, sha256: Sha256 });
  const signed = await signer.sign({
    method,
    protocol: 'http:',
    hostname,
    path: '/',
    query: { ...query },
    headers: {
      host,
      'content-type':
        target === undefined ? 'application/x-www-form-urlencoded' : 'application/x-amz-json-1.1',
      ...(target === undefined ? {} : { 'x-amz-target': target }),
    },
    ...(method === 'GET' ? {} : { body }),
  });
  const search = new URLSearchParams(query).toString().replaceAll('+', '%20');
  const answer = await fetch(`${endpoint.url}/${search === '' ? '' : `?${search}`}`, {
    method,
    headers: signed.headers,
    ...(method === 'GET' ? {} : { body }),
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** True for XML 1.0 whose elements are closed in order and whose texts are escaped. Attributes only on the root. */
export function isWellFormed(text: string): boolean {
  if (/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(text)) return false;
  const open: string[] = [];
  let at = 0;
  for (const match of text.matchAll(/<(\/?)([A-Za-z][A-Za-z0-9.]*)(?: xmlns="[^"<&]*")?(\/?)>/g)) {
    const between = text.slice(at, match.index);
    if (/[<>]|&(?!(?:amp|lt|gt|quot|apos|#xD);)/.test(between)) return false;
    at = match.index + match[0].length;
    const [, closing, name = '', empty] = match;
    if (closing === '/') {
      if (open.pop() !== name) return false;
      if (open.length === 0) return at === text.length;
    } else if (empty !== '/') open.push(name);
  }
  return false;
}
