// One exchange with a target over HTTP/2: a stream of a session. Source: RFC 9113, section 8.
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';

import type { Loss, OutgoingRequest, Upstream, UpstreamOwner } from '../exchange-sides.ts';
import { parseLength } from '../response-head.ts';
import type { ResponseHead } from '../response-head.ts';
import { breakOff, faultOf, fieldsOf, trailerLines, trailerObject } from './fields.ts';

/** The session that a stream belongs to, as the stream sees it. */
export interface StreamHome {
  readonly session: ClientHttp2Session;
  readonly scheme: 'http' | 'https';
  /** The last stream that the target takes, once it has said that it takes no more. */
  readonly lastStream: number | undefined;
  onStreamClosed(stream: TargetStream): void;
}

const EXPECTS_LENGTH: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
const NO_TRAILERS = {};

export class TargetStream implements Upstream {
  readonly reused: boolean;
  readonly #home: StreamHome;
  #stream: ClientHttp2Stream | undefined;
  #owner: UpstreamOwner | undefined;
  #started = false;
  #headed = false;
  #requestEnded = false;
  #trailersOut = '';
  #trailersIn = '';
  #failure: { kind: Loss['kind']; message: string } | undefined;
  #closed = false;

  constructor(home: StreamHome, reused: boolean) {
    this.#home = home;
    this.reused = reused;
  }

  get full(): boolean {
    return this.#stream?.writableNeedDrain === true;
  }

