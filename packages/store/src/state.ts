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
  /** Those that RunTask started for this client token. */
  tasksByToken(cluster: string, token: string): Iterable<Stored<MessageTypes['TaskRecord']>>;
  tasksByFamily(cluster: string, family: string): Iterable<Stored<MessageTypes['TaskRecord']>>;
  tasksByStarter(cluster: string, startedBy: string): Iterable<Stored<MessageTypes['TaskRecord']>>;
  /** A cluster's tasks by id, from the first after the given one on. To be read at once. */
  tasksAfter(cluster: string, id?: string): Iterable<Stored<MessageTypes['TaskRecord']>>;
  /** A host's records: one, or, if it were registered twice, one a cluster. */
  hostsById(hostId: string): Iterable<Stored<MessageTypes['HostRecord']>>;
  /** What was said of a service and its deployments, in no particular order. */
  eventsByService(cluster: string, service: string): Iterable<Stored<MessageTypes['EventRecord']>>;
  /** What was said of a host itself, in no particular order. */
  eventsByHost(cluster: string, hostId: string): Iterable<Stored<MessageTypes['EventRecord']>>;
  targetsByTask(taskId: string): Iterable<Stored<MessageTypes['TargetRecord']>>;
  rulesById(id: string): Iterable<Stored<MessageTypes['RuleRecord']>>;
  /** Those that send requests, or copies of them, to a target group. */
  rulesByGroup(group: string): Iterable<Stored<MessageTypes['RuleRecord']>>;
  /** Those whose default actions send requests to a target group. */
  listenersByGroup(group: string): Iterable<Stored<MessageTypes['ListenerRecord']>>;
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
