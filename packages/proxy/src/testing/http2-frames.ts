// HTTP/2 frame by frame, as only an attacker or a broken client would send it. Source: RFC 9113, section 4; RFC 7541.
import type { Socket } from 'node:net';
import { connect } from 'node:tls';

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;
export const ERROR = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  refused: 7,
  cancel: 8,
  calm: 11,
} as const;

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export type Fields = readonly (readonly [name: string, value: string])[];

/** Literals without a name of the tables, without indexing, not compressed. */
export function hpack(fields: Fields): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

/** An integer with a prefix of seven bits, and so many bytes. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  const length: number[] = [];
  let rest = bytes.length;
  if (rest < 127) length.push(rest);
  else {
    length.push(127);
    rest -= 127;
    for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) | 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

export const GET: Fields = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'example.com'],
  [':path', '/'],
];
export const POST: Fields = GET.map(([name, value]) =>
  name === ':method' ? ([name, 'POST'] as const) : ([name, value] as const),
);

const DEADLINE_MS = 30_000;

export class RawHttp2 {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  closed = false;
  /** Whether settings and pings of the other side are acknowledged. */
  polite = true;
  #bytes = Buffer.alloc(0);
  readonly #watchers = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('close', () => {
      this.closed = true;
      this.#look();
    });
    socket.write(PREFACE, 'latin1');
  }

  static async overTls(port: number, settings: Buffer = Buffer.alloc(0)): Promise<RawHttp2> {
    const socket = connect({
      port,
      host: '127.0.0.1',
      servername: 'example.com',
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve).once('error', reject);
    });
    const client = new RawHttp2(socket);
    client.send(frame(FRAME.settings, 0, 0, settings));
    return client;
  }

  send(...frames: readonly Buffer[]): void {
    if (!this.closed) this.socket.write(Buffer.concat(frames));
  }

  request(stream: number, fields: Fields, body?: string): void {
    this.send(
      frame(
        FRAME.headers,
        END_HEADERS | (body === undefined ? END_STREAM : 0),
        stream,
        hpack(fields),
      ),
      ...(body === undefined ? [] : [frame(FRAME.data, END_STREAM, stream, Buffer.from(body))]),
    );
  }

  #onData(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 9) {
      const length = this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < 9 + length) break;
      const found: Frame = {
        type: this.#bytes.readUInt8(3),
        flags: this.#bytes.readUInt8(4),
        stream: this.#bytes.readUInt32BE(5) & 0x7fffffff,
        payload: Buffer.from(this.#bytes.subarray(9, 9 + length)),
      };
      this.#bytes = this.#bytes.subarray(9 + length);
      this.frames.push(found);
      const control = found.type === FRAME.settings || found.type === FRAME.ping;
      if (this.polite && control && (found.flags & ACK) === 0) {
        this.send(frame(found.type, ACK, 0, found.type === FRAME.ping ? found.payload : undefined));
      }
    }
    this.#look();
  }

  #look(): void {
    for (const watch of [...this.#watchers]) watch();
  }

  /** Waits for a frame, or for the end of the connection: then undefined. */
  find(what: string, matches: (frame: Frame) => boolean): Promise<Frame | undefined> {
    return new Promise((resolve, reject) => {
      const end = (result: Frame | undefined): void => {
        clearTimeout(timer);
        this.#watchers.delete(watch);
        resolve(result);
      };
      const watch = (): void => {
        const found = this.frames.find(matches);
        if (found !== undefined || this.closed) end(found);
      };
      const timer = setTimeout(() => {
        this.#watchers.delete(watch);
        reject(new Error(`not seen: ${what}; but ${JSON.stringify(this.frames.map(describe))}`));
      }, DEADLINE_MS);
      this.#watchers.add(watch);
      watch();
    });
  }

  /** What becomes of a stream: `status 200`, `reset 1`, `goaway 11`, `closed`. */
  async fate(stream: number): Promise<string> {
    const found = await this.find(
      `the fate of stream ${stream}`,
      ({ type, stream: of }) =>
        type === FRAME.goaway ||
        (of === stream && (type === FRAME.headers || type === FRAME.reset)),
    );
    return found === undefined ? 'closed' : describe(found);
  }

  /** The code of the GOAWAY; undefined where the connection just ended. */
  async goaway(): Promise<number | undefined> {
    const found = await this.find('GOAWAY', ({ type }) => type === FRAME.goaway);
    return found?.payload.readUInt32BE(4);
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Of the static table. Source: RFC 7541, appendix A. */
const STATUSES: Readonly<Record<number, number>> = {
  8: 200,
  9: 204,
  11: 304,
  12: 400,
  13: 404,
  14: 500,
};

export function describe({ type, payload }: Frame): string {
  switch (type) {
    case FRAME.headers: {
      const first = payload.readUInt8(0);
      return `status ${(first & 128) !== 0 ? (STATUSES[first & 127] ?? 'other') : 'other'}`;
    }
    case FRAME.reset:
      return `reset ${payload.readUInt32BE(0)}`;
    case FRAME.goaway:
      return `goaway ${payload.readUInt32BE(4)}`;
    default:
      return `frame ${type}`;
  }
}
