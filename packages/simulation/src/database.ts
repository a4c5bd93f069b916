// The modelled etcd: `MemoryData` with an eye on every commit, and the way to it of each process. The way may be slow or cut;
// answers may be lost, watches late or broken.
import type { Random } from '@berth/control/clock.ts';
import type { VirtualClock } from '@berth/control/virtual-clock.ts';
import { childScope } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import { watchFailed } from '@berth/store/failures.ts';
import { ROOT, parseKey } from '@berth/store/keys.ts';
import { MemoryData } from '@berth/store/memory-data.ts';
import { type MemoryOperation, MemoryStore, unknownOutcome } from '@berth/store/memory-store.ts';
import { collectionName, decodeEntry } from '@berth/store/record.ts';
import { StateView } from '@berth/store/state-view.ts';
import type { CommitResult, Store, Transaction } from '@berth/store/store.ts';

import type { Process } from './process.ts';

/** Which role of which process offers a transaction. */
export interface Writer {
  readonly process: Process;
  readonly role: 'api' | 'scheduler' | 'controller';
}

export interface Observer {
  /** Before it is carried out; `state` is what it will change. */
  offered(transaction: Transaction, writer: Writer | undefined, state: StateView): void;
  committed(transaction: Transaction, writer: Writer | undefined, state: StateView): void;
}

const HISTORY = 10_000;
/** What the store on etcd waits for an answer. */
const READ_MS = 5_000;
const RENEW_MS = 750;
const READS: ReadonlySet<MemoryOperation> = new Set(['get', 'list', 'watch']);
const COMMIT_MS = 10_000;
/** A commit that nobody waits for any more may still be on its way. */
const LINGERS_MS = 40_000;
/** A watch that is silent for so long is given up. */
const SILENCE_MS = 12_000;

class Data extends MemoryData {
  readonly view = new StateView();
  observer: Observer | undefined;
  /** Of the transaction that is being carried out. */
  readonly writers = new WeakMap<Transaction, Writer>();

  override commit(of: Transaction): CommitResult {
    const writer = this.writers.get(of);
    const fits = of.guards.every((guard) => holds(guard, this));
    if (fits) this.observer?.offered(of, writer, this.view);
    const result = super.commit(of);
    if (result.committed) {
      this.#follow(of, result.revision);
      this.observer?.committed(of, writer, this.view);
    }
    return result;
  }

  #follow({ puts, deletes }: Transaction, revision: number): void {
    for (const { key } of puts) {
      const entry = this.get(key);
      if (!entry || !parseKey(key)) continue;
      const { collection, stored } = decodeEntry(entry);
      this.view.put(collection, stored);
    }
    for (const key of deletes) {
      const parsed = parseKey(key);
      if (parsed) this.view.delete(collectionName(parsed.collection), key);
    }
    this.view.moveTo(revision);
  }
}

function holds(guard: Transaction['guards'][number], data: MemoryData): boolean {
  const found = data.get(guard.key);
  return 'createRevision' in guard
    ? (found?.createRevision ?? 0) === guard.createRevision
    : (found?.modRevision ?? 0) === guard.modRevision;
}

/** Likelihoods. */
export interface StoreFaults {
  loseAnswer: number;
  /** A watcher hears late. */
  lateWatch: number;
  breakWatch: number;
}

export class Database {
  readonly faults: StoreFaults = { loseAnswer: 0, lateWatch: 0, breakWatch: 0 };
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #data: Data;
  readonly #origin: MemoryStore;
  readonly #cut = new Set<Process>();
  readonly #held = new Set<Process>();
  #down = false;
  #reachable: (() => void)[] = [];

  constructor(clock: VirtualClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#data = new Data(clock, HISTORY);
    this.#origin = new MemoryStore({ clock }, this.#data);
  }

  /** What is really stored, now. */
  get state(): StateView {
    return this.#data.view;
  }

  observe(observer: Observer): void {
    this.#data.observer = observer;
  }

  compact(): void {
    this.#origin.compact();
  }

  get full(): boolean {
    return this.#data.full;
  }

  set full(full: boolean) {
    this.#data.full = full;
  }

  /** All of etcd is away. */
  stop(): void {
    this.#down = true;
  }

  /** Leases have their full time again, as after any election of etcd's. */
  start(): void {
    this.#down = false;
    this.#data.extendLeases();
    this.#wake();
  }

  cut(process: Process): void {
    this.#cut.add(process);
  }

  /** What a process writes does not arrive, though it hears of everything. */
  holdWrites(process: Process): void {
    this.#held.add(process);
  }

