// The records of the keyspace in memory, with their indexes. `state-cache.ts` keeps one up to date from the
// store; tests and simulations may fill one by hand. Replaces records, never changes them. Does no I/O.
import type { MessageName, MessageTypes } from '@berth/model/generated/messages.ts';
import { tokenOfOwner } from '@berth/model/resources/run-owner.ts';

import { groupsOfActions, groupsOfRule } from '@berth/model/resources/group-users.ts';

import { type Collection, collections, type CollectionName, keyOf, parseKey } from './keys.ts';
import { collectionName } from './record.ts';
import { SortedKeys } from './sorted-keys.ts';
import type { Change, State, Stored } from './state.ts';

type Records = Map<string, Stored<unknown>>;
/** The records of a collection by the parts of their keys: as deep as the collection's keys have parts. */
type Tree = Map<string, Tree | Stored<unknown>>;
type Task = MessageTypes['TaskRecord'];
type Target = MessageTypes['TargetRecord'];
type Host = MessageTypes['HostRecord'];
type Event = MessageTypes['EventRecord'];
type Rule = MessageTypes['RuleRecord'];
type Listener = MessageTypes['ListenerRecord'];

/** Values of a secondary index, by what is looked up. It is made when somebody first looks. */
interface Index {
  readonly of: CollectionName;
  readonly words: (value: never) => readonly string[];
  found: Map<string, Records> | undefined;
}

function index(of: CollectionName, words: Index['words']): Index {
  return { of, words, found: undefined };
}

const NONE: ReadonlyMap<string, Stored<unknown>> = new Map();

