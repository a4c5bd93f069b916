// A request to an identity provider: bounded in time and in the size of its answer.
import type { Clock } from '@berth/control/clock.ts';
import { withDeadline } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';

export interface FetchLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export interface Fetched {
  readonly status: number;
  readonly text: string;
}

export type BoundedFetch = (
  url: string,
  request: {
    readonly method?: 'GET' | 'POST';
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  },
  limits: FetchLimits,
) => Promise<Fetched>;

/**
 * Redirects are not followed: an answer with one is given back as it is.
 * @throws BerthError DeadlineExceeded, LimitExceededException for an answer that is too large, Unavailable
 */
export function boundedFetch(clock: Clock, signal: AbortSignal): BoundedFetch {
  return async (url, { method = 'GET', headers = {}, body }, { timeoutMs, maxBytes }) => {
    const ending = new AbortController();
    const work = async (): Promise<Fetched> => {
      const response = await fetch(url, {
        method,
        headers,
        redirect: 'manual',
        signal: ending.signal,
        ...(body === undefined ? {} : { body }),
      });
      return { status: response.status, text: await readText(response, url, maxBytes) };
    };
    try {
      return await withDeadline(work(), timeoutMs, clock, signal, `${method} ${url}`);
    } catch (cause) {
      if (cause instanceof BerthError) throw cause;
      throw new BerthError('Unavailable', `${method} ${url} failed`, { cause });
    } finally {
      ending.abort();
    }
  };
}

async function readText(response: Response, url: string, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const body = response.body as AsyncIterable<Uint8Array> | null;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) {
      throw new BerthError(
        'LimitExceededException',
        `${url} answered with more than ${maxBytes} bytes`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
