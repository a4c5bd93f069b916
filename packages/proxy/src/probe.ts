// One health check of one target, as ALB makes them: GET on a connection of its own, redirects not followed, the
// target's certificate not verified. Source: ALB reference, section 3.3.
import { type ClientRequest, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

import type { CheckSettings } from '@berth/model/routing/group-settings.ts';
import type { ProbeOutcome } from '@berth/model/routing/target-health.ts';

export interface ProbeTarget {
  readonly address: string;
  readonly port: number;
}

/** Never rejects; takes no longer than the check's timeout. An aborted signal, or a check that can't be made, ends it with `internal`. */
export function probe(
  target: ProbeTarget,
  check: CheckSettings,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    let sent: ClientRequest;
    try {
      sent = request(target, check);
    } catch {
      resolve({ kind: 'internal' });
      return;
    }
    const end = (outcome: ProbeOutcome): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      resolve(outcome);
      // What is left of the answer is of no interest, but a target should not see its answer refused.
      setTimeout(() => sent.destroy(), 100).unref();
    };
    const aborted = (): void => {
      end({ kind: 'internal' });
      sent.destroy();
    };
    const timer = setTimeout(() => {
      end({ kind: 'timeout' });
      sent.destroy();
    }, check.timeoutMs);
    sent.on('response', (response) => {
      response.on('error', () => undefined);
      response.resume();
      end({ kind: 'answered', code: response.statusCode ?? 0 });
    });
    sent.on('error', () => end({ kind: 'failed' }));
    sent.on('close', () => end({ kind: 'failed' }));
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
    sent.end();
  });
}

/** @throws when the path or the port is none */
function request({ address, port: own }: ProbeTarget, check: CheckSettings): ClientRequest {
  const port = check.port ?? own;
  const send = check.protocol === 'HTTPS' ? httpsRequest : httpRequest;
  return send({
    host: address,
    port,
    path: check.path,
    method: 'GET',
    agent: false,
    rejectUnauthorized: false,
    headers: {
      Host: `${address.includes(':') ? `[${address}]` : address}:${port}`,
      'User-Agent': 'ELB-HealthChecker/2.0',
      Connection: 'close',
    },
  });
}