export class StateView implements State {
  #revision = 0;
  #size = 0;
  readonly #trees = new Map<string, Tree>(
    Object.values(collections).map(({ name }) => [name, new Map()]),
  );
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
  readonly #eventsByHost = index('events', ({ cluster, kind, subject }: Event) =>
    kind === 'host' ? [`${cluster}/${subject}`] : [],
  );
  readonly #byTask = index('targets', (target: Target) => [target.taskId]);
  readonly #rulesById = index('rules', (rule: Rule) => [rule.id]);
  readonly #rulesByGroup = index('rules', (rule: Rule) => groupsOfRule(rule));
  readonly #listenersByGroup = index('listeners', ({ defaultActions }: Listener) =>
    groupsOfActions(defaultActions),
  );
  readonly #indexes = Map.groupBy(
    [
      this.#byService,
      this.#byHost,
      this.#byOwner,
      this.#byToken,
      this.#byFamily,
      this.#byStarter,
      this.#hostById,
      this.#eventsByService,
      this.#eventsByHost,
      this.#byTask,
      this.#rulesById,
      this.#rulesByGroup,
      this.#listenersByGroup,
    ],
    (each) => each.of,
  );
  /** Ids of tasks, by cluster; of those clusters whose order was asked for. */
  readonly #order = new Map<string, SortedKeys>();

  get revision(): number {
    return this.#revision;
  }

  get size(): number {
    return this.#size;
  }

  get<N extends MessageName>(
    of: Collection<N>,
    ...parts: string[]
  ): Stored<MessageTypes[N]> | undefined {
    if (parts.length !== of.depth) {
      throw new Error(`a key of ${of.name} has ${of.depth} parts, not ${parts.length}`);
    }
    return this.#find(of.name, parts) as Stored<MessageTypes[N]> | undefined;
  }

  list<N extends MessageName>(
    of: Collection<N>,
    ...parts: string[]
  ): Iterable<Stored<MessageTypes[N]>> {
    const deeper = of.depth - parts.length - 1;
    return {
      [Symbol.iterator]: () =>
        leaves(
          deeper < 0 ? undefined : (this.#find(of.name, parts) as Tree | undefined),
          deeper,
        ) as Iterator<Stored<MessageTypes[N]>>,
    };
  }

  tasksByService(cluster: string, service: string): Iterable<Stored<Task>> {
    return this.#lookUp(this.#byService, `${cluster}/${service}`);
  }

  tasksByHost(hostId: string): Iterable<Stored<Task>> {
    return this.#lookUp(this.#byHost, hostId);
  }

  tasksByOwner(owner: string): Iterable<Stored<Task>> {
    return this.#lookUp(this.#byOwner, owner);
  }

  tasksByToken(cluster: string, token: string): Iterable<Stored<Task>> {
    return this.#lookUp(this.#byToken, `${cluster}/${token}`);
  }

  tasksByFamily(cluster: string, family: string): Iterable<Stored<Task>> {
    return this.#lookUp(this.#byFamily, `${cluster}/${family}`);
  }

  tasksByStarter(cluster: string, startedBy: string): Iterable<Stored<Task>> {
    return this.#lookUp(this.#byStarter, `${cluster}/${startedBy}`);
  }

  *tasksAfter(cluster: string, id?: string): Generator<Stored<Task>, void, undefined> {
    for (const each of this.#orderOf(cluster).after(id)) {
      const task = this.#find(collections.tasks.name, [cluster, each]);
      if (task) yield task as Stored<Task>;
    }
  }

  hostsById(hostId: string): Iterable<Stored<Host>> {
    return this.#lookUp(this.#hostById, hostId);
  }

  eventsByService(cluster: string, service: string): Iterable<Stored<Event>> {
    return this.#lookUp(this.#eventsByService, `${cluster}/${service}`);
  }

  eventsByHost(cluster: string, hostId: string): Iterable<Stored<Event>> {
    return this.#lookUp(this.#eventsByHost, `${cluster}/${hostId}`);
  }

  targetsByTask(taskId: string): Iterable<Stored<Target>> {
    return this.#lookUp(this.#byTask, taskId);
  }

  rulesById(id: string): Iterable<Stored<Rule>> {
    return this.#lookUp(this.#rulesById, id);
  }

  rulesByGroup(group: string): Iterable<Stored<Rule>> {
    return this.#lookUp(this.#rulesByGroup, group);
  }

  listenersByGroup(group: string): Iterable<Stored<Listener>> {
    return this.#lookUp(this.#listenersByGroup, group);
  }

  /** A record of whatever collection. */
  at(key: string): Stored<unknown> | undefined {
    const parsed = parseKey(key);
    return parsed && (this.#find(parsed.collection.name, parsed.parts) as Stored<unknown>);
  }

  /** All records, in no particular order. */
  *all(): Generator<Stored<unknown>, void, undefined> {
    for (const { name, depth } of Object.values(collections)) {
      yield* leaves(this.#trees.get(name), depth - 1);
    }
  }

  moveTo(revision: number): void {
    this.#revision = revision;
  }

  /** Put a record in the place of the one with its key, if any. @param parts of its key, where they are at hand */
  put(of: CollectionName, after: Stored<unknown>, parts = after.parts): Change {
    let tree = this.#trees.get(collections[of].name) as Tree;
    for (let at = 0; at < parts.length - 1; at += 1) {
      const part = parts[at] as string;
      let next = tree.get(part) as Tree | undefined;
      if (!next) tree.set(part, (next = new Map()));
      tree = next;
    }
    const last = parts.at(-1) as string;
    const before = tree.get(last) as Stored<unknown> | undefined;
    tree.set(last, after);
    for (const each of this.#indexes.get(of) ?? []) reindex(each, before, after);
    if (!before) {
      this.#size += 1;
      if (of === 'tasks') this.#order.get(parts[0] as string)?.add(last);
    }
    return { collection: of, parts, before, after };
  }

  /** @returns undefined when there was no such record */
  delete(of: CollectionName, key: string): Change | undefined {
    const before = this.at(key);
    if (!before) return undefined;
    const { parts } = before;
    prune(this.#trees.get(collections[of].name) as Tree, parts, 0);
    for (const each of this.#indexes.get(of) ?? []) reindex(each, before, undefined);
    this.#size -= 1;
    if (of === 'tasks') this.#order.get(parts[0] as string)?.delete(parts[1] as string);
    return { collection: of, parts, before };
  }

  #find(name: string, parts: readonly string[]): Tree | Stored<unknown> | undefined {
    let found: Tree | Stored<unknown> | undefined = this.#trees.get(name);
    for (let at = 0; at < parts.length && found; at += 1) {
      found = (found as Tree).get(parts[at] as string);
    }
    return found;
  }

  /** Iterates what is there when the iteration begins; may be iterated again. */
  #lookUp<T>(each: Index, word: string): Iterable<Stored<T>> {
    return {
      [Symbol.iterator]: () => {
        each.found ??= this.#build(each);
        return (each.found.get(word) ?? NONE).values() as MapIterator<Stored<T>>;
      },
    };
  }

  #build({ of, words }: Index): Map<string, Records> {
    const found = new Map<string, Records>();
    for (const record of this.list(collections[of])) {
      for (const word of words(record.value as never)) add(found, word, record);
    }
    return found;
  }

  #orderOf(cluster: string): SortedKeys {
    let order = this.#order.get(cluster);
    if (!order) {
      order = new SortedKeys();
      const ids = Array.from(this.list(collections.tasks, cluster), ({ value }) => value.id);
      for (const id of ids.sort()) order.add(id);
      this.#order.set(cluster, order);
    }
    return order;
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

/** The records of a tree, whose leaves are so many levels below its first. */
function leaves(tree: Tree | undefined, deeper: number): IterableIterator<Stored<unknown>> {
  if (!tree) return NONE.values();
  return deeper === 0 ? (tree as Records).values() : deepLeaves(tree, deeper);
}

function* deepLeaves(tree: Tree, deeper: number): Generator<Stored<unknown>, void, undefined> {
  for (const below of tree.values()) yield* leaves(below as Tree, deeper - 1);
}

/** Delete a leaf, and what is empty without it. */
function prune(tree: Tree, parts: readonly string[], at: number): void {
  const part = parts[at] as string;
  if (at === parts.length - 1) {
    tree.delete(part);
    return;
  }
  const below = tree.get(part) as Tree;
  prune(below, parts, at + 1);
  if (below.size === 0) tree.delete(part);
}

function reindex(
  { found, words }: Index,
  before: Stored<unknown> | undefined,
  after: Stored<unknown> | undefined,
): void {
  if (!found) return;
  const former = before ? words(before.value as never) : [];
  const present = after ? words(after.value as never) : [];
  if (before) {
    for (const word of former) if (!present.includes(word)) remove(found, word, before.key);
  }
  if (after) for (const word of present) add(found, word, after);
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
