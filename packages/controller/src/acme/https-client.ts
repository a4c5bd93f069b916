// Requests to an ACME server: bounded in time and size, and with an authority of its own where that is not a public one.
import type { Clock } from '@berth/control/clock.ts';
import { withDeadline } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';

import { exchange, type HttpAnswer } from '../http-exchange.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: string;
  readonly body?: string | undefined;
}

export type Ask = (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>;

const TIMEOUT_MS = 15_000;
const MOST_BYTES = 256 * 1024;

/**
 * @param authorityPem whom the server's certificate is signed by; undefined: a public authority
 * @param userAgent RFC 8555, section 6.1 asks for one
 */
export function asker(clock: Clock, authorityPem: string | undefined, userAgent: string): Ask {
  return async (request, signal) => {
    const ending = new AbortController();
    const headers = {
      'user-agent': userAgent,
      ...(request.body === undefined ? {} : { 'content-type': 'application/jose+json' }),
    };
    const answer = exchange(
      { ...request, headers, authorityPem, mostBytes: MOST_BYTES },
      ending.signal,
    );
    const what = `${request.method} ${request.url}`;
    try {
      return await withDeadline(answer, TIMEOUT_MS, clock, signal, what);
    } catch (cause) {
      if (cause instanceof BerthError) throw cause;
      throw new BerthError('Unavailable', `${what} failed`, { cause });
    } finally {
      ending.abort();
    }
  };
}
