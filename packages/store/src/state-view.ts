// The records of the keyspace in memory, with their indexes. `state-cache.ts` keeps one up to date from the
// store; tests and simulations may fill one by hand. Replaces records, never changes them. Does no I/O.
import type { MessageName, MessageTypes } from '@berth/model/generated/messages.ts';
import { tokenOfOwner } from '@berth/model/resources/run-owner.ts';

import { groupsOfActions, groupsOfRule } from '@berth/model/resources/group-users.ts';

import {
  type Collection,
  collections,
  type CollectionName,
  keyOf,
  prefixOf,
  ROOT,
} from './keys.ts';
import { collectionName } from './record.ts';
import { SortedKeys } from './sorted-keys.ts';
import type { Change, State, Stored } from './state.ts';

type Records = Map<string, Stored<unknown>>;
type Task = MessageTypes['TaskRecord'];
type Target = MessageTypes['TargetRecord'];
type Host = MessageTypes['HostRecord'];
type Event = MessageTypes['EventRecord'];
type Rule = MessageTypes['RuleRecord'];
type Listener = MessageTypes['ListenerRecord'];

/** Values of a secondary index, by what is looked up. */
interface Index {
  readonly of: CollectionName;
  readonly words: (value: never) => readonly string[];
  readonly found: Map<string, Records>;
}

function index(of: CollectionName, words: Index['words']): Index {
  return { of, words, found: new Map() };
}

const NONE: Records = new Map();

