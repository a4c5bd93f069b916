// Asks a lifecycle hook over HTTP: one POST, bounded in time and size.
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

import type { Clock } from '@berth/control/clock.ts';
import { withDeadline } from '@berth/control/scope.ts';
import { messageChain } from '@berth/model/errors.ts';
import type { HookCall, HookOutcome } from '@berth/model/deployment/shifting/hooks.ts';
import { outcomeOf } from '@berth/model/deployment/shifting/hooks.ts';
import { version } from '@berth/process/version.ts';

/** Asks once. What goes wrong is an outcome as well: a hook that says nothing of use has failed. */
export type HookCaller = (
  call: Pick<HookCall, 'url' | 'payload'>,
  signal: AbortSignal,
) => Promise<HookOutcome>;

/** As long as a Lambda function may run at most is not waited for: who needs longer answers IN_PROGRESS. */
const TIMEOUT_MS = 30_000;
const MOST_BYTES = 64 * 1024;
/** Connections that fail are made anew; an answer, whatever it says, is not asked for twice. */
const TRIES = 3;
const AGAIN_MS = 1_000;

export function httpHookCaller(clock: Clock): HookCaller {
  return async ({ url, payload }, signal) => {
    const body = JSON.stringify(payload);
    let failure: unknown;
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      if (attempt > 1) await clock.sleep(AGAIN_MS, signal);
      const ending = new AbortController();
      try {
        const sent = send(url, body, ending.signal);
        const answer = await withDeadline(sent, TIMEOUT_MS, clock, signal, `POST ${url}`);
        return judged(answer);
      } catch (error) {
        signal.throwIfAborted();
        failure = error;
      } finally {
        ending.abort();
      }
    }
    return {
      status: 'FAILED',
      reason: `it could not be asked, in ${TRIES} attempts: ${messageChain(failure)}`,
    };
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function judged({ status, body }: Answer): HookOutcome {
  if (status >= 200 && status < 300) return outcomeOf(body);
  return { status: 'FAILED', reason: `it answered with status ${status}` };
}

function send(url: string, body: string, signal: AbortSignal): Promise<Answer> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': `berth/${version}`,
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers, signal, agent: false });
    sent.on('error', reject);
    sent.on('response', (response) => {
      read(response).then(
        (text) => resolve({ status: response.statusCode ?? 0, body: text }),
        reject,
      );
    });
    sent.end(body);
  });
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`the answer is larger than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
