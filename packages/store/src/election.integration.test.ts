import assert from 'node:assert/strict';

import { campaign } from './election.ts';
import type { EtcdStore } from './etcd-store.ts';
import { ROOT } from './keys.ts';
import type { Store } from './store.ts';
import { type Child, startChild } from './testing/child.ts';
import { startTestEtcd, type TestEtcd } from './testing/etcd.ts';
import { FaultProxy } from './testing/fault-proxy.ts';
import type { LeaderArguments } from './testing/leader-process.ts';
import { realClock, silent, until } from './testing/time.ts';
import { transaction } from './transaction.ts';

describe('an election on etcd', function () {
  this.timeout(60_000);
  const key = `${ROOT}events/election/writes`;
  let server: TestEtcd;
  let watcher: EtcdStore;
  let stop: AbortController;
  /** The epoch in each write that etcd accepted, in order. */
  let accepted: number[];
  let child: Child | undefined;

  before(async () => {
    server = await startTestEtcd();
    watcher = server.open();
  });
  after(() => server.close());
  beforeEach(async () => {
    stop = new AbortController();
    accepted = [];
    const { revision } = await watcher.list(ROOT, stop.signal, { limit: 1 });
    void follow(revision + 1, accepted, stop.signal);
  });
  afterEach(async () => {
    stop.abort();
    await child?.kill();
    child = undefined;
  });

  async function follow(from: number, into: number[], signal: AbortSignal): Promise<void> {
    for await (const { events } of watcher.watch(key, from, signal)) {
      for (const { entry } of events) if (entry) into.push(Number(entry.value.toString()));
    }
  }

  const last = (): number => accepted.at(-1) ?? 0;

  function assertOneWriterAfterTheOther(): void {
    const sorted = [...accepted].sort((a, b) => a - b);
    assert.deepEqual(accepted, sorted, 'a deposed leader wrote');
  }

  /** Leads and writes until stopped. @returns its end */
  function candidate(store: Store, signal: AbortSignal): Promise<void> {
    return campaign(
      {
        store,
        role: 'scheduler',
        holder: 'test',
        address: '',
        leaseSeconds: 2,
        clock: realClock,
        logger: silent,
      },
      async ({ epoch, guard, signal: term }) => {
        // It writes on for a moment after its term, as a leader does that has not noticed yet.
        for (let after = 0; after < 3; after += term.aborted ? 1 : 0) {
          const puts = [{ key, value: Buffer.from(String(epoch)) }];
          const write = store.commit(transaction({ guards: [guard], puts }), stop.signal);
          await write.catch(() => undefined);
        }
      },
      signal,
    );
  }

  it('refuses the writes of a leader that was stopped for longer than its lease', async () => {
    const argument: LeaderArguments = {
      endpoint: server.etcd.endpoint,
      tls: server.tls,
      key,
      leaseSeconds: 2,
    };
    child = startChild('leader-process.ts', argument);
    await until('the child leads and writes', () => accepted.length > 10);
    const first = last();
    const other = candidate(server.open(), stop.signal);
    child.process.kill('SIGSTOP');
    await until('the other leads and writes', () => last() > first);
    const second = last();
    child.process.kill('SIGCONT');
    await until(
      'the write of the first is refused',
      () => child?.lines.some((line) => (line as { refused?: number }).refused === first) ?? false,
    );
    await until('the other writes on', () => accepted.filter((one) => one === second).length > 50);
    assert.equal(last(), second);
    assertOneWriterAfterTheOther();
    stop.abort();
    await other;
  });

  it('never accepts two writers through twenty changes of the leader', async () => {
    const proxies: FaultProxy[] = [];
    const stopped: AbortController[] = [];
    const ends: Promise<void>[] = [];
    for (let at = 0; at < 3; at += 1) {
      const proxy = await FaultProxy.start(server.etcd.endpoint);
      proxies.push(proxy);
      ends.push(
        (async () => {
          const store = server.open({ endpoints: [proxy.address], callWithinMs: 300 });
          while (!stop.signal.aborted) {
            const own = new AbortController();
            stopped[at] = own;
            await candidate(store, AbortSignal.any([stop.signal, own.signal]));
          }
        })(),
      );
    }
    for (let change = 0; change < 20; change += 1) {
      const before = last();
      if (change % 10 === 9) {
        // All are cut off until the lease has run out: whoever led may not know it.
        for (const proxy of proxies) proxy.pause('to client');
        await until('the lease runs out', () => leaderIsGone());
        for (const proxy of proxies) {
          proxy.cut();
          proxy.resume();
        }
      } else for (const one of stopped) one.abort();
      await until('a new leader writes', () => last() > before);
    }
    await until('someone writes', () => accepted.length > 100);
    assertOneWriterAfterTheOther();
    stop.abort();
    await Promise.all(ends);
    await Promise.all(proxies.map((proxy) => proxy.close()));
  });

  async function leaderIsGone(): Promise<boolean> {
    const { entries } = await watcher.list(`${ROOT}leader/`, stop.signal);
    return entries.length === 0;
  }
});
