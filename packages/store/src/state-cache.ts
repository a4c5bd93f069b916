// The one list-then-watch cache of a control-plane process. It lists `/berth/v1/`, watches from the next
// revision on, and after any doubt resumes or lists again and tells its subscribers the difference. It
// only reads. A transaction is seen whole or not at all; what can't be decoded is reported and skipped.
import type { Clock, Random } from '@berth/control/clock.ts';
import { backoffDelay } from '@berth/control/backoff.ts';
import type { Logger } from '@berth/control/logger.ts';
import { childScope, type Scope } from '@berth/control/scope.ts';
import { inSlices } from '@berth/control/slices.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { MessageName, MessageTypes } from '@berth/model/generated/messages.ts';

import { differences } from './cache-compare.ts';
import { canResume, watchFailed } from './failures.ts';
import { type Collection, parseKey, ROOT } from './keys.ts';
import { collectionName, decodeEntry } from './record.ts';
import type { Change, ChangeBatch, StateCache, Stored } from './state.ts';
import { StateView } from './state-view.ts';
import type { Entry, ListPage, Store, WatchBatch } from './store.ts';

const REACHED_WITHIN_MS = 10_000;
const BACKOFF = { initialMs: 100, maxMs: 3_000 };
/** A watch that has lived so long was no failure. */
const GOOD_WATCH_MS = 10_000;
const COMPARE_EVERY_MS = { least: 300_000, most: 600_000 };

export interface StateCacheOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Counted since the start. `differences` must stay 0. */
export interface CacheStatistics {
  readonly lists: number;
  readonly watchFailures: number;
  /** Records that could not be decoded, each time that one was met. */
  readonly undecodable: number;
  /** Records that the periodic comparison found to differ from the store. */
  readonly differences: number;
  readonly records: number;
  /** Wall time in ms of the last word from the store; 0 before the first. */
  readonly heardAt: number;
}

interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
}

/** Call `run` once; it goes on until its signal is aborted. */
export class ListWatchCache implements StateCache {
  readonly #options: StateCacheOptions;
  #view = new StateView();
  readonly #listeners = new Set<(batch: ChangeBatch) => void>();
  readonly #waiters = new Set<Waiter>();
  readonly #counts = { lists: 0, watchFailures: 0, undecodable: 0, differences: 0, heardAt: 0 };
  /** Keys whose newest record could not be decoded. */
  readonly #undecoded = new Set<string>();
  #filled = false;
  #listAgain = true;
  #failures = 0;
  #watching: Scope = new AbortController();
  readonly #onReady = new Set<() => void>();

  constructor(options: StateCacheOptions) {
    this.#options = options;
  }

  get revision(): number {
    return this.#view.revision;
  }

  get filled(): boolean {
    return this.#filled;
  }

