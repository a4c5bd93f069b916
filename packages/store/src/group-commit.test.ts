import assert from 'node:assert/strict';

import { settle, VirtualClock } from '@berth/control/virtual-clock.ts';
import { BerthError, isBerthError } from '@berth/model/errors.ts';
import fc from 'fast-check';

import { leaseGone } from './failures.ts';
import { GroupCommit, type Outcome, type Revisions } from './group-commit.ts';
import { MemoryData } from './memory-data.ts';
import type { CommitResult, Guard, Transaction } from './store.ts';
import { guardHolds, MAX_OPERATIONS, transaction } from './transaction.ts';

const forever = new AbortController().signal;

/** What etcd and a lane do, in memory; `sent` tells what went out together. */
class Backend {
  readonly data = new MemoryData(new VirtualClock(), 1_000);
  readonly sent: Transaction[] = [];
  /** Each transaction waits for so many turns of the event loop. */
  turns = (): number => 1;
  fail: ((of: Transaction) => void) | undefined;

  readonly lane = async (of: Transaction): Promise<Outcome> => {
    this.sent.push(of);
    for (let left = this.turns(); left > 0; left -= 1) await settle();
    this.fail?.(of);
    const result = this.data.commit(of);
    if (result.committed) return { committed: true, revision: result.revision };
    const found: Revisions = new Map();
    for (const { key } of of.guards) {
      const entry = this.data.get(key);
      if (entry) found.set(key, entry);
    }
    return { committed: false, revision: result.revision, found };
  };
}

