// One health check of one target, as ALB makes them: on a connection of its own, redirects not followed, the target's
// certificate not verified. Source: ALB reference, section 3.3; AWS's guide to network load balancers, health checks.
import { type ClientRequest, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Socket, connect as connectTcp } from 'node:net';

import type { CheckSettings } from '@berth/model/routing/group-settings.ts';
import type { ProbeOutcome } from '@berth/model/routing/target-health.ts';

import { isOwnShortage } from './connect-failure.ts';
import { type Http2Check, checkHttp2 } from './http2/check.ts';

export interface ProbeTarget {
  readonly address: string;
  readonly port: number;
}

/** A check that is under way. */
interface Attempt {
  /** Nobody waits for it any more. */
  abandon(): void;
}

const USER_AGENT = 'ELB-HealthChecker/2.0';
/** What is left of an answer is of no interest, but a target should not see its answer refused. */
const LINGER_MS = 100;

/** Never rejects; takes no longer than the check's timeout. An aborted signal, or a check that can't be made, ends it with `internal`. */
export function probe(
  target: ProbeTarget,
  check: CheckSettings,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    let attempt: Attempt | undefined;
    let over = false;
    const end = (outcome: ProbeOutcome): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      resolve(outcome);
      if (outcome.kind === 'answered') setTimeout(() => attempt?.abandon(), LINGER_MS).unref();
      else attempt?.abandon();
    };
    const aborted = (): void => end({ kind: 'internal' });
    const timer = setTimeout(() => end({ kind: 'timeout' }), check.timeoutMs);
    if (signal.aborted) {
      aborted();
      return;
    }
    signal.addEventListener('abort', aborted, { once: true });
    const place = { address: target.address, port: check.port ?? target.port };
    try {
      attempt = begin(place, check, end);
    } catch {
      aborted();
    }
  });
}

/** @throws when the path or the port is none */
function begin(
  { address, port }: ProbeTarget,
  check: CheckSettings,
  end: (outcome: ProbeOutcome) => void,
): Attempt {
  if (check.protocol === 'TCP') return checkTcp(address, port, end);
  const authority = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  if (check.grpc || check.http2) {
    const how: Http2Check = {
      address,
      port,
      authority,
      path: check.path,
      grpc: check.grpc,
      secure: check.protocol === 'HTTPS',
      userAgent: USER_AGENT,
    };
    return checkHttp2(how, end);
  }
  return checkHttp(address, port, authority, check, end);
}

/** A connection that stands is all that is asked for. */
function checkTcp(host: string, port: number, end: (outcome: ProbeOutcome) => void): Attempt {
  const socket: Socket = connectTcp({ host, port });
  socket.on('error', (error) => end(failed(error)));
  socket.on('connect', () => {
    socket.end();
    end({ kind: 'connected' });
  });
  return { abandon: () => socket.destroy() };
}

/** @throws when the path or the port is none */
function checkHttp(
  host: string,
  port: number,
  authority: string,
  check: CheckSettings,
  end: (outcome: ProbeOutcome) => void,
): Attempt {
  const send = check.protocol === 'HTTPS' ? httpsRequest : httpRequest;
  const sent: ClientRequest = send({
    host,
    port,
    path: check.path,
    method: 'GET',
    agent: false,
    rejectUnauthorized: false,
    headers: { Host: authority, 'User-Agent': USER_AGENT, Connection: 'close' },
  });
  sent.on('response', (response) => {
    response.on('error', () => undefined);
    response.resume();
    end({ kind: 'answered', code: response.statusCode ?? 0 });
  });
  sent.on('error', (error) => end(failed(error)));
  sent.on('close', () => end({ kind: 'failed' }));
  sent.end();
  return { abandon: () => sent.destroy() };
}

/** A check that this proxy could not make says nothing about the target. */
function failed(error: Error): ProbeOutcome {
  return { kind: isOwnShortage(error) ? 'internal' : 'failed' };
}
