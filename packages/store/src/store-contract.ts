// What every store must do. Run against the memory store and against a real etcd, so that what is tested and
// simulated on the one is true on the other.
import assert from 'node:assert/strict';

import { isBerthError } from '@berth/model/errors.ts';

import { canResume, isCompactedRead } from './failures.ts';
import { ROOT } from './keys.ts';
import type { Entry, Store, Transaction, WatchBatch, WatchEvent } from './store.ts';
import { until } from './testing/time.ts';
import { transaction } from './transaction.ts';

export interface ContractSubject {
  readonly store: Store;
  /** Another client of the same data. */
  readonly peer: Store;
  /** Forget all history up to now. */
  compact(): Promise<void>;
  /** Let the leases that nobody renews run out; their ttl is 2 s. */
  expire(): Promise<void>;
  /** The answer to the next commit of `store` is lost; the commit reaches its data. */
  loseReply(): void;
}

/** @param subject called in each test; keys of different tests do not meet */
export function storeContract(name: string, subject: () => ContractSubject): void {
  describe(`${name} as a store`, () => {
    let store: Store;
    let peer: Store;
    let stop: AbortController;
    let base: string;
    let test = 0;

    beforeEach(() => {
      ({ store, peer } = subject());
      stop = new AbortController();
      test += 1;
      base = `${ROOT}events/contract-${test}/`;
    });
    afterEach(() => stop.abort());

    const key = (suffix: string): string => `${base}${suffix}`;
    const put = (suffix: string, value = suffix, lease?: string) => ({
      key: key(suffix),
      value: Buffer.from(value),
      lease,
    });
    const commit = (parts: Partial<Transaction>, on = store) =>
      on.commit(transaction(parts), stop.signal);
    const committed = async (parts: Partial<Transaction>, on = store): Promise<number> => {
      const result = await commit(parts, on);
      assert.ok(result.committed);
      return result.revision;
    };
    const get = (suffix: string) => store.get(key(suffix), stop.signal);
    const keysNow = async (): Promise<string[]> => {
      const { entries } = await store.list(base, stop.signal);
      return entries.map((entry) => entry.key.slice(base.length));
    };

    it('keeps what was put, with its revisions and version', async () => {
      assert.equal(await get('a'), undefined);
      const first = await committed({ puts: [put('a', 'one')] });
      const second = await committed({ puts: [put('a', 'two')] });
      const entry = await get('a');
      assert.equal(entry?.value.toString(), 'two');
      assert.deepEqual(
        [entry.createRevision, entry.modRevision, entry.version],
        [first, second, 2],
      );
      await committed({ deletes: [key('a')] });
      assert.equal(await get('a'), undefined);
      const third = await committed({ puts: [put('a')] });
      assert.deepEqual([(await get('a'))?.createRevision, (await get('a'))?.version], [third, 1]);
    });

    it('does all of a transaction or nothing, as its guards say', async () => {
      const revision = await committed({ puts: [put('a')] });
      const tries: [Partial<Transaction>['guards'], boolean][] = [
        [[{ key: key('a'), modRevision: revision }], true],
        [[{ key: key('a'), modRevision: revision }], false],
        [[{ key: key('a'), createRevision: revision }], true],
        [[{ key: key('a'), createRevision: revision - 1 }], false],
        [[{ key: key('a'), modRevision: 0 }], false],
        [[{ key: key('none'), modRevision: 0 }], true],
        [[{ key: key('none'), createRevision: 0 }], true],
        [[{ key: key('none'), createRevision: revision }], false],
      ];
      for (const [at, [guards = [], expected]] of tries.entries()) {
        const result = await commit({
          guards,
          puts: [put('a', `try ${at}`), put(`new ${at}`)],
        });
        assert.equal(result.committed, expected, `try ${at}`);
        assert.equal((await get('a'))?.value.toString() === `try ${at}`, expected);
        assert.equal((await get(`new ${at}`)) !== undefined, expected);
        assert.ok(result.revision >= revision);
      }
    });

    it('lets one of two win who create the same key', async () => {
      const create = (on: Store, value: string) =>
        commit({ guards: [{ key: key('a'), modRevision: 0 }], puts: [put('a', value)] }, on);
      const results = await Promise.all([create(store, 'mine'), create(peer, 'theirs')]);
      assert.equal(results.filter((result) => result.committed).length, 1);
      assert.equal((await get('a'))?.value.toString(), results[0].committed ? 'mine' : 'theirs');
    });

    it('gives each of many transactions offered at once its own outcome', async () => {
      await committed({ puts: [put('taken')] });
      const offers = Array.from({ length: 300 }, (_, at) => ({
        guards: [{ key: key(at % 3 === 0 ? 'taken' : 'free'), modRevision: 0 }],
        puts: [put(`x${at}`)],
      }));
      const results = await Promise.all(offers.map((offer) => commit(offer)));
      for (const [at, result] of results.entries()) {
        assert.equal(result.committed, at % 3 !== 0);
        const entry = await get(`x${at}`);
        assert.equal(entry?.modRevision, result.committed ? result.revision : undefined);
      }
    });

    it('carries out writes of one key in the order in which they were offered', async () => {
      const offers: Promise<unknown>[] = [];
      for (let at = 0; at < 50; at += 1) {
        offers.push(commit({ puts: [put('a', `${at}`), put(`other ${at}`)] }));
        if (at % 7 === 3) offers.push(commit({ deletes: [key('a')] }));
      }
      await Promise.all(offers);
      assert.equal((await get('a'))?.value.toString(), '49');
      await Promise.all([commit({ puts: [put('a')] }), commit({ deletes: [key('a')] })]);
      assert.equal(await get('a'), undefined);
      await Promise.all([commit({ deletes: [key('a')] }), commit({ puts: [put('a', 'last')] })]);
      assert.equal((await get('a'))?.value.toString(), 'last');
    });

    it('counts a chain of guarded writes that were offered without waiting', async () => {
      const revision = await committed({ puts: [put('a', '0')] });
      const stale = { guards: [{ key: key('a'), modRevision: revision }], puts: [put('a', '1')] };
      const results = await Promise.all([commit(stale), commit(stale), commit(stale)]);
      assert.deepEqual(
        results.map((result) => result.committed),
        [true, false, false],
      );
    });

    it('refuses what is too large, and nothing else suffers', async () => {
      const many = Array.from({ length: 129 }, (_, at) => put(`${at}`));
      const refusals: Partial<Transaction>[] = [
        { puts: many },
        { deletes: many.map((one) => one.key) },
        { guards: many.map((one) => ({ key: one.key, modRevision: 0 })), puts: [put('x')] },
        { puts: [put('x', 'x'.repeat(1024 * 1024))] },
      ];
      const alongside = committed({ puts: [put('good')] });
      for (const refusal of refusals) {
        await assert.rejects(commit(refusal), { code: 'LimitExceededException' });
      }
      await assert.rejects(commit({ puts: [put('x'), put('x')] }), { name: 'InvariantError' });
      await alongside;
      assert.deepEqual(await keysNow(), ['good']);
    });

    it('takes what is just small enough', async () => {
      const many = Array.from({ length: 128 }, (_, at) => put(`${at}`));
      const guards = many.map((one) => ({ key: one.key, modRevision: 0 }));
      await committed({ guards, puts: many });
      assert.equal((await commit({ guards, puts: many })).committed, false);
      await committed({ deletes: many.map((one) => one.key) });
      await committed({ puts: [put('big', 'x'.repeat(1_000_000))] });
      assert.equal((await get('big'))?.value.length, 1_000_000);
    });

    it('lists ten thousand records in order, at one revision', async () => {
      const names = Array.from({ length: 10_000 }, (_, at) => String(at).padStart(5, '0'));
      const commits: Promise<unknown>[] = [];
      for (let at = 0; at < names.length; at += 100) {
        const puts = names.slice(at, at + 100).map((one) => put(one, 'x'.repeat(300)));
        commits.push(commit({ puts }));
      }
      await Promise.all(commits);
      const page = await store.list(base, stop.signal);
      assert.deepEqual(
        page.entries.map((entry) => entry.key.slice(base.length)),
        names,
      );
      assert.ok(page.entries.every((entry) => entry.modRevision <= page.revision));
      const entries: Entry[] = [];
      for await (const one of store.pages(base, stop.signal)) {
        entries.push(...one.entries);
        assert.equal(one.revision, page.revision);
      }
      assert.deepEqual(entries, page.entries);
      const first = await store.list(base, stop.signal, { limit: 3, keysOnly: true });
      assert.deepEqual(
        first.entries.map((entry) => [entry.key.slice(base.length), entry.value.length]),
        names.slice(0, 3).map((one) => [one, 0]),
      );
    });

    it('watches whole transactions in order, from any revision on', async () => {
      const from = await committed({ puts: [put('a'), put('b')] });
      const second = await committed({ puts: [put('c')], deletes: [key('a')] });
      const batches = watching(store.watch(base, from, stop.signal));
      await until('the past is seen', () => batches.seen().length === 4);
      const last = await committed({ puts: [put('a', 'again'), put('d')] }, peer);
      await until('the present is seen', () => batches.seen().length === 6);
      assert.deepEqual(
        batches.seen().map((event) => `${event.entry ? '+' : '-'}${event.key.slice(base.length)}`),
        ['+a', '+b', '+c', '-a', '+a', '+d'],
      );
      assert.deepEqual(
        batches.seen().map((event) => event.modRevision),
        [from, from, second, second, last, last],
      );
      for (const batch of batches.all) {
        for (const event of batch.events) {
          assert.ok(event.modRevision <= batch.revision);
          assert.equal(event.entry?.modRevision ?? event.modRevision, event.modRevision);
        }
      }
      assert.deepEqual(splitTransactions(batches.all), []);
    });

    it('shows nobody a revision in two parts, however far a watch is behind', async () => {
      const from = await committed({ puts: [put('start')] });
      const commits = Array.from({ length: 1_500 }, (_, at) =>
        commit({ puts: [put(`a${at % 50}`, `${at}`), put(`b${at % 50}`, `${at}`)] }),
      );
      await Promise.all(commits);
      const batches = watching(store.watch(base, from + 1, stop.signal));
      await until('all is seen', () => batches.seen().length === 3_000);
      assert.deepEqual(splitTransactions(batches.all), []);
    });

    it('passes the revisions of its own commits to a watch of all records', async () => {
      const from = await committed({ puts: [put('a')] });
      const batches = watching(store.watch(ROOT, from, stop.signal));
      const { revision } = await commit({
        guards: [{ key: key('a'), modRevision: 0 }],
        puts: [put('b')],
      });
      await until('a refusal is reached', () => (batches.all.at(-1)?.revision ?? 0) >= revision);
      assert.deepEqual(
        batches.seen().map((event) => event.key),
        [key('a')],
      );
    });

    it('ends a watch without an error when its signal is aborted', async () => {
      const batches = watching(store.watch(base, 1, stop.signal));
      stop.abort();
      await batches.ended;
      assert.equal(batches.error, undefined);
    });

    it('fails a watch from a revision that was compacted, so that the watcher lists again', async () => {
      const from = await committed({ puts: [put('a')] });
      await committed({ puts: [put('a')] });
      await committed({ puts: [put('a')] });
      await subject().compact();
      const batches = watching(store.watch(base, from, stop.signal));
      await batches.ended;
      assert.ok(isBerthError(batches.error, 'Unavailable'));
      assert.equal(canResume(batches.error), false);
    });

    it('goes on with a watch that has seen everything when the past is compacted', async () => {
      const from = await committed({ puts: [put('a')] });
      const batches = watching(store.watch(ROOT, from, stop.signal));
      await until('the present is reached', () => (batches.all.at(-1)?.revision ?? 0) >= from);
      await subject().compact();
      await committed({ puts: [put('b')] });
      await until('what follows is seen', () => batches.seen().at(-1)?.key === key('b'));
      assert.equal(batches.error, undefined);
    });

    it('lists everything at once after a compaction', async () => {
      await committed({ puts: [put('a'), put('b')] });
      await committed({ deletes: [key('a')] });
      await subject().compact();
      assert.deepEqual(await keysNow(), ['b']);
      const entry = await get('b');
      assert.equal(entry?.version, 1);
    });

    it('lists what there was at a revision of the past until that is compacted', async () => {
      const first = await committed({ puts: [put('a', 'one'), put('b')] });
      const second = await committed({ puts: [put('a', 'two'), put('c')], deletes: [key('b')] });
      await committed({ deletes: [key('a')] });
      const past = async (revision: number): Promise<string[]> => {
        const page = await store.list(base, stop.signal, { revision });
        assert.equal(page.revision, revision);
        return page.entries.map(
          (entry) => `${entry.key.slice(base.length)}=${String(entry.value)}`,
        );
      };
      assert.deepEqual(await past(first), ['a=one', 'b=b']);
      assert.deepEqual(await past(second), ['a=two', 'c=c']);
      assert.deepEqual(await keysNow(), ['c']);
      await subject().compact();
      const refused = await past(first).catch((error: unknown) => error);
      assert.ok(isCompactedRead(refused), String(refused));
      assert.deepEqual(await keysNow(), ['c']);
    });

    it('says the truth of a commit whose answer is lost, or that it is not known, and does it once', async () => {
      await committed({ puts: [put('warm')] });
      subject().loseReply();
      const guards = [{ key: key('a'), modRevision: 0 }];
      const result = await commit({ guards, puts: [put('a')] }).catch((error: unknown) => error);
      const entry = await get('a');
      assert.equal(entry?.version, 1);
      if (isBerthError(result)) {
        assert.equal(result.code, 'Unavailable');
        assert.equal(result.details['outcome'], 'unknown');
      } else assert.deepEqual(result, { committed: true, revision: entry.modRevision });
      assert.ok((await commit({ puts: [put('a', 'again')] })).committed);
      assert.equal((await get('a'))?.version, 2);
    });

    it('ends records with their lease when it is revoked', async () => {
      const lease = await store.lease(10, stop.signal);
      await committed({ puts: [put('a', 'x', lease.id), put('b')] });
      assert.equal(lease.lost.aborted, false);
      await lease.revoke();
      assert.equal(lease.lost.aborted, true);
      assert.deepEqual(await keysNow(), ['b']);
      await assert.rejects(commit({ puts: [put('c', 'x', lease.id)] }), { code: 'Unavailable' });
      await lease.revoke();
    });

    it('keeps a record whose lease was taken from it', async () => {
      const lease = await store.lease(10, stop.signal);
      await committed({ puts: [put('a', 'x', lease.id)] });
      await committed({ puts: [put('a', 'for ever')] });
      await lease.revoke();
      assert.equal((await get('a'))?.value.toString(), 'for ever');
    });

    it('refuses only the one of several transactions offered at once whose lease has ended', async () => {
      const lease = await store.lease(10, stop.signal);
      await lease.revoke();
      const results = await Promise.allSettled([
        commit({ puts: [put('a')] }),
        commit({ puts: [put('b', 'x', lease.id)] }),
        commit({ puts: [put('c')] }),
      ]);
      assert.deepEqual(
        results.map((result) => result.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.deepEqual(await keysNow(), ['a', 'c']);
    });

    it('ends the leases of a client that is gone, and tells watchers in one revision', async () => {
      const lease = await peer.lease(2, stop.signal);
      const from = await committed({
        puts: [put('a', 'x', lease.id), put('b', 'x', lease.id)],
      });
      const batches = watching(store.watch(base, from + 1, stop.signal));
      await peer.close();
      assert.equal(lease.lost.aborted, true);
      await subject().expire();
      await until('both are gone', () => batches.seen().length === 2);
      assert.deepEqual(splitTransactions(batches.all), []);
      assert.deepEqual(await keysNow(), []);
    }).timeout(20_000);

    it('does nothing when the signal is already aborted', async () => {
      const aborted = AbortSignal.abort(new Error('too late'));
      await assert.rejects(store.get(key('a'), aborted), /too late/);
      await assert.rejects(store.commit(transaction({ puts: [put('a')] }), aborted), /too late/);
      await assert.rejects(store.list(base, aborted), /too late/);
      await assert.rejects(store.lease(5, aborted), /too late/);
      assert.deepEqual(await keysNow(), []);
    });
  });
}

interface Watching {
  readonly all: WatchBatch[];
  readonly ended: Promise<void>;
  error: unknown;
  seen(): WatchEvent[];
}

function watching(source: AsyncIterable<WatchBatch>): Watching {
  const all: WatchBatch[] = [];
  const drain = async (): Promise<void> => {
    try {
      for await (const batch of source) all.push(batch);
    } catch (error) {
      result.error = error;
    }
  };
  const result = {
    all,
    error: undefined as unknown,
    seen: () => all.flatMap((batch) => batch.events),
    ended: Promise.resolve(),
  };
  result.ended = drain();
  return result;
}

/** Revisions of which one batch has shown a part and another the rest. */
function splitTransactions(batches: readonly WatchBatch[]): number[] {
  const seenIn = new Map<number, number>();
  const split: number[] = [];
  for (const [at, batch] of batches.entries()) {
    for (const { modRevision } of batch.events) {
      if ((seenIn.get(modRevision) ?? at) !== at) split.push(modRevision);
      seenIn.set(modRevision, at);
    }
  }
  return split;
}
