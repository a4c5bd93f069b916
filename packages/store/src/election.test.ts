import assert from 'node:assert/strict';

import { settle, VirtualClock } from '@berth/control/virtual-clock.ts';
import fc from 'fast-check';

import { campaign, type Leadership } from './election.ts';
import { collections, keyOf } from './keys.ts';
import { MemoryStore } from './memory-store.ts';
import { silent } from './testing/time.ts';
import { transaction } from './transaction.ts';

const KEY = keyOf(collections.leader, 'scheduler');
const LEASE_SECONDS = 10;

/** A process that stands for election and, while it leads, holds its term open. */
class Candidate {
  readonly store: MemoryStore;
  readonly name: string;
  readonly stop = new AbortController();
  readonly terms: Leadership[] = [];
  running: Promise<void> = Promise.resolve();

  constructor(name: string, store: MemoryStore) {
    this.name = name;
    this.store = store;
  }

  start(clock: VirtualClock): void {
    this.running = campaign(
      {
        store: this.store,
        role: 'scheduler',
        holder: this.name,
        address: '',
        leaseSeconds: LEASE_SECONDS,
        clock,
        logger: silent,
      },
      async (leadership) => {
        this.terms.push(leadership);
        await new Promise<void>((resolve) => {
          leadership.signal.addEventListener('abort', () => resolve(), { once: true });
          if (leadership.signal.aborted) resolve();
        });
      },
      this.stop.signal,
    );
  }

  get leads(): boolean {
    return this.terms.some((term) => !term.signal.aborted);
  }

  /** Would a write of its newest term be accepted now? */
  async writes(): Promise<boolean> {
    const guard = this.terms.at(-1)?.guard;
    if (!guard) return false;
    const parts = { guards: [guard], puts: [{ key: '/berth/v1/test', value: Buffer.from('x') }] };
    const direct = this.store.peer();
    const result = await direct.commit(transaction(parts), AbortSignal.timeout(1_000));
    await direct.close();
    return result.committed;
  }
}

describe('an election', () => {
  let clock: VirtualClock;
  let root: MemoryStore;
  let candidates: Candidate[];

  const setUp = (count: number): Candidate[] => {
    clock = new VirtualClock();
    root = new MemoryStore({ clock });
    candidates = Array.from({ length: count }, (_, at) => new Candidate(`c${at}`, root.peer()));
    for (const one of candidates) one.start(clock);
    return candidates;
  };
  const tearDown = async (): Promise<void> => {
    for (const one of candidates) {
      one.store.heal();
      one.stop.abort();
    }
    await clock.advance(60_000);
    await Promise.all(candidates.map((one) => one.running));
    await Promise.all(candidates.map((one) => one.store.close()));
    await root.close();
  };
  const leaders = (): Candidate[] => candidates.filter((one) => one.leads);
  afterEach(tearDown);

  it('has one winner, and its epoch is the create revision of its key', async () => {
    setUp(3);
    await settle();
    assert.equal(leaders().length, 1);
    const entry = await root.get(KEY, AbortSignal.timeout(1_000));
    assert.equal(leaders()[0]?.terms[0]?.epoch, entry?.createRevision);
  });

  it('hands over at once when the leader stops, after its work has ended', async () => {
    setUp(2);
    await settle();
    const [first] = leaders();
    first?.stop.abort();
    await first?.running;
    await settle();
    assert.equal(leaders().length, 1);
    assert.notEqual(leaders()[0], first);
    assert.equal(clock.monotonic(), 0);
  });

  it('ends the term of a leader that is cut off before another one begins', async () => {
    setUp(2);
    await settle();
    const [first] = leaders();
    first?.store.partition();
    while (leaders().includes(first as Candidate)) {
      assert.equal(leaders().length, 1);
      await clock.advance(100);
    }
    assert.ok(clock.monotonic() < LEASE_SECONDS * 1000);
    await clock.advanceUntil(() => leaders().length === 1, 2 * LEASE_SECONDS * 1000);
    assert.notEqual(leaders()[0], first);
    assert.equal(await first?.writes(), false);
    assert.equal(await leaders()[0]?.writes(), true);
  });

  it('survives a lost answer to the creation of its key', async () => {
    clock = new VirtualClock();
    root = new MemoryStore({ clock });
    const one = new Candidate('one', root.peer());
    candidates = [one];
    one.store.faults.loseReplies = 1;
    one.start(clock);
    await clock.advanceUntil(() => one.leads, 3_000);
    assert.equal(await one.writes(), true);
    assert.equal(one.terms.length, 1);
  });

  it('ends a term whose key a person has removed, and elects again', async () => {
    setUp(1);
    await settle();
    await root.commit(transaction({ deletes: [KEY] }), AbortSignal.timeout(1_000));
    await clock.advanceUntil(() => candidates[0]?.terms.length === 2, 5_000);
    assert.equal(candidates[0]?.terms[0]?.signal.aborted, true);
    assert.equal(await candidates[0].writes(), true);
  });

  it('keeps a leader whose watch was cut', async () => {
    setUp(2);
    await settle();
    for (const one of candidates) one.store.cutWatches();
    await clock.advance(60_000);
    assert.equal(candidates.flatMap((one) => one.terms).length, 1);
    assert.equal(leaders().length, 1);
  });

  it('never has two leaders, nor accepts two writers, under any faults, and ends with one', async function () {
    this.timeout(60_000);
    const step = fc.oneof(
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 9_000 }) }),
      fc.record({
        do: fc.constantFrom('partition', 'heal', 'lose', 'cut', 'freeze', 'thaw'),
        who: fc.nat({ max: 2 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }),
        async (steps) => {
          setUp(3);
          const thaw = new Map<Candidate, () => void>();
          for (const now of steps) {
            if (now.do === 'wait') {
              for (let left = now.ms; left > 0; left -= 250) {
                await clock.advance(Math.min(left, 250));
                assert.ok(leaders().length <= 1, 'two lead at once');
              }
            } else await upset(candidates[now.who] as Candidate, now.do, thaw);
            await settle();
            assert.ok(leaders().length <= 1, 'two lead at once');
            const writers = await Promise.all(candidates.map((one) => one.writes()));
            assert.ok(writers.filter(Boolean).length <= 1, 'two writers are accepted');
          }
          for (const one of candidates) {
            one.store.heal();
            thaw.get(one)?.();
            one.store.faults.before = undefined;
          }
          await clock.advanceUntil(() => leaders().length === 1, 60_000);
          const epochs = candidates.flatMap((one) => one.terms.map((term) => term.epoch));
          assert.equal(new Set(epochs).size, epochs.length, 'an epoch had two terms');
          await tearDown();
        },
      ),
      { numRuns: 200 },
    );
  });

  async function upset(
    who: Candidate,
    how: string,
    thaw: Map<Candidate, () => void>,
  ): Promise<void> {
    if (how === 'partition') who.store.partition();
    else if (how === 'heal') who.store.heal();
    else if (how === 'lose') who.store.faults.loseReplies = 1;
    else if (how === 'cut') who.store.cutWatches();
    else if (how === 'thaw') {
      who.store.faults.before = undefined;
      thaw.get(who)?.();
      thaw.delete(who);
    } else if (!thaw.has(who)) {
      // Everything that it asks for from now on reaches the store only when it thaws.
      const frozen = new Promise<void>((resolve) => thaw.set(who, resolve));
      who.store.faults.before = () => frozen;
    }
  }
});