describe('grouped commits', () => {
  let clock: VirtualClock;
  let backend: Backend;
  let commits: GroupCommit;

  const setUp = (lanes = 1): void => {
    clock = new VirtualClock();
    backend = new Backend();
    const given = Array.from({ length: lanes }, () => backend.lane);
    commits = new GroupCommit({ clock, withinMs: 10_000, lanes: given });
  };
  beforeEach(() => setUp());

  const put = (key: string, value = '') => ({ key, value: Buffer.from(value) });
  const offer = (parts: Partial<Transaction>, signal = forever): Promise<CommitResult> =>
    commits.commit(transaction(parts), signal);

  it('sends together what is offered together', async () => {
    await Promise.all(Array.from({ length: 300 }, (_, at) => offer({ puts: [put(`k${at}`)] })));
    assert.deepEqual(
      backend.sent.map((of) => of.puts.length),
      [127, 127, 46],
    );
  });

  it('never puts more into one than etcd takes, and still sends what is just small enough', async () => {
    const large = (name: string) =>
      Array.from({ length: MAX_OPERATIONS }, (_, at) => put(`${name}${at}`));
    await Promise.all([
      offer({ puts: [put('a')] }),
      offer({ puts: large('x') }),
      offer({ puts: [put('big', 'x'.repeat(400_000))] }),
      offer({ puts: [put('bigger', 'x'.repeat(400_000))] }),
      offer({ puts: [put('b')] }),
    ]);
    const sizes = backend.sent.map((of) => of.puts.map((one) => one.key).slice(0, 3));
    assert.deepEqual(sizes, [['a', 'big', 'b'], ['x0', 'x1', 'x2'], ['bigger']]);
  });

  it('says a shared guard once', async () => {
    const guard: Guard = { key: 'leader', createRevision: 0 };
    await Promise.all(
      Array.from({ length: 100 }, (_, at) => offer({ guards: [guard], puts: [put(`k${at}`)] })),
    );
    assert.deepEqual(
      backend.sent.map((of) => [of.guards.length, of.puts.length]),
      [[1, 100]],
    );
  });

  it('answers those whose guards failed, and sends the others again without them', async () => {
    backend.data.commit(transaction({ puts: [put('taken')] }));
    const results = await Promise.all([
      offer({ puts: [put('a')] }),
      offer({ guards: [{ key: 'taken', modRevision: 0 }], puts: [put('b')] }),
      offer({ guards: [{ key: 'free', modRevision: 0 }], puts: [put('c')] }),
    ]);
    assert.deepEqual(
      results.map((result) => result.committed),
      [true, false, true],
    );
    assert.equal(backend.data.get('b'), undefined);
    assert.equal(backend.sent.length, 2);
  });

  it('tries again where what refused it is gone by the time of the look, and not for ever', async () => {
    const guard = { key: 'busy', modRevision: 0 };
    let refusals = 0;
    const lanes = [
      async (of: Transaction): Promise<Outcome> => {
        if (refusals === 3) return backend.lane(of);
        refusals += 1;
        await clock.sleep(4_000, forever);
        return { committed: false, revision: 1, found: new Map() };
      },
    ];
    const patient = new GroupCommit({ clock, withinMs: 20_000, lanes });
    const committed = patient.commit(transaction({ guards: [guard], puts: [put('a')] }), forever);
    await clock.advance(12_000);
    assert.equal((await committed).committed, true);

    refusals = -1_000;
    const hopeless = patient.commit(transaction({ guards: [guard], puts: [put('b')] }), forever);
    const refused = assert.rejects(hopeless, {
      code: 'Unavailable',
      message: /faster than .* depends on busy/,
    });
    await clock.advance(20_000);
    await refused;
    assert.equal(backend.data.get('b'), undefined);
  });

  it('counts what was refused to a leader whose term was over, and nothing else', async () => {
    const term = '/berth/v1/leader/scheduler';
    const { revision } = await offer({ puts: [put(term)] });
    const led = { key: term, createRevision: revision };
    const ask = (...guards: Guard[]) => offer({ guards, puts: [put(`k${guards.length}`)] });
    assert.equal((await ask(led)).committed, true);
    assert.equal((await ask(led, { key: 'x', modRevision: 7 })).committed, false);
    assert.equal((await ask({ key: term, createRevision: 0 })).committed, false); // a candidate
    assert.equal(commits.deposed, 0);
    await offer({ deletes: [term] });
    assert.equal((await ask(led)).committed, false);
    await offer({ puts: [put(term)] });
    assert.equal((await ask(led)).committed, false);
    assert.equal(commits.deposed, 2);
  });

  it('does not let one with an ended lease spoil the others', async () => {
    backend.fail = (of) => {
      if (of.puts.some((one) => one.key === 'bad')) throw leaseGone('7');
    };
    const results = await Promise.allSettled([
      offer({ puts: [put('a')] }),
      offer({ puts: [put('bad')] }),
      offer({ puts: [put('b')] }),
    ]);
    assert.deepEqual(
      results.map((result) => result.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
  });

  it('tells all of a group when the outcome is unknown, and goes on with the next', async () => {
    backend.fail = (of) => {
      if (of.puts.some((one) => one.key === 'a')) throw new BerthError('Unavailable', 'lost');
    };
    const group = [offer({ puts: [put('a')] }), offer({ puts: [put('b')] })];
    await Promise.all(group.map((one) => assert.rejects(one, /lost/)));
    assert.equal((await offer({ puts: [put('c')] })).committed, true);
  });

  it('does not send what was given up while it waited', async () => {
    const first = offer({ puts: [put('a')] });
    await settle();
    const given = new AbortController();
    const second = offer({ puts: [put('a', 'two')] }, given.signal);
    given.abort(new Error('given up'));
    await assert.rejects(second, /given up/);
    await first;
    await settle();
    assert.equal(backend.sent.length, 1);
  });

  it('refuses what has waited too long, without sending it', async () => {
    let release = (): void => undefined;
    const blocked = new Promise<void>((resolve) => (release = resolve));
    commits = new GroupCommit({
      clock,
      withinMs: 10_000,
      lanes: [
        async (of) => {
          await blocked;
          return backend.lane(of);
        },
      ],
    });
    const first = offer({ puts: [put('a')] });
    await settle();
    const second = offer({ puts: [put('b')] });
    await clock.advance(10_000);
    release();
    await first;
    await assert.rejects(second, /not sent/);
  });

  it('refuses when too many wait, and after it was closed', async () => {
    const offers = Array.from({ length: 20_001 }, (_, at) =>
      offer({ puts: [put(`k${at}`)] }).then(
        () => 'sent',
        (error: unknown) => (isBerthError(error) ? error.code : 'another error'),
      ),
    );
    commits.close();
    const outcomes = new Set(await Promise.all(offers));
    assert.deepEqual([...outcomes], ['Unavailable']);
    await assert.rejects(offer({ puts: [put('x')] }), { code: 'Unavailable' });
  });

  it('gives every transaction an outcome that one after another, in order, would also give', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const step = fc.record({
      guards: fc.uniqueArray(fc.record({ key, stale: fc.boolean() }), {
        maxLength: 2,
        selector: (guard) => guard.key,
      }),
      writes: fc.uniqueArray(fc.record({ key, remove: fc.boolean() }), {
        minLength: 1,
        maxLength: 2,
        selector: (write) => write.key,
      }),
      turns: fc.nat({ max: 3 }),
      pause: fc.nat({ max: 2 }),
    });
    const lanes = fc.integer({ min: 1, max: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30, size: 'max' }),
        lanes,
        async (steps, many) => {
          setUp(many);
          let turn = 0;
          backend.turns = () => steps[turn++ % steps.length]?.turns ?? 0;
          const offered: { of: Transaction; result: Promise<CommitResult> }[] = [];
          for (const [at, { guards, writes, pause }] of steps.entries()) {
            const of = transaction({
              guards: guards.map(({ key: on, stale }) => ({
                key: on,
                modRevision: (backend.data.get(on)?.modRevision ?? 0) + (stale ? 1_000 : 0),
              })),
              puts: writes.filter((write) => !write.remove).map((write) => put(write.key, `${at}`)),
              deletes: writes.filter((write) => write.remove).map((write) => write.key),
            });
            offered.push({ of, result: commits.commit(of, forever) });
            for (let left = pause; left > 0; left -= 1) await settle();
          }
          const results = await Promise.all(offered.map((one) => one.result));
          assertSerial(
            offered.map((one) => one.of),
            results,
            backend.data,
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Replays the committed ones by revision, then by offer, on an empty store. */
function assertSerial(
  offered: readonly Transaction[],
  results: readonly CommitResult[],
  final: MemoryData,
): void {
  const order = offered.map((of, at) => ({ of, at, result: results[at] as CommitResult }));
  for (const later of order) {
    for (const earlier of order.slice(0, later.at)) {
      if (!later.result.committed || !earlier.result.committed) continue;
      if (!writeSameKey(later.of, earlier.of)) continue;
      assert.ok(earlier.result.revision <= later.result.revision, 'an order was turned round');
    }
  }
  const values = new Map<string, { value: string; modRevision: number; createRevision: number }>();
  const committed = order.filter((one) => one.result.committed);
  committed.sort((a, b) => a.result.revision - b.result.revision || a.at - b.at);
  for (const { of, result } of committed) {
    for (const guard of of.guards) assert.ok(guardHolds(guard, values.get(guard.key)));
    for (const { key, value } of of.puts) {
      const createRevision = values.get(key)?.createRevision ?? result.revision;
      values.set(key, { value: value.toString(), modRevision: result.revision, createRevision });
    }
    for (const key of of.deletes) values.delete(key);
  }
  for (const key of ['a', 'b', 'c', 'd', 'e']) {
    const entry = final.get(key);
    assert.equal(entry?.value.toString(), values.get(key)?.value);
    assert.equal(entry?.modRevision, values.get(key)?.modRevision);
  }
}

function writeSameKey(one: Transaction, other: Transaction): boolean {
  const keys = new Set([...one.puts.map((put) => put.key), ...one.deletes]);
  return other.puts.some((put) => keys.has(put.key)) || other.deletes.some((key) => keys.has(key));
}