  mend(process: Process): void {
    this.#cut.delete(process);
    this.#held.delete(process);
    this.#wake();
  }

  /** The clients of one process: one connection, a store for each role. */
  clientOf(
    process: Process,
    onController: (transaction: Transaction) => void,
  ): { readonly store: Store; readonly as: (role: Writer['role']) => Store } {
    const store = this.#origin.peer(process.clock);
    store.faults.before = (operation) => this.#before(operation, process);
    store.faults.after = (operation) => this.#after(operation, process);
    process.onDeath(() => void store.close());
    const as = (role: Writer['role']): Store => ({
      get: (key, signal) => store.get(key, signal),
      list: (prefix, signal, options) => store.list(prefix, signal, options),
      pages: (prefix, signal, options) => store.pages(prefix, signal, options),
      watch: (prefix, revision, signal) => store.watch(prefix, revision, signal),
      lease: (ttlSeconds, signal) => store.lease(ttlSeconds, signal),
      close: () => store.close(),
      commit: (transaction, signal) => {
        signal.throwIfAborted();
        this.#data.writers.set(transaction, { process, role });
        if (role === 'controller') onController(transaction);
        return this.#awaited(store.commit(transaction, NEVER), process, signal);
      },
    });
    return { store, as };
  }

  /** What has been sent may arrive, whether or not somebody still waits for the answer. */
  async #awaited(
    sent: Promise<CommitResult>,
    process: Process,
    signal: AbortSignal,
  ): Promise<CommitResult> {
    const patience = childScope(signal);
    const tooLate = process.clock.sleep(2 * COMMIT_MS, patience.signal).then(() => {
      throw unknownOutcome();
    });
    try {
      return await Promise.race([sent, tooLate]);
    } finally {
      patience.abort();
      sent.catch(() => undefined);
      tooLate.catch(() => undefined);
    }
  }

  #isOut(process: Process, writes: boolean): boolean {
    return this.#down || this.#cut.has(process) || (writes && this.#held.has(process));
  }

  isAway(process: Process): boolean {
    return this.#down || this.#cut.has(process) || this.#held.has(process);
  }

  async #before(operation: MemoryOperation, process: Process): Promise<void> {
    if (operation === 'deliver') {
      await this.#deliver(process);
      return;
    }
    await this.#clock.sleep(0.5 + this.#random() * 3, NEVER);
    const lingers = operation === 'commit' && this.#random() < 0.5;
    const usual = operation === 'commit' ? COMMIT_MS : READ_MS;
    const limit = lingers ? LINGERS_MS : operation === 'renew' ? RENEW_MS : usual;
    const writes = !READS.has(operation);
    if (!(await this.#within(process, limit, writes))) {
      await process.enter();
      throw unreachable(operation);
    }
  }

  async #after(operation: MemoryOperation, process: Process): Promise<void> {
    await this.#clock.sleep(0.5 + this.#random() * 3, NEVER);
    const limit = operation === 'commit' ? COMMIT_MS : READ_MS;
    const came = await this.#within(process, limit);
    const lost = operation === 'commit' && this.#random() < this.faults.loseAnswer;
    await process.enter();
    if (came && !lost) return;
    throw operation === 'commit' ? unknownOutcome() : unreachable(operation);
  }

  async #deliver(process: Process): Promise<void> {
    const { lateWatch, breakWatch } = this.faults;
    const late = this.#random() < lateWatch;
    await this.#clock.sleep(late ? this.#random() * 3_000 : 0.5 + this.#random() * 3, NEVER);
    const came = await this.#within(process, SILENCE_MS);
    const broken = breakWatch > 0 && this.#random() < breakWatch;
    await process.enter();
    if (!came || broken) throw watchFailed(ROOT, 'disconnected');
  }

  /** @returns false when the store could not be reached for so long */
  async #within(process: Process, limitMs: number, writes = false): Promise<boolean> {
    const end = this.#clock.monotonic() + limitMs;
    while (this.#isOut(process, writes)) {
      const left = end - this.#clock.monotonic();
      if (left <= 0) return false;
      const back = new Promise<void>((resolve) => this.#reachable.push(resolve));
      await Promise.race([back, this.#clock.sleep(left, NEVER)]);
    }
    return true;
  }

  #wake(): void {
    for (const go of this.#reachable.splice(0)) go();
  }
}

const NEVER = new AbortController().signal;

function unreachable(operation: string): BerthError {
  return new BerthError('Unavailable', `etcd did not answer to a ${operation} in time.`);
}
