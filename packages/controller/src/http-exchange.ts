// One request to somebody else's server, on a connection of its own; its answer is bounded in size. How long it may take is the
// caller's to say, by the signal.
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface HttpExchange {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Whom the server's certificate is signed by; undefined: a public authority. */
  readonly authorityPem?: string | undefined;
  /** What an answer's body may have. */
  readonly mostBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** @throws Error of the connection, or of an answer that is too large */
export function exchange(
  { method, url, headers, body, authorityPem, mostBytes }: HttpExchange,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, signal, ca: authorityPem, agent: false });
    sent.on('error', reject);
    sent.on('response', (response) => {
      read(response, mostBytes).then(
        (text) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        reject,
      );
    });
    sent.end(body);
  });
}

async function read(response: IncomingMessage, mostBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Error(`the answer is larger than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
