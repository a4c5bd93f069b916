// Events sent from a real etcd to a real HTTP server and into files, with servers that fail and leaders that change.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Clock } from '@berth/control/clock.ts';
import { ulidSource } from '@berth/control/ulid.ts';
import type { EventSinkRecord } from '@berth/model/generated/messages.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardUnchanged, putRecord } from '@berth/store/record.ts';
import { startCache } from '@berth/store/state-cache.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { Put } from '@berth/store/store.ts';
import { startTestEtcd, type TestEtcd } from '@berth/store/testing/etcd.ts';
import { realClock, silent, until } from '@berth/store/testing/time.ts';
import { transaction } from '@berth/store/transaction.ts';
import { Registry } from 'prom-client';

import type { TermContext } from '../context.ts';
import { controllerMetrics } from '../metrics.ts';
import { eventPut } from '../writes.ts';
import { EventSinks } from './event-sinks.ts';

/** Of a file of lines: about fifty of them. */
const FILE_BYTES = 20_000;
const REALM = { region: 'eu-1', account: '123456789012' };

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly id: string;
    readonly sequence: string;
    readonly type: string;
    readonly data: { readonly message?: string };
    readonly 'detail-type'?: string;
    readonly detail?: { readonly eventName?: string };
  };
}

describe('event sinks', function () {
  this.timeout(60_000);
  const sealer = KeyRing.create();
  /** Waits are short, so that tries follow each other soon; the time that a server may take is not. */
  const clock: Clock = {
    ...realClock,
    sleep: (ms, signal) => realClock.sleep(ms >= 60_000 ? ms : Math.min(ms, 20), signal),
  };
  const nextEventId = ulidSource(realClock, Math.random);
  let etcd: TestEtcd;
  let web: Server;
  let url: string;
  let received: Received[];
  /** What the server answers. */
  let answer: (received: Received) => number;
  let directory: string;
  let cache: StateCache;
  let ended: AbortController;
  const terms: { readonly end: () => Promise<void> }[] = [];

  before(async () => {
    web = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as Received['body'];
        const one = { headers: request.headers, body };
        const status = answer(one);
        if (status === 0) request.socket.destroy();
        else response.writeHead(status).end();
        if (status === 200) received.push(one);
      });
    }).listen(0, '127.0.0.1');
    await once(web, 'listening');
    url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/events`;
  });
  after(() => {
    web.closeAllConnections();
    web.close();
  });

  beforeEach(async () => {
    received = [];
    answer = () => 200;
    ended = new AbortController();
    directory = await mkdtemp(join(tmpdir(), 'berth-events-'));
    etcd = await startTestEtcd();
    const store = etcd.open();
    cache = await startCache(
      { store, clock: realClock, random: Math.random, logger: silent },
      ended.signal,
    );
    await commit(putRecord(collections.clusters, ['c'], complete('ClusterRecord', { name: 'c' })));
  });
  afterEach(async () => {
    for (const term of terms.splice(0)) await term.end();
    ended.abort();
    await etcd.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function commit(...puts: Put[]): Promise<number> {
    const { revision } = await etcd.open().commit(transaction({ puts }), ended.signal);
    await cache.reached(revision, ended.signal);
    return revision;
  }
  const event = (message: string): Put =>
    eventPut(
      'c',
      { kind: 'service', subject: 'web', service: 'web', message },
      { nextEventId, realm: REALM, now: realClock.now() },
    );
  const sink = (name: string, change: Partial<EventSinkRecord> = {}): Promise<number> =>
    commit(
      putRecord(
        collections.eventSinks,
        [name],
        complete('EventSinkRecord', {
          name,
          kind: 'webhook',
          url,
          format: 'cloudevents',
          mostTries: 3,
          timeoutSeconds: 60,
          ...change,
        }),
      ),
    );
  const cursor = (name: string) => cache.get(collections.eventSinkCursors, name)?.value;
  const messages = (): (string | undefined)[] => received.map(({ body }) => body.data.message);

  /** A controller that leads. */
  async function lead(holder: string): Promise<{ readonly end: () => Promise<void> }> {
    const leader = complete('LeaderRecord', { role: 'controller', holder });
    await commit(putRecord(collections.leader, ['controller'], leader));
    const led = cache.get(collections.leader, 'controller');
    assert.ok(led);
    const scope = new AbortController();
    const context = {
      store: etcd.open(),
      cache,
      leadership: { epoch: led.createRevision, guard: guardUnchanged(led), signal: scope.signal },
      clock,
      random: Math.random,
      logger: silent,
      metrics: controllerMetrics(new Registry(), () => 0),
      realm: REALM,
      sealer,
      eventDirectory: join(directory, holder),
      eventFileBytes: FILE_BYTES,
    };
    const running = new EventSinks(context as unknown as TermContext).run(scope.signal);
    const term = {
      end: async () => {
        scope.abort(new Error('the term is over'));
        await running;
      },
    };
    terms.push(term);
    return term;
  }

  it('get each event once and in order, with their headers, as CloudEvents', async () => {
    const sealedValue = sealer.seal(
      Buffer.from('Bearer secret'),
      keyOf(collections.eventSinks, 'hook'),
    );
    await lead('first');
    await sink('hook', { headers: [{ name: 'Authorization', sealedValue }] });
    for (let at = 0; at < 10; at += 1) await commit(event(`a ${at}`), event(`b ${at}`));
    await until('all are sent', () => received.length >= 20);
    assert.deepEqual(
      messages(),
      Array.from({ length: 10 }, (_, at) => [`a ${at}`, `b ${at}`]).flat(),
    );
    const sequences = received.map(({ body }) => body.sequence);
    assert.deepEqual(sequences, [...sequences].sort());
    assert.equal(new Set(sequences).size, 20);
    const [{ headers, body } = assert.fail()] = received;
    assert.equal(headers.authorization, 'Bearer secret');
    assert.match(headers['content-type'] ?? '', /^application\/cloudevents\+json/);
    assert.equal(body.type, 'berth.service-message');
    await until('the cursor follows', () => cursor('hook')?.delivered === 20);
  });

  it('go on where the leader before has stopped; what it did not save comes again', async () => {
    await sink('hook');
    const first = await lead('first');
    await commit(event('one'), event('two'));
    await until('both are sent', () => received.length === 2);
    await until('the cursor is saved', () => cursor('hook')?.delivered === 2);
    await first.end();
    await commit(event('three'));
    await lead('second');
    await until('the third is sent', () => messages().includes('three'));
    assert.deepEqual(messages(), ['one', 'two', 'three']);
  });

  it('write nothing for a leader that was deposed', async () => {
    await sink('hook');
    await lead('first');
    await lead('second');
    await commit(event('one'));
    await until('the cursor is saved', () => cursor('hook')?.delivered === 1);
    const { sequence } = cursor('hook') ?? assert.fail();
    assert.ok(received.length >= 1 && sequence > 0);
  });

  it('try again, then make a dead letter, which can be sent again; what follows keeps its order', async () => {
    let down = true;
    let tries = 0;
    answer = ({ body }) => {
      if (body.data.message !== 'bad') return 200;
      tries += 1;
      return down ? (tries % 2 === 0 ? 500 : 0) : 200;
    };
    await sink('hook', { mostTries: 4 });
    await lead('first');
    await commit(event('good'), event('bad'), event('better'));
    await until('the last is sent', () => messages().includes('better'));
    assert.equal(tries, 4);
    assert.deepEqual(messages(), ['good', 'better']);
    await until('the letter is there', () => {
      return [...cache.list(collections.eventDeadLetters, 'hook')].length === 1;
    });
    const [letter] = [...cache.list(collections.eventDeadLetters, 'hook')];
    assert.equal(letter?.value.event?.message, 'bad');
    assert.equal(letter.value.tries, 4);
    assert.match(letter.value.reason, /500|socket|closed/);
    assert.equal(cursor('hook')?.dead, 1);

    await sink('hook', { mostTries: 4, redrives: 1 });
    await until('the redrive is over', () => cursor('hook')?.redrives === 1);
    assert.equal([...cache.list(collections.eventDeadLetters, 'hook')].length, 1, 'still down');
    down = false;
    await sink('hook', { mostTries: 4, redrives: 2 });
    await until('the letter is gone', () => {
      return [...cache.list(collections.eventDeadLetters, 'hook')].length === 0;
    });
    assert.deepEqual(messages(), ['good', 'better', 'bad']);
  });

  it('get what their pattern names only, in the envelope of EventBridge', async () => {
    const pattern = JSON.stringify({
      'detail-type': ['ECS Service Action'],
      detail: { eventName: [{ prefix: 'SERVICE_STEADY' }] },
    });
    await sink('hook', { pattern, format: 'eventbridge' });
    await lead('first');
    await commit(event('(service web) stopped 1 pending tasks.'));
    await commit(event('(service web) has reached a steady state.'));
    await until('one is sent', () => received.length === 1);
    const [{ body } = assert.fail()] = received;
    assert.equal(body['detail-type'], 'ECS Service Action');
    assert.equal(body.detail?.eventName, 'SERVICE_STEADY_STATE');
  });

  it('write lines into a file of the machine that leads', async () => {
    await sink('audit', { kind: 'file', url: undefined });
    await lead('first');
    await commit(event('one'), event('two'));
    await until('both are saved', () => cursor('audit')?.delivered === 2);
    const text = await readFile(join(directory, 'first', 'audit.jsonl'), 'utf8');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Received['body']);
    assert.deepEqual(
      lines.map(({ data }) => data.message),
      ['one', 'two'],
    );
  });

  it('have each event once in their files, across a rotation and changes of leaders', async () => {
    await sink('audit', { kind: 'file', url: undefined });
    const path = join(directory, 'first', 'audit.jsonl');
    const written = async (): Promise<string[]> => {
      const texts = await Promise.all(
        [`${path}.1`, path].map((each) => readFile(each, 'utf8').catch(() => '')),
      );
      return texts
        .join('')
        .split('\n')
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as Received['body']).data.message ?? '');
    };
    const expected: string[] = [];
    for (let term = 0; term < 4; term += 1) {
      const leading = await lead('first');
      const names = Array.from({ length: 20 }, (_, at) => `${term}.${at}`);
      expected.push(...names);
      await commit(...names.map(event));
      // It ends before it has saved how far it has come.
      await until('all are written', async () => (await written()).length >= expected.length);
      await leading.end();
      assert.deepEqual(await written(), expected);
    }
    assert.deepEqual((await readdir(join(directory, 'first'))).sort(), [
      'audit.jsonl',
      'audit.jsonl.1',
    ]);
  });
});