export class StateView implements State {
  #revision = 0;
  readonly #records: Records = new Map();
  /** All records below each prefix that `list` can name. */
  readonly #below = new Map<string, Records>();
  readonly #byService = index('tasks', (task: Task) =>
    task.service === undefined ? [] : [`${task.cluster}/${task.service}`],
  );
  readonly #byHost = index('tasks', (task: Task) => [task.hostId]);
  readonly #byOwner = index('tasks', (task: Task) => [task.owner]);
  readonly #byToken = index('tasks', ({ cluster, owner }: Task) => {
    const token = tokenOfOwner(owner);
    return token === undefined ? [] : [`${cluster}/${token}`];
  });
  readonly #byFamily = index('tasks', ({ cluster, taskDefinition }: Task) => [
    `${cluster}/${taskDefinition.slice(0, taskDefinition.lastIndexOf(':'))}`,
  ]);
  readonly #byStarter = index('tasks', ({ cluster, startedBy }: Task) =>
    startedBy === '' ? [] : [`${cluster}/${startedBy}`],
  );
  readonly #hostById = index('hosts', (host: Host) => [host.id]);
  readonly #eventsByService = index('events', ({ cluster, kind, service }: Event) =>
    service !== undefined && (kind === 'service' || kind === 'deployment')
      ? [`${cluster}/${service}`]
      : [],
  );
  readonly #byTask = index('targets', (target: Target) => [target.taskId]);
  readonly #rulesById = index('rules', (rule: Rule) => [rule.id]);
  readonly #rulesByGroup = index('rules', (rule: Rule) => groupsOfRule(rule));
  readonly #listenersByGroup = index('listeners', ({ defaultActions }: Listener) =>
    groupsOfActions(defaultActions),
  );
  readonly #indexes = [
    this.#byService,
    this.#byHost,
    this.#byOwner,
    this.#byToken,
    this.#byFamily,
    this.#byStarter,
    this.#hostById,
    this.#eventsByService,
    this.#byTask,
    this.#rulesById,
    this.#rulesByGroup,
    this.#listenersByGroup,
  ];
  /** Of tasks, by cluster. */
  readonly #order = new Map<string, SortedKeys>();

  get revision(): number {
    return this.#revision;
  }

  get size(): number {
    return this.#records.size;
  }

  get<N extends MessageName>(
    of: Collection<N>,
    ...parts: string[]
  ): Stored<MessageTypes[N]> | undefined {
    return this.#records.get(keyOf(of, ...parts)) as Stored<MessageTypes[N]> | undefined;
  }

  list<N extends MessageName>(
    of: Collection<N>,
    ...parts: string[]
  ): Iterable<Stored<MessageTypes[N]>> {
    const prefix = prefixOf(of, ...parts);
    return values(() => this.#below.get(prefix));
  }

  tasksByService(cluster: string, service: string): Iterable<Stored<Task>> {
    return values(() => this.#byService.found.get(`${cluster}/${service}`));
  }

  tasksByHost(hostId: string): Iterable<Stored<Task>> {
    return values(() => this.#byHost.found.get(hostId));
  }

  tasksByOwner(owner: string): Iterable<Stored<Task>> {
    return values(() => this.#byOwner.found.get(owner));
  }

  tasksByToken(cluster: string, token: string): Iterable<Stored<Task>> {
    return values(() => this.#byToken.found.get(`${cluster}/${token}`));
  }

  tasksByFamily(cluster: string, family: string): Iterable<Stored<Task>> {
    return values(() => this.#byFamily.found.get(`${cluster}/${family}`));
  }

  tasksByStarter(cluster: string, startedBy: string): Iterable<Stored<Task>> {
    return values(() => this.#byStarter.found.get(`${cluster}/${startedBy}`));
  }

  *tasksAfter(cluster: string, id?: string): Generator<Stored<Task>, void, undefined> {
    const after = id === undefined ? undefined : prefixOf(collections.tasks, cluster) + id;
    for (const key of this.#order.get(cluster)?.after(after) ?? []) {
      const task = this.#records.get(key);
      if (task) yield task as Stored<Task>;
    }
  }

  hostsById(hostId: string): Iterable<Stored<Host>> {
    return values(() => this.#hostById.found.get(hostId));
  }

  eventsByService(cluster: string, service: string): Iterable<Stored<Event>> {
    return values(() => this.#eventsByService.found.get(`${cluster}/${service}`));
  }

  targetsByTask(taskId: string): Iterable<Stored<Target>> {
    return values(() => this.#byTask.found.get(taskId));
  }

  rulesById(id: string): Iterable<Stored<Rule>> {
    return values(() => this.#rulesById.found.get(id));
  }

  rulesByGroup(group: string): Iterable<Stored<Rule>> {
    return values(() => this.#rulesByGroup.found.get(group));
  }

  listenersByGroup(group: string): Iterable<Stored<Listener>> {
    return values(() => this.#listenersByGroup.found.get(group));
  }

  /** A record of whatever collection. */
  at(key: string): Stored<unknown> | undefined {
    return this.#records.get(key);
  }

  /** All records, in no particular order. */
  all(): Iterable<Stored<unknown>> {
    return values(() => this.#records);
  }

  moveTo(revision: number): void {
    this.#revision = revision;
  }

  /** Put a record in the place of the one with its key, if any. */
  put(of: CollectionName, after: Stored<unknown>): Change {
    const before = this.#take(of, after.key);
    this.#records.set(after.key, after);
    for (const prefix of prefixes(of, after.key)) add(this.#below, prefix, after);
    for (const each of this.#indexes) {
      if (each.of !== of) continue;
      for (const word of each.words(after.value as never)) add(each.found, word, after);
    }
    if (of === 'tasks' && !before) this.#orderOf(after).add(after.key);
    return { collection: of, parts: after.parts, before, after };
  }

  /** @returns undefined when there was no such record */
  delete(of: CollectionName, key: string): Change | undefined {
    const before = this.#take(of, key);
    if (of === 'tasks' && before) this.#orderOf(before).delete(key);
    return before && { collection: of, parts: before.parts, before };
  }

  #orderOf({ parts: [cluster = ''] }: Stored<unknown>): SortedKeys {
    let order = this.#order.get(cluster);
    if (!order) {
      order = new SortedKeys();
      this.#order.set(cluster, order);
    }
    return order;
  }

  #take(of: CollectionName, key: string): Stored<unknown> | undefined {
    const before = this.#records.get(key);
    if (!before) return undefined;
    this.#records.delete(key);
    for (const prefix of prefixes(of, key)) remove(this.#below, prefix, key);
    for (const each of this.#indexes) {
      if (each.of !== of) continue;
      for (const word of each.words(before.value as never)) remove(each.found, word, key);
    }
    return before;
  }
}

/** A view of these records, for tests and simulations. Revisions count from 1 in the order given. */
export function stateOf(
  ...records: readonly {
    readonly of: Collection;
    readonly parts: readonly string[];
    readonly value: unknown;
  }[]
): StateView {
  const view = new StateView();
  records.forEach(({ of, parts, value }, at) => {
    const revision = at + 1;
    view.put(collectionName(of), {
      key: keyOf(of, ...parts),
      parts,
      value,
      createRevision: revision,
      modRevision: revision,
    });
    view.moveTo(revision);
  });
  return view;
}

/** Iterates what is there when the iteration begins; may be iterated again. */
function values<T>(records: () => Records | undefined): Iterable<Stored<T>> {
  return {
    [Symbol.iterator]: () => (records() ?? NONE).values() as MapIterator<Stored<T>>,
  };
}

/** The prefixes that end inside a key, the collection's own first. */
function prefixes(of: CollectionName, key: string): string[] {
  const found: string[] = [];
  let end = ROOT.length + collections[of].name.length;
  while (end !== -1) {
    found.push(key.slice(0, end + 1));
    end = key.indexOf('/', end + 1);
  }
  return found;
}

function add(to: Map<string, Records>, word: string, record: Stored<unknown>): void {
  const records = to.get(word);
  if (records) records.set(record.key, record);
  else to.set(word, new Map([[record.key, record]]));
}

function remove(from: Map<string, Records>, word: string, key: string): void {
  const records = from.get(word);
  if (records?.delete(key) && records.size === 0) from.delete(word);
}
