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

const MISSING = { kind: 'missing' } as const;

export function lookUpService(state: State, cluster: string, name: string): Lookup<ServiceRecord> {
  const item = state.get(collections.services, cluster, name);
  return item ? { kind: 'found', item } : MISSING;
}

export function lookUpTask(state: State, cluster: string, name: string): Lookup<TaskRecord> {
  const exact = state.get(collections.tasks, cluster, name);
  if (exact) return { kind: 'found', item: exact };
  if (!isIdPrefix(name)) return MISSING;
  return only(state.list(collections.tasks, cluster), ({ id }) => id.startsWith(name));
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
  let newest: Stored<TaskDefinitionRecord> | undefined;
  for (const item of state.list(collections.taskDefinitions, family)) {
    const newer = !newest || item.value.revision > newest.value.revision;
    if (item.value.status === 'ACTIVE' && newer) newest = item;
  }
  return newest;
}