  /** Resolves when the first list is in. */
  ready(): Promise<void> {
    if (this.#filled) return Promise.resolve();
    return new Promise((resolve) => this.#onReady.add(resolve));
  }

  get statistics(): CacheStatistics {
    return { ...this.#counts, records: this.#view.size };
  }

  get<N extends MessageName>(
    of: Collection<N>,
    ...parts: string[]
  ): Stored<MessageTypes[N]> | undefined {
    return this.#view.get(of, ...parts);
  }

  list<N extends MessageName>(
    of: Collection<N>,
    ...parts: string[]
  ): Iterable<Stored<MessageTypes[N]>> {
    return this.#view.list(of, ...parts);
  }

  tasksByService(cluster: string, service: string): Iterable<Stored<MessageTypes['TaskRecord']>> {
    return this.#view.tasksByService(cluster, service);
  }

  tasksByHost(hostId: string): Iterable<Stored<MessageTypes['TaskRecord']>> {
    return this.#view.tasksByHost(hostId);
  }

  tasksByOwner(owner: string): Iterable<Stored<MessageTypes['TaskRecord']>> {
    return this.#view.tasksByOwner(owner);
  }

  tasksByToken(cluster: string, token: string): Iterable<Stored<MessageTypes['TaskRecord']>> {
    return this.#view.tasksByToken(cluster, token);
  }

  tasksByFamily(cluster: string, family: string): Iterable<Stored<MessageTypes['TaskRecord']>> {
    return this.#view.tasksByFamily(cluster, family);
  }

  tasksByStarter(cluster: string, startedBy: string): Iterable<Stored<MessageTypes['TaskRecord']>> {
    return this.#view.tasksByStarter(cluster, startedBy);
  }

  tasksAfter(cluster: string, id?: string): Iterable<Stored<MessageTypes['TaskRecord']>> {
    return this.#view.tasksAfter(cluster, id);
  }

  hostsById(hostId: string): Iterable<Stored<MessageTypes['HostRecord']>> {
    return this.#view.hostsById(hostId);
  }

  eventsByService(cluster: string, service: string): Iterable<Stored<MessageTypes['EventRecord']>> {
    return this.#view.eventsByService(cluster, service);
  }

  eventsByHost(cluster: string, hostId: string): Iterable<Stored<MessageTypes['EventRecord']>> {
    return this.#view.eventsByHost(cluster, hostId);
  }

  targetsByTask(taskId: string): Iterable<Stored<MessageTypes['TargetRecord']>> {
    return this.#view.targetsByTask(taskId);
  }

  rulesById(id: string): Iterable<Stored<MessageTypes['RuleRecord']>> {
    return this.#view.rulesById(id);
  }

  rulesByGroup(group: string): Iterable<Stored<MessageTypes['RuleRecord']>> {
    return this.#view.rulesByGroup(group);
  }

  listenersByGroup(group: string): Iterable<Stored<MessageTypes['ListenerRecord']>> {
    return this.#view.listenersByGroup(group);
  }

  /** A record of whatever collection. */
  at(key: string): Stored<unknown> | undefined {
    return this.#view.at(key);
  }

  /** All records of all collections, in no particular order. */
  all(): Iterable<Stored<unknown>> {
    return this.#view.all();
  }

  async reached(revision: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#filled && this.#view.revision >= revision) return;
    const scope = childScope(signal);
    let seen = false;
    const waiter: Waiter = {
      revision,
      resolve: () => {
        seen = true;
        scope.abort();
      },
    };
    this.#waiters.add(waiter);
    try {
      await this.#options.clock.sleep(REACHED_WITHIN_MS, scope.signal);
    } catch (error) {
      if (seen) return;
      throw error;
    } finally {
      this.#waiters.delete(waiter);
      scope.abort();
    }
    throw new BerthError(
      'Unavailable',
      `The view of the state is at revision ${this.#view.revision} and did not reach ${revision} within ` +
        `${REACHED_WITHIN_MS / 1000} s. Is etcd reachable from here?`,
    );
  }

  subscribe(listener: (batch: ChangeBatch) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** List, then watch, until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const comparing = this.#compareNowAndThen(signal);
    while (!signal.aborted) {
      try {
        if (this.#listAgain) await this.#refill(signal);
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) break;
        this.#counts.watchFailures += 1;
        if (!canResume(error)) this.#listAgain = true;
        this.#options.logger.warn(
          { err: error, revision: this.revision, listAgain: this.#listAgain },
          'the view of the state lost touch with the store',
        );
        await this.#backOff(signal);
      }
    }
    await comparing;
  }

  async #refill(signal: AbortSignal): Promise<void> {
    const { revision, changes } = this.#filled
      ? this.#replace(await this.#options.store.list(ROOT, signal))
      : await this.#fill(signal);
    this.#counts.lists += 1;
    this.#listAgain = false;
    this.#filled = true;
    this.#moveTo(revision, changes);
    for (const resolve of this.#onReady) resolve();
    this.#onReady.clear();
  }

  /**
   * While nobody reads the view yet it takes its time: leases and connections of the process have to be kept meanwhile. It never holds
   * more of the list than a page.
   */
  async #fill(signal: AbortSignal): Promise<ChangeBatch> {
    this.#view = new StateView();
    this.#undecoded.clear();
    const changes: Change[] = [];
    let revision = 0;
    for await (const page of this.#options.store.pages(ROOT, signal)) {
      revision = page.revision;
      const take = (entry: Entry): void => {
        const change = this.#put(entry);
        if (change && this.#listeners.size > 0) changes.push(change);
      };
      await inSlices(page.entries, take, this.#options.clock, signal);
    }
    return { revision, changes };
  }

  async #follow(signal: AbortSignal): Promise<void> {
    this.#watching = childScope(signal);
    const until = this.#watching.signal;
    const since = this.#options.clock.monotonic();
    try {
      for await (const batch of this.#options.store.watch(ROOT, this.revision + 1, until)) {
        this.#apply(batch);
      }
    } finally {
      this.#watching.abort();
      if (this.#options.clock.monotonic() - since > GOOD_WATCH_MS) this.#failures = 0;
    }
    if (!signal.aborted && !this.#listAgain) throw watchFailed(ROOT, 'disconnected');
  }

  /** Make the view equal to a list. What can't be decoded stays as it was last understood. */
  #replace({ entries, revision }: ListPage): ChangeBatch {
    const changes: Change[] = [];
    const listed = new Set<string>();
    this.#undecoded.clear();
    for (const entry of entries) {
      listed.add(entry.key);
      const known = this.#view.at(entry.key);
      if (
        known?.modRevision === entry.modRevision &&
        known.createRevision === entry.createRevision
      ) {
        continue;
      }
      const change = this.#put(entry);
      if (change) changes.push(change);
    }
    const gone = [...this.#view.all()].filter((record) => !listed.has(record.key));
    for (const { key } of gone) {
      const change = this.#delete(key);
      if (change) changes.push(change);
    }
    return { revision, changes };
  }

  #apply(batch: WatchBatch): void {
    if (batch.revision <= this.revision) return;
    const changes: Change[] = [];
    for (const event of batch.events) {
      if (event.modRevision <= this.revision) continue;
      const change = event.entry ? this.#put(event.entry) : this.#delete(event.key);
      if (change) changes.push(change);
    }
    this.#moveTo(batch.revision, changes);
  }

  #put(entry: Entry): Change | undefined {
    try {
      const { collection, stored, parts } = decodeEntry(entry);
      this.#undecoded.delete(entry.key);
      return this.#view.put(collection, stored, parts);
    } catch (error) {
      this.#counts.undecodable += 1;
      this.#undecoded.add(entry.key);
      this.#options.logger.error(
        { err: error, key: entry.key, modRevision: entry.modRevision },
        'a record can not be understood and is ignored; was it written by a newer version?',
      );
      return undefined;
    }
  }

  #delete(key: string): Change | undefined {
    this.#undecoded.delete(key);
    const parsed = parseKey(key);
    return parsed && this.#view.delete(collectionName(parsed.collection), key);
  }

  #moveTo(revision: number, changes: readonly Change[]): void {
    this.#counts.heardAt = this.#options.clock.now();
    this.#view.moveTo(revision);
    for (const waiter of this.#waiters) {
      if (waiter.revision <= revision) waiter.resolve();
    }
    if (changes.length === 0) return;
    const batch: ChangeBatch = { revision, changes };
    for (const listener of [...this.#listeners]) {
      try {
        listener(batch);
      } catch (error) {
        this.#options.logger.error({ err: error, revision }, 'a subscriber of the state threw');
      }
    }
  }

  async #backOff(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    this.#failures += 1;
    const wait = Math.ceil(backoffDelay(BACKOFF, this.#failures, random));
    await clock.sleep(wait, signal).catch(() => undefined);
  }

  /** The safety net under the watch: a server that loses events is found out within minutes. */
  async #compareNowAndThen(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const { least, most } = COMPARE_EVERY_MS;
    while (!signal.aborted) {
      try {
        await clock.sleep(Math.ceil(least + random() * (most - least)), signal);
        await this.compare(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#options.logger.warn({ err: error }, 'the view could not be compared with the store');
      }
    }
  }

  /**
   * Compare the view with the store and, if they differ, list again.
   * @returns how many records differ; counted in `statistics`
   */
  async compare(signal: AbortSignal): Promise<number> {
    const found = await differences(this, this.#options.store, signal, (key) =>
      this.#undecoded.has(key),
    );
    if (found.length > 0) {
      this.#counts.differences += found.length;
      this.#options.logger.error(
        { keys: found.slice(0, 10), count: found.length, revision: this.revision },
        'the view of the state differs from the store; listing again',
      );
      this.#listAgain = true;
      this.#watching.abort();
    }
    return found.length;
  }
}

/**
 * A running cache, once it is filled. It goes on until the signal is aborted.
 * @throws the signal's reason when that comes first
 */
export async function startCache(
  options: StateCacheOptions,
  signal: AbortSignal,
): Promise<ListWatchCache> {
  signal.throwIfAborted();
  const cache = new ListWatchCache(options);
  const cancelled = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  void cache.run(signal);
  await Promise.race([cache.ready(), cancelled]);
  signal.throwIfAborted();
  return cache;
}
