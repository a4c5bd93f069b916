// Clients of HTTP/2 that mean harm, in numbers, beside clients that do not. Source: ALB reference, section 6, cases 71-76; RFC 9113, section 10.5.
import assert from 'node:assert/strict';
import { connect } from 'node:net';

import { type BackEnd, startBackEnd, until } from '../testing/data-path.ts';
import {
  END_HEADERS,
  END_STREAM,
  ERROR,
  FRAME,
  GET,
  POST,
  RawHttp2,
  frame,
  hpack,
  u32,
} from '../testing/http2-frames.ts';

import { ProxyProcess } from './proxy-process.ts';
import { type Siege, besiege } from './under-attack.ts';

const LARGE = Buffer.alloc(8 * 1024 * 1024, 'x');
const CONNECTIONS = 10;
const STREAMS = 128;
const IDLE_MS = 3_000;
const NO_WINDOW = Buffer.from('000400000000', 'hex');
const WINDOW_OF_ONE = Buffer.from('000400000001', 'hex');

const asking = (path: string) =>
  GET.map(([name, value]) => [name, name === ':path' ? path : value] as const);
const large = asking('/large');
/** More than a stream may hold. */
const MEDIUM = LARGE.subarray(0, 512 * 1024);
const times = (count: number, make: (index: number) => Buffer): Buffer[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe('under attack by clients of HTTP/2', () => {
  let backEnd: BackEnd;
  let proxy: ProxyProcess;
  let raws: RawHttp2[] = [];

  before(async () => {
    backEnd = await startBackEnd('ok', (message, response) => {
      message.resume();
      if (message.url === '/large') response.end(LARGE);
      else if (message.url === '/medium') response.end(MEDIUM);
      else message.on('end', () => response.end('ok'));
    });
    proxy = await ProxyProcess.start({
      target: backEnd.port,
      settings: { idleTimeoutMs: IDLE_MS },
      listener: { 'berth.h2c.enabled': 'true' },
      attributes: { 'berth.timeouts.request_ms': '3000' },
    });
  });
  afterEach(() => {
    for (const raw of raws) raw.close();
    raws = [];
  });
  after(async () => {
    await proxy.stop();
    await backEnd.close();
  });

  async function attackers(settings?: Buffer, count = CONNECTIONS): Promise<RawHttp2[]> {
    raws = await Promise.all(
      Array.from({ length: count }, async () => {
        const socket = connect(proxy.port, '127.0.0.1');
        await new Promise((resolve) => socket.once('connect', resolve));
        const raw = new RawHttp2(socket);
        raw.polite = false;
        raw.send(frame(FRAME.settings, 0, 0, settings));
        return raw;
      }),
    );
    return raws;
  }

  const allGivenUp = (): Promise<void> =>
    until('every connection is given up', () => raws.every(({ closed }) => closed));

  function under(name: string, attack: (siege: Siege) => Promise<void>): void {
    it(name, () => besiege(proxy, attack));
  }

  /** @param round the frames that are sent over and over, until the connection is given up; `turn` counts from 0 */
  function flood(name: string, rounds: number, round: (turn: number) => readonly Buffer[]): void {
    under(`by ${name}, it gives them up`, async (siege) => {
      await attackers();
      for (let turn = 0; turn < rounds; turn += 1) {
        const frames = round(turn);
        for (const raw of raws) raw.send(...frames);
        const { inFlight } = await siege.look();
        assert.ok(inFlight <= CONNECTIONS * STREAMS + 2, `${inFlight} in flight`);
        if (raws.every(({ closed }) => closed)) break;
      }
      await siege.othersAreServed();
      await allGivenUp();
    });
  }

  flood('rapid resets', 20, (turn) =>
    times(100, (index) => {
      const stream = 1 + 2 * (100 * turn + index);
      return Buffer.concat([
        frame(FRAME.headers, END_HEADERS | END_STREAM, stream, hpack(GET)),
        frame(FRAME.reset, 0, stream, u32(ERROR.cancel)),
      ]);
    }),
  );
  flood('resets that they provoke', 20, (turn) =>
    times(100, (index) => {
      const stream = 1 + 2 * (100 * turn + index);
      return Buffer.concat([
        frame(FRAME.headers, END_HEADERS | END_STREAM, stream, hpack(GET)),
        frame(FRAME.windowUpdate, 0, stream, u32(0)),
      ]);
    }),
  );
  flood('requests that are malformed', 20, (turn) =>
    times(100, (index) =>
      frame(
        FRAME.headers,
        END_HEADERS | END_STREAM,
        1 + 2 * (100 * turn + index),
        hpack([...GET, ['connection', 'close']]),
      ),
    ),
  );
  flood('CONTINUATION without end', 50, (turn) => [
    ...(turn === 0 ? [frame(FRAME.headers, 0, 1, hpack(GET))] : []),
    ...times(100, (index) => frame(FRAME.continuation, 0, 1, hpack([[`a${index}`, 'b']]))),
  ]);
  flood('empty CONTINUATION', 50, (turn) => [
    ...(turn === 0 ? [frame(FRAME.headers, 0, 1, hpack(GET))] : []),
    ...times(100, () => frame(FRAME.continuation, 0, 1)),
  ]);
  flood('PING', 50, () => times(100, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8))));
  flood('SETTINGS', 50, () => times(100, () => frame(FRAME.settings, 0, 0, WINDOW_OF_ONE)));
  flood('empty DATA', 50, (turn) => [
    ...(turn === 0 ? [frame(FRAME.headers, END_HEADERS, 1, hpack(POST))] : []),
    ...times(100, () => frame(FRAME.data, 0, 1)),
  ]);
  flood('more streams at a time than it allows', 20, (turn) =>
    times(500, (index) =>
      frame(FRAME.headers, END_HEADERS, 1 + 2 * (500 * turn + index), hpack(POST)),
    ),
  );
  flood('windows that are too large', 4, (turn) => [
    frame(FRAME.headers, END_HEADERS | END_STREAM, 1 + 2 * turn, hpack(large)),
    ...times(3, () => frame(FRAME.windowUpdate, 0, 0, u32(0x7fffffff))),
  ]);

  under(
    'by headers that are small on the wire and large in memory, it refuses them',
    async (siege) => {
      await attackers();
      const entry = Buffer.concat([
        Buffer.of(0x40),
        hpack([['bomb', 'x'.repeat(3_900)]]).subarray(1),
      ]);
      const first = Buffer.concat([hpack(GET), entry]);
      // Sixteen thousand times the entry: 60 MB in 16 kB.
      const bomb = Buffer.concat([hpack(GET), Buffer.alloc(16_000, 0x80 | 62)]);
      for (const raw of raws) {
        raw.send(frame(FRAME.headers, END_HEADERS | END_STREAM, 1, first));
        for (let stream = 3; stream < 63; stream += 2) {
          raw.send(frame(FRAME.headers, END_HEADERS | END_STREAM, stream, bomb));
        }
      }
      await siege.othersAreServed();
      for (const raw of raws) assert.notEqual(await raw.fate(3), 'status 200');
      for (const raw of raws) raw.close();
    },
  );

  for (const [name, settings] of [
    ['nothing', NO_WINDOW],
    ['one byte', WINDOW_OF_ONE],
  ] as const) {
    under(`by windows of ${name}, it lets go of streams and target`, async (siege) => {
      await attackers(settings);
      for (const raw of raws) {
        for (let stream = 1; stream < 40; stream += 2) raw.request(stream, large);
      }
      await siege.until('all are in flight', ({ inFlight }) => inFlight >= 20 * CONNECTIONS);
      await siege.othersAreServed();
      await siege.until('the target is left', ({ inFlight }) => inFlight <= 2);
      for (const raw of raws) raw.close();
    });
  }

  // Each stream may hold two reads from its target, of 64 KiB.
  under('by all the streams of two that do not read, it holds little', async (siege) => {
    await attackers(Buffer.from('00047fffffff', 'hex'), 2);
    for (const raw of raws) {
      raw.socket.pause();
      raw.send(frame(FRAME.windowUpdate, 0, 0, u32(0x7f000000)));
      for (let stream = 1; stream < 2 * STREAMS; stream += 2)
        raw.request(stream, asking('/medium'));
    }
    await siege.until('they are in flight', ({ inFlight }) => inFlight >= 2 * STREAMS);
    await siege.othersAreServed();
    for (const raw of raws) raw.close();
    await siege.until('the target is left', ({ inFlight }) => inFlight <= 2);
  });

  under('by bodies that stop, it answers 408 and goes on', async (siege) => {
    await attackers();
    const body = hpack([...POST, ['content-length', '1000']]);
    for (const raw of raws) {
      for (let stream = 1; stream < 40; stream += 2) {
        raw.send(
          frame(FRAME.headers, END_HEADERS, stream, body),
          frame(FRAME.data, 0, stream, Buffer.of(120)),
        );
      }
    }
    await siege.until('all are in flight', ({ inFlight }) => inFlight >= 20 * CONNECTIONS);
    await siege.othersAreServed();
    await siege.until('the target is left', ({ inFlight }) => inFlight <= 2);
    for (const raw of raws) assert.equal(await raw.fate(1), 'status other');
    for (const raw of raws) raw.close();
  });
});
