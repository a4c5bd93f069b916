// The typed view of the keyspace that all of the control plane reads: one list-then-watch cache over
// `/berth/v1/` for a process, so that every collection is seen at one revision and a transaction is seen
// whole. `state-cache.ts` fulfils it.
import type { MessageName, MessageTypes } from '@berth/model/generated/messages.ts';

import type { Collection, CollectionName } from './keys.ts';

export interface Stored<T> {
  readonly key: string;
  readonly parts: readonly string[];
  readonly value: T;
  readonly createRevision: number;
  readonly modRevision: number;
}

/** One consistent view. The objects in it are never changed. */
export interface State {
  /** Everything up to this etcd revision has been seen. */
  readonly revision: number;
  get<N extends MessageName>(
    of: Collection<N>,
    ...parts: string[]
  ): Stored<MessageTypes[N]> | undefined;
  /** All records whose key starts with these parts, in no particular order. */
  list<N extends MessageName>(
    of: Collection<N>,
    ...parts: string[]
  ): Iterable<Stored<MessageTypes[N]>>;
  tasksByService(cluster: string, service: string): Iterable<Stored<MessageTypes['TaskRecord']>>;
  tasksByHost(hostId: string): Iterable<Stored<MessageTypes['TaskRecord']>>;
  tasksByOwner(owner: string): Iterable<Stored<MessageTypes['TaskRecord']>>;
  targetsByTask(taskId: string): Iterable<Stored<MessageTypes['TargetRecord']>>;
}

export interface Change {
  readonly collection: CollectionName;
  readonly parts: readonly string[];
  readonly before?: Stored<unknown> | undefined;
  readonly after?: Stored<unknown> | undefined;
}

export interface ChangeBatch {
  readonly revision: number;
  readonly changes: readonly Change[];
}

export interface StateCache extends State {
  /** Resolves when `revision` has been seen. @throws BerthError Unavailable after 10 s, or the signal's reason */
  reached(revision: number, signal: AbortSignal): Promise<void>;
  /** Called once for each applied batch, after the view has moved on. Must not throw. Returns the unsubscriber. */
  subscribe(listener: (batch: ChangeBatch) => void): () => void;
  /** True once the first list is in; nothing may be concluded from absence before. */
  readonly filled: boolean;
}