  send(owner: UpstreamOwner, request: OutgoingRequest): boolean {
    this.#owner = owner;
    const { session } = this.#home;
    const bodiless = request.bodyLength === 0;
    this.#requestEnded = bodiless;
    try {
      this.#stream = session.request(this.#fields(request), {
        endStream: bodiless,
        waitForTrailers: !bodiless,
      });
    } catch (error) {
      this.#failure = { kind: 'closed', message: explain(error) };
      // The owner is never told within `send`.
      queueMicrotask(() => this.#onClose(true));
      return false;
    }
    this.#listen(this.#stream, request.idleTimeoutMs);
    return true;
  }

  #fields(request: OutgoingRequest): string[] {
    const { method, target, authority, bodyLength } = request;
    const fields = [
      ':method',
      method,
      ':scheme',
      this.#home.scheme,
      ':authority',
      authority,
      ':path',
      target,
      ...fieldsOf(request.lines),
    ];
    if (bodyLength > 0 || (bodyLength === 0 && EXPECTS_LENGTH.has(method))) {
      fields.push('content-length', String(bodyLength));
    }
    if (request.trailers) fields.push('te', 'trailers');
    return fields;
  }

  #listen(stream: ClientHttp2Stream, idleTimeoutMs: number): void {
    stream.setTimeout(idleTimeoutMs, () =>
      this.fail('timeout', 'nothing came or went for too long'),
    );
    stream.on('headers', (_headers, _flags, raw: string[]) => this.#onInterim(raw));
    stream.on('response', (_headers, flags: number, raw: string[]) => {
      this.#onResponse(raw, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0);
    });
    stream.on('trailers', (_headers, _flags, raw: string[]) => {
      const lines = trailerLines(raw);
      if (lines === undefined) this.fail('malformed', 'malformed trailers');
      else this.#trailersIn = lines;
    });
    stream.on('data', (chunk: Buffer) => {
      this.#owner?.onBody(chunk);
      this.#owner?.onPause();
    });
    stream.on('end', () => this.#onEnd());
    stream.on('drain', () => this.#owner?.onWritable());
    stream.on('wantTrailers', () => {
      stream.sendTrailers(
        this.#trailersOut === '' ? NO_TRAILERS : trailerObject(this.#trailersOut),
      );
    });
    stream.on(
      'error',
      (error: Error) => (this.#failure ??= { kind: 'closed', message: error.message }),
    );
    stream.on('close', () => this.#onClose(false));
  }

  write(chunk: Buffer): boolean {
    const stream = this.#stream;
    return stream === undefined || !stream.writable || stream.write(chunk);
  }

  end(trailers: string): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    this.#trailersOut = trailers;
    this.#stream?.end();
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  /** Streams share nothing that an exchange could leave behind. */
  retire(): void {
    return;
  }

  abandon(): void {
    this.#owner = undefined;
    this.#reset();
  }

  /** Breaks it off; the owner is told. */
  fail(kind: Loss['kind'], message: string): void {
    this.#failure ??= { kind, message };
    this.#reset();
    this.#onClose(false);
  }

  #reset(): void {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed) return;
    if (this.#requestEnded) {
      stream.close(constants.NGHTTP2_CANCEL);
      // What is still on its way is of no interest; unread it would keep the stream.
      stream.resume();
    } else breakOff(stream);
  }

  #onInterim(raw: readonly string[]): void {
    const head = responseHead(raw);
    if (typeof head === 'string') this.fail('malformed', head);
    else if (head.status === 103) this.#owner?.onInformational(103, head.lines);
  }

  #onResponse(raw: readonly string[], last: boolean): void {
    this.#started = true;
    const head = responseHead(raw);
    if (typeof head === 'string' || head.status < 200) {
      this.fail('malformed', typeof head === 'string' ? head : 'unexpected interim answer');
      return;
    }
    this.#headed = true;
    this.#owner?.onHead(head);
    if (!last) this.#owner?.onPause();
  }

  #onEnd(): void {
    const stream = this.#stream;
    const owner = this.#owner;
    // A stream that was reset ends too, as far as Node.js is concerned.
    const whole = this.#headed && (stream?.rstCode ?? 0) === constants.NGHTTP2_NO_ERROR;
    if (owner === undefined || !whole || this.#failure !== undefined) return;
    this.#owner = undefined;
    owner.onResponseEnd(undefined, this.#trailersIn);
    // The target has answered before it has heard all.
    if (!this.#requestEnded) stream?.close(constants.NGHTTP2_NO_ERROR);
  }

  /** @param unsent not even its head was sent */
  #onClose(unsent: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#home.onStreamClosed(this);
    const owner = this.#owner;
    this.#owner = undefined;
    if (owner === undefined) return;
    const refused = unsent || this.#refused();
    const kind = this.#failure?.kind ?? 'closed';
    owner.onLost({
      kind: refused && kind === 'closed' && !unsent ? 'refused' : kind,
      message: this.#failure?.message ?? 'the target closed the stream',
      started: this.#started,
      reused: this.reused,
      unsent: refused,
    });
  }

  /** The target has said that it did nothing. Source: RFC 9113, section 8.7. */
  #refused(): boolean {
    const stream = this.#stream;
    if (this.#started || stream === undefined) return false;
    const { lastStream } = this.#home;
    return (
      stream.rstCode === constants.NGHTTP2_REFUSED_STREAM ||
      stream.id === undefined ||
      (lastStream !== undefined && stream.id > lastStream)
    );
  }
}

function responseHead(raw: readonly string[]): ResponseHead | string {
  let status = 0;
  let lines = '';
  let contentLength = -1;
  let dated = false;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (name === ':status') {
      if (status !== 0 || !/^[1-5][0-9][0-9]$/.test(value)) return 'malformed status';
      status = Number(value);
      continue;
    }
    const fault = faultOf(name, value);
    if (fault !== undefined) return fault;
    if (name === 'content-length') {
      const length = parseLength(value);
      if (length === undefined || contentLength >= 0) return 'malformed content-length';
      contentLength = length;
      continue;
    }
    dated ||= name === 'date';
    lines += `${name}: ${value}\r\n`;
  }
  if (status === 0) return 'no status';
  return {
    status,
    reason: '',
    lines,
    contentLength: status === 204 ? -1 : contentLength,
    chunked: false,
    keepAlive: true,
    keepAliveMs: undefined,
    upgrade: undefined,
    dated,
  };
}

function explain(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
