// Things by the names that people use for them: name, ARN, id, or the beginning of an id that only one has.
// Says found, missing or ambiguous; what that means to the caller is said by `resolve.ts`. Pure.
import type {
  HostRecord,
  ServiceRecord,
  TaskDefinitionRecord,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import { isIdPrefix } from '@berth/model/resources/ids.ts';
import { parseDefinitionName } from '@berth/model/resources/task-definition.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

export type Lookup<T> =
  | { readonly kind: 'found'; readonly item: Stored<T> }
  | { readonly kind: 'missing' }
  /** Some of the ids that the reference may mean. */
  | { readonly kind: 'ambiguous'; readonly ids: readonly string[] };

const ID_DIGITS = 32;
const MISSING = { kind: 'missing' } as const;

export function lookUpService(state: State, cluster: string, name: string): Lookup<ServiceRecord> {
  const item = state.get(collections.services, cluster, name);
  return item ? { kind: 'found', item } : MISSING;
}

export function lookUpTask(state: State, cluster: string, name: string): Lookup<TaskRecord> {
  const exact = state.get(collections.tasks, cluster, name);
  if (exact) return { kind: 'found', item: exact };
  if (!isIdPrefix(name) || name.length >= ID_DIGITS) return MISSING;
  return onlyOf(tasksFrom(state, cluster, name));
}

/** Tasks whose id begins so: in order they stand together. */
function* tasksFrom(
  state: State,
  cluster: string,
  prefix: string,
): Generator<Stored<TaskRecord>, void, undefined> {
  for (const task of state.tasksAfter(cluster, prefix)) {
    if (!task.value.id.startsWith(prefix)) return;
    yield task;
  }
}

/** Hosts go by their name too; a name wins over the beginning of an id. */
export function lookUpHost(state: State, cluster: string, name: string): Lookup<HostRecord> {
  const exact = state.get(collections.hosts, cluster, name);
  if (exact) return { kind: 'found', item: exact };
  const named = only(state.list(collections.hosts, cluster), (host) => host.name === name);
  if (named.kind !== 'missing' || !isIdPrefix(name)) return named;
  return only(state.list(collections.hosts, cluster), ({ id }) => id.startsWith(name));
}

function only<T extends { readonly id: string }>(
  items: Iterable<Stored<T>>,
  matches: (item: T) => boolean,
): Lookup<T> {
  const found: Stored<T>[] = [];
  for (const item of items) if (matches(item.value)) found.push(item);
  return onlyOf(found);
}

function onlyOf<T extends { readonly id: string }>(items: Iterable<Stored<T>>): Lookup<T> {
  const found = [...items];
  const [item, ...others] = found;
  if (!item) return MISSING;
  if (others.length === 0) return { kind: 'found', item };
  return { kind: 'ambiguous', ids: found.slice(0, 5).map(({ value }) => value.id) };
}

/** A revision by `family:revision`, or the newest ACTIVE one of a bare family. */
export function lookUpDefinition(
  state: State,
  name: string,
): Stored<TaskDefinitionRecord> | undefined {
  const parsed = parseDefinitionName(name);
  if (!parsed) return undefined;
  const { family, revision } = parsed;
  if (revision !== undefined) {
    return state.get(collections.taskDefinitions, family, String(revision));
  }
  const latest = state.get(collections.taskDefinitionFamilies, family)?.value.latestRevision ?? 0;
  for (let number = latest; number > 0; number -= 1) {
    const item = state.get(collections.taskDefinitions, family, String(number));
    if (item?.value.status === 'ACTIVE') return item;
  }
  return undefined;
}
