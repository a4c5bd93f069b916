// An open-loop load: requests leave on a fixed schedule, whether or not earlier ones were answered, so that
// a stall shows as what users would have felt. Every request's fate is counted.
import { Agent, request } from 'node:http';

export interface LoadOptions {
  /** Base of the sample service, for instance http://127.0.0.1:8080/hello */
  readonly url: string;
  readonly requestsPerSecond: number;
  /** A request that is not answered by then has failed. */
  readonly timeoutMs: number;
}

export interface Fate {
  readonly kind: Kind;
  readonly ok: boolean;
  readonly error?: string;
  readonly taskId?: string;
  readonly revision?: string;
  /** Milliseconds since the load began, at the request's departure. */
  readonly at: number;
  readonly tookMs: number;
}

export interface Load {
  readonly fates: readonly Fate[];
  failures(): readonly Fate[];
  /** Stop sending, wait for what is under way. */
  stop(): Promise<void>;
}

type Kind = 'keep-alive' | 'new connection' | 'slow' | 'upload' | 'websocket';

/** What a hundred requests consist of. */
const MIX: readonly (readonly [Kind, number])[] = [
  ['keep-alive', 60],
  ['new connection', 25],
  ['upload', 10],
  ['slow', 5],
];
const SLOW_MS = 1500;
const WEBSOCKET_EVERY_MS = 500;
const WEBSOCKET_MESSAGES = 10;
const UPLOAD = Buffer.alloc(64 * 1024, 'b');

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Start the load; `stop` ends it. */
export function startLoad(options: LoadOptions): Load {
  const fates: Fate[] = [];
  const begin = performance.now();
  const pending = new Set<Promise<void>>();
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const schedule = MIX.flatMap(([kind, count]) => Array<Kind>(count).fill(kind));
  let sent = 0;

  function track(kind: Kind, attempt: () => Promise<Partial<Fate>>): void {
    const at = performance.now() - begin;
    const work = attempt()
      .then((facts) => ({ ok: true, ...facts }))
      .catch((error: unknown) => ({ ok: false, error: describe(error) }))
      .then((outcome) => {
        fates.push({ kind, at, tookMs: performance.now() - begin - at, ...outcome });
      });
    pending.add(work);
    void work.finally(() => pending.delete(work));
  }

  function fire(): void {
    const due = Math.floor(((performance.now() - begin) / 1000) * options.requestsPerSecond);
    for (; sent < due; sent += 1) {
      // A prime stride mixes the kinds evenly.
      const kind = schedule[(sent * 37) % schedule.length] ?? 'keep-alive';
      track(kind, () => sendOne(kind, options, agent));
    }
  }

  const timer = setInterval(fire, 5);
  const sockets = setInterval(
    () => track('websocket', () => converse(options)),
    WEBSOCKET_EVERY_MS,
  );

  return {
    fates,
    failures: () => fates.filter(({ ok }) => !ok),
    stop: async () => {
      clearInterval(timer);
      clearInterval(sockets);
      await Promise.all(pending);
      agent.destroy();
    },
  };
}

async function sendOne(kind: Kind, options: LoadOptions, agent: Agent): Promise<Partial<Fate>> {
  const path = kind === 'slow' ? `/slow?ms=${SLOW_MS}` : '';
  const answer = await exchange(`${options.url}${path}`, {
    method: kind === 'upload' ? 'POST' : 'GET',
    agent: kind === 'new connection' ? false : agent,
    body: kind === 'upload' ? UPLOAD : undefined,
    timeoutMs: options.timeoutMs,
  });
  if (answer.status !== 200)
    throw new Error(`status ${answer.status}: ${answer.body.slice(0, 200)}`);
  const taskId = /\b[0-9a-f]{32}\b/.exec(answer.body)?.[0];
  if (!taskId) throw new Error(`an answer without a task id: ${answer.body.slice(0, 200)}`);
  return { taskId };
}

interface ExchangeOptions {
  readonly method: string;
  readonly agent: Agent | false;
  readonly body?: Buffer | undefined;
  readonly timeoutMs: number;
}

function exchange(url: string, options: ExchangeOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: options.method, agent: options.agent }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('error', reject);
      incoming.once('end', () => {
        if (!incoming.complete) reject(new Error('the answer was cut short'));
        else resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
      });
    });
    outgoing.setTimeout(options.timeoutMs, () =>
      outgoing.destroy(new Error(`no answer within ${options.timeoutMs} ms`)),
    );
    outgoing.once('error', reject);
    outgoing.end(options.body);
  });
}

/** One WebSocket conversation of about two seconds: each message must come back. */
function converse(options: LoadOptions): Promise<Partial<Fate>> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${options.url.replace(/^http/, 'ws')}/ws`);
    let received = 0;
    const limit = setTimeout(() => fail('no echo in time'), options.timeoutMs);
    const say = (): void => socket.send(`message ${received}`);
    function fail(reason: string): void {
      clearTimeout(limit);
      socket.close();
      reject(new Error(`WebSocket: ${reason} after ${received} of ${WEBSOCKET_MESSAGES} messages`));
    }
    socket.onopen = say;
    socket.onmessage = ({ data }) => {
      if (data !== `message ${received}`) {
        fail(`got ${String(data)}`);
        return;
      }
      received += 1;
      if (received < WEBSOCKET_MESSAGES) setTimeout(say, 200);
      else socket.close(1000);
    };
    socket.onerror = () => fail('error');
    socket.onclose = ({ code }) => {
      if (received < WEBSOCKET_MESSAGES) fail(`closed with ${code}`);
      clearTimeout(limit);
      resolve({});
    };
  });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return code ? `${code}: ${error.message}` : error.message;
}
