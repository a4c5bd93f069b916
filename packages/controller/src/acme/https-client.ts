// Requests to an ACME server: bounded in time and size, and with an authority of its own where that is not a public one.
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

import type { Clock } from '@berth/control/clock.ts';
import { withDeadline } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

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
    const answer = send(request, authorityPem, userAgent, ending.signal);
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

function send(
  { method, url, body }: HttpRequest,
  authorityPem: string | undefined,
  userAgent: string,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  const headers = {
    'user-agent': userAgent,
    ...(body === undefined ? {} : { 'content-type': 'application/jose+json' }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, signal, ca: authorityPem, agent: false });
    sent.on('error', reject);
    sent.on('response', (response) => {
      read(response).then(
        (text) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
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
