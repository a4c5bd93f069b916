// What proxies are told of listeners, rules, target groups and targets: the whole, or what has changed
// since. A snapshot followed by its changes is the same as a later snapshot. Pure.
import type { MessageTypes, RoutingUpdate } from '@berth/model/generated/messages.ts';
import { emptyUpdate } from '@berth/model/routing/records.ts';
import { collections, type CollectionName } from '@berth/store/keys.ts';
import type { Change, State } from '@berth/store/state.ts';

/** The collections that proxies route by, and where each stands in an update. */
const ROUTING = {
  listeners: { present: 'listeners', removed: 'removedListeners' },
  rules: { present: 'rules', removed: 'removedRules' },
  targetGroups: { present: 'targetGroups', removed: 'removedTargetGroups' },
  targets: { present: 'targets', removed: 'removedTargets' },
} as const satisfies Partial<
  Record<CollectionName, { present: keyof RoutingUpdate; removed: keyof RoutingUpdate }>
>;

type RoutingCollection = keyof typeof ROUTING;
const NAMES = Object.keys(ROUTING) as RoutingCollection[];

/** Which records have changed, by collection and by what follows its name in their keys. */
export type RoutingChanges = Map<
  string,
  { readonly of: RoutingCollection; readonly parts: readonly string[] }
>;

/** Note those of the changes that concern routing. @returns true when there were any */
export function noteRoutingChanges(changes: readonly Change[], into: RoutingChanges): boolean {
  let any = false;
  for (const { collection, parts } of changes) {
    if (!Object.hasOwn(ROUTING, collection)) continue;
    into.set(`${collection}/${parts.join('/')}`, { of: collection as RoutingCollection, parts });
    any = true;
  }
  return any;
}

export function routingSnapshot(state: State): RoutingUpdate {
  const update: Mutable<RoutingUpdate> = mutableUpdate(state.revision, true);
  for (const name of NAMES) {
    for (const { value } of state.list(collections[name])) push(update, name, value);
  }
  return update;
}

/** The present form of every record noted; `changes` must hold all since the update sent before. */
export function routingDifference(state: State, changes: RoutingChanges): RoutingUpdate {
  const update: Mutable<RoutingUpdate> = mutableUpdate(state.revision, false);
  for (const { of, parts } of changes.values()) {
    const record = state.get(collections[of], ...parts)?.value;
    if (record) push(update, of, record);
    else update[ROUTING[of].removed].push(parts.join('/'));
  }
  return update;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

type RoutingRecord = MessageTypes[(typeof collections)[RoutingCollection]['message']];

function push(update: Mutable<RoutingUpdate>, of: RoutingCollection, record: RoutingRecord): void {
  (update[ROUTING[of].present] as RoutingRecord[]).push(record);
}

/** `emptyUpdate` makes its lists afresh each time: they may be filled. */
function mutableUpdate(revision: number, snapshot: boolean): Mutable<RoutingUpdate> {
  return emptyUpdate(revision, snapshot) as Mutable<RoutingUpdate>;
}
