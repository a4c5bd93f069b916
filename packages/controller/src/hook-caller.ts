// Asks a lifecycle hook over HTTP: one POST, bounded in time and size.
import type { Clock } from '@berth/control/clock.ts';
import { withDeadline } from '@berth/control/scope.ts';
import { messageChain } from '@berth/model/errors.ts';
import type { HookCall, HookOutcome } from '@berth/model/deployment/shifting/hooks.ts';
import { outcomeOf } from '@berth/model/deployment/shifting/hooks.ts';
import { version } from '@berth/process/version.ts';

import { exchange, type HttpAnswer } from './http-exchange.ts';

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

function judged({ status, body }: HttpAnswer): HookOutcome {
  if (status >= 200 && status < 300) return outcomeOf(body);
  return { status: 'FAILED', reason: `it answered with status ${status}` };
}

function send(url: string, body: string, signal: AbortSignal): Promise<HttpAnswer> {
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': `berth/${version}`,
  };
  return exchange({ method: 'POST', url, headers, body, mostBytes: MOST_BYTES }, signal);
}
