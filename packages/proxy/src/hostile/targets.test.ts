// Targets that mean harm, or are broken, beside one that is not. Source: ALB reference, section 6, cases 83 and 92-96.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';

import {
  type BackEnd,
  type RawBackEnd,
  startBackEnd,
  startRawBackEnd,
  until,
} from '../testing/data-path.ts';
import { type RawClient, rawClient, statuses } from '../testing/raw.ts';

import { ProxyProcess } from './proxy-process.ts';
import { type Siege, besiege } from './under-attack.ts';

const CLIENTS = 40;
const IDLE_MS = 3_000;

/** Says something as soon as a request has come, other than a health check. */
type Behaviour = (socket: Socket, request: string) => void;

const ok = (body: string, more = ''): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

describe('under attack by a target', () => {
  let backEnd: BackEnd;
  let bad: RawBackEnd;
  let proxy: ProxyProcess;
  let behave: Behaviour = () => undefined;
  let greeting = '';
  let clients: RawClient[] = [];

  before(async () => {
    backEnd = await startBackEnd('ok');
    bad = await startRawBackEnd((socket) => {
      if (greeting !== '') socket.write(greeting);
      socket.on('data', (chunk: Buffer) => {
        const text = chunk.toString('latin1');
        if (text.startsWith('GET /healthz')) socket.end(ok('well'));
        else behave(socket, text);
      });
    });
    proxy = await ProxyProcess.start({
      target: backEnd.port,
      bad: bad.port,
      settings: { idleTimeoutMs: IDLE_MS },
    });
  });
  afterEach(() => {
    for (const { socket } of clients) socket.destroy();
    clients = [];
    greeting = '';
  });
  after(async () => {
    await proxy.stop();
    await bad.close();
    await backEnd.close();
  });

  /** So many clients ask the target; each is told how the number of its request is. @returns what they were told */
  async function ask(head = 'GET', body = ''): Promise<string[]> {
    clients = Array.from({ length: CLIENTS }, (_, index) =>
      rawClient(
        proxy.port,
        `${head} /bad/${index} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${body}`,
      ),
    );
    return Promise.all(clients.map((client) => client.answer()));
  }

  const GET_END = '\r\n';

  function under(name: string, target: Behaviour, attack: (siege: Siege) => Promise<void>): void {
    it(name, () => {
      behave = target;
      return besiege(proxy, attack);
    });
  }

  const all = (answers: readonly string[], ...found: number[]): void =>
    assert.deepEqual(
      answers.map(statuses),
      answers.map(() => found),
    );

  under(
    'that says nothing, clients are told 504',
    () => undefined,
    async (siege) => {
      const asked = ask('GET', GET_END);
      await siege.until('all are in flight', ({ inFlight }) => inFlight >= CLIENTS);
      await siege.othersAreServed();
      all(await asked, 504);
    },
  );

  under(
    'that promises more than it sends, clients see that something is missing',
    (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort'),
    async (siege) => {
      const answers = await ask('GET', GET_END);
      await siege.othersAreServed();
      for (const answer of answers)
        assert.match(answer, /Content-Length: 1000\r\n[^]*\r\n\r\n(?:short)?$/);
    },
  );

  under(
    'that dies within a chunk, clients see that something is missing',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\nab', () =>
        socket.resetAndDestroy(),
      );
    },
    async () => {
      for (const answer of await ask('GET', GET_END)) assert.doesNotMatch(answer, /\r\n0\r\n/);
    },
  );

  under(
    'that sends more than it says, nobody gets what belongs to another',
    (socket, text) => {
      const number = /^GET \/bad\/(\d+)/.exec(text)?.[1] ?? '?';
      socket.write(`${ok(`mine ${number}`)}${ok('poison')}`);
    },
    async () => {
      for (let round = 0; round < 3; round += 1) {
        const answers = await ask('GET', GET_END);
        for (const [index, answer] of answers.entries()) {
          assert.match(answer, new RegExp(`\\r\\n\\r\\nmine ${index}$`));
        }
      }
    },
  );

  under(
    'that sends something when it has answered long ago, nobody gets it',
    (socket, text) => {
      const number = /^GET \/bad\/(\d+)/.exec(text)?.[1] ?? '?';
      socket.write(ok(`mine ${number}`));
    },
    async () => {
      for (let round = 0; round < 3; round += 1) {
        const answers = await ask('GET', GET_END);
        for (const [index, answer] of answers.entries()) {
          assert.match(answer, new RegExp(`\\r\\n\\r\\nmine ${index}$`));
        }
        for (const socket of bad.sockets) socket.write(ok('poison'));
        await until('its connections are closed', () => bad.sockets.size === 0);
      }
    },
  );

  under(
    'that answers early, clients get the answer and the rest is thrown away',
    (socket, text) => {
      // A request may come in one piece with the end of the one before.
      const heads = text.match(/POST \/bad/g) ?? [];
      if (heads.length > 0) socket.write(ok('early').repeat(heads.length));
    },
    async () => {
      const body = 'x'.repeat(100_000);
      const answers = await ask('POST', `Content-Length: ${body.length}\r\n\r\n${body}`);
      for (const answer of answers) assert.match(answer, /\r\n\r\nearly$/);
    },
  );

  under(
    'that sends headers without end, clients are told 502',
    (socket) => {
      const more = (): void => {
        while (socket.writable && socket.write(`X-More: ${'y'.repeat(1_000)}\r\n`));
      };
      socket.write('HTTP/1.1 200 OK\r\n');
      socket.on('drain', more);
      more();
    },
    async (siege) => {
      const asked = ask('GET', GET_END);
      await siege.othersAreServed();
      all(await asked, 502);
    },
  );

  under(
    'that sends interim answers without end, clients are told 502',
    (socket) => {
      const more = (): void => {
        while (socket.writable && socket.write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'));
      };
      socket.on('drain', more);
      more();
    },
    async () => all(await ask('GET', GET_END), 502),
  );

  under(
    'that sends trailers without end, clients see that something is missing',
    (socket) => {
      const more = (): void => {
        while (socket.writable && socket.write(`X-More: ${'y'.repeat(1_000)}\r\n`));
      };
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n');
      socket.on('drain', more);
      more();
    },
    async () => {
      for (const answer of await ask('GET', GET_END))
        assert.doesNotMatch(answer, /\r\n0\r\n|X-More/);
    },
  );

  under(
    'that sends a body without end, it is held to what its clients take and left with them',
    (socket) => {
      const part = Buffer.alloc(65_536, 'z');
      const more = (): void => {
        while (socket.writable && socket.write(part));
      };
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.on('drain', more);
      more();
    },
    async (siege) => {
      clients = Array.from({ length: CLIENTS }, () =>
        rawClient(proxy.port, 'GET /bad HTTP/1.1\r\nHost: a\r\n\r\n'),
      );
      for (const { socket } of clients) socket.pause();
      await siege.until('all are in flight', ({ inFlight }) => inFlight >= CLIENTS);
      await siege.othersAreServed();
      for (const { socket } of clients) socket.resetAndDestroy();
      await siege.until('the target is left', ({ inFlight }) => inFlight <= 2);
      await until('its connections are closed', () => bad.sockets.size === 0);
    },
  );

  under(
    'that talks before it is asked, no client gets two answers',
    (socket) => socket.write(ok('mine')),
    async () => {
      greeting = ok('poison');
      const answers = await ask('GET', GET_END);
      for (const answer of answers) {
        // What is there before the request can't be told from an answer that came fast, unless it is too much.
        const [status] = statuses(answer);
        assert.ok(status === 502 || status === 200, answer);
        assert.equal(statuses(answer).length, 1);
      }
    },
  );
});
