// Sends one request of each kind and says what became of it. Checks all of the answer: who answers, with how many bytes of
// what was sent.
import { type Agent, type IncomingMessage, request } from 'node:http';

import type { Fate, Kind, Outcome } from './fate.ts';

export const SLOW_MS = 1500;
const UPLOAD = Buffer.alloc(64 * 1024, 'b');
const MESSAGES = 10;
const PAUSE_MS = 200;
const TASK = /^[0-9a-f]{32}$/;

type End = Pick<Fate, 'outcome' | 'detail' | 'task'>;

/** It ended otherwise than it should. */
class Failure extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome, detail: string) {
    super(detail);
    this.outcome = outcome;
  }
}

/** @param agent of requests that share connections. Never rejects. */
export async function send(kind: Kind, url: string, agent: Agent, timeoutMs: number): Promise<End> {
  try {
    if (kind === 'websocket') return await converse(url, timeoutMs);
    return { outcome: 'ok', task: await exchange(kind, url, agent, timeoutMs) };
  } catch (error) {
    return { outcome: outcomeOf(error), detail: detailOf(error) };
  }
}

/** @returns the task that answered. @throws Failure, or what the socket had */
async function exchange(kind: Kind, url: string, agent: Agent, timeoutMs: number): Promise<string> {
  const body = kind === 'upload' ? UPLOAD : undefined;
  const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const outgoing = request(kind === 'slow' ? `${url}/slow?ms=${SLOW_MS}` : url, {
      method: body ? 'POST' : 'GET',
      agent: kind === 'new connection' ? false : agent,
      headers: body ? { 'content-length': body.length } : {},
    });
    const limit = setTimeout(
      () => outgoing.destroy(new Failure('time-out', `no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    outgoing.once('close', () => clearTimeout(limit));
    outgoing.once('error', reject);
    outgoing.once('response', (incoming) => void collect(incoming).then(resolve, reject));
    outgoing.end(body);
  });
  if (answer.status !== 200) {
    throw new Failure('status', `${answer.status}: ${answer.text.slice(0, 200).trim()}`);
  }
  return taskIn(answer.text, body?.length);
}

function collect(incoming: IncomingMessage): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.once('error', (error) => reject(cutShort(error)));
    incoming.once('close', () => {
      const text = Buffer.concat(chunks).toString();
      if (incoming.complete) resolve({ status: incoming.statusCode ?? 0, text });
      else reject(new Failure('cut short', `the answer ended after ${text.length} bytes`));
    });
  });
}

function cutShort(error: Error): Error {
  return error instanceof Failure ? error : new Failure('cut short', detailOf(error));
}

function taskIn(text: string, uploaded: number | undefined): string {
  const answer = parsed(text);
  const { task, bytes } = answer;
  if (typeof task !== 'string' || !TASK.test(task)) {
    throw new Failure('wrong body', `no task answered: ${text.slice(0, 200)}`);
  }
  if (bytes !== uploaded) {
    throw new Failure('wrong body', `${String(uploaded)} bytes were sent, it had ${String(bytes)}`);
  }
  return task;
}

function parsed(text: string): { readonly task?: unknown; readonly bytes?: unknown } {
  try {
    return JSON.parse(text) as { task?: unknown; bytes?: unknown };
  } catch {
    throw new Failure('wrong body', `no JSON: ${text.slice(0, 200)}`);
  }
}

/** Each message must come back before the next is said. */
function converse(url: string, timeoutMs: number): Promise<End> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`);
    let opened = false;
    let received = 0;
    const limit = setTimeout(() => {
      end({ outcome: 'time-out', detail: `no more after ${received} of ${MESSAGES} messages` });
      socket.close();
    }, timeoutMs);
    const say = (): void => socket.send(`message ${received}`);
    function end(how: End): void {
      clearTimeout(limit);
      resolve(how);
    }
    socket.onopen = () => {
      opened = true;
      say();
    };
    socket.onmessage = ({ data }) => {
      if (data !== `message ${received}`) {
        end({ outcome: 'wrong body', detail: `got ${String(data).slice(0, 200)}` });
        socket.close();
        return;
      }
      received += 1;
      if (received === MESSAGES) socket.close(1000);
      else setTimeout(say, PAUSE_MS);
    };
    socket.onclose = ({ code }) => {
      if (received === MESSAGES) end({ outcome: 'ok' });
      else {
        const detail = `closed with ${code} after ${received} of ${MESSAGES} messages`;
        end({ outcome: opened ? 'cut short' : 'refused', detail });
      }
    };
  });
}

const CODES: Readonly<Record<string, Outcome>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'time-out',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
};

function outcomeOf(error: unknown): Outcome {
  if (error instanceof Failure) return error.outcome;
  return CODES[(error as NodeJS.ErrnoException).code ?? ''] ?? 'other';
}

function detailOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
