// Placement strategies: an order of preference among the hosts that may take a task. They never refuse a
// host. Chained strategies compare one after the other; what is still equal falls by a hash of the
// seed and the host, never by the order of iteration. Source: ECS reference, section 5.2.
import { BerthError } from '../errors.ts';
import type { PlacementStrategy } from '../generated/messages.ts';
import { hashText, mix } from './hash.ts';
import type { HostAccount, Ledger } from './ledger.ts';

export const MAX_STRATEGIES = 5;

export type Strategy =
  | { readonly kind: 'random' }
  /** Fewest running tasks of the group: on the host, or on all hosts with the same value of an attribute. */
  | { readonly kind: 'spread'; readonly attribute?: string }
  /** Least left of the resource. */
  | { readonly kind: 'binpack'; readonly resource: 'cpu' | 'memory' };

/** What ECS does for a service that names no strategy. */
export const SERVICE_DEFAULT: readonly Strategy[] = [
  { kind: 'spread', attribute: 'ecs.availability-zone' },
  { kind: 'spread' },
];

/**
 * Check and read strategies. An empty list becomes the default: spread for a service, else random. Pure.
 * @throws BerthError InvalidParameterException for more than five, or a field that the type does not take
 */
export function parseStrategies(
  strategies: readonly PlacementStrategy[],
  ofService: boolean,
): readonly Strategy[] {
  if (strategies.length > MAX_STRATEGIES) {
    throw invalid(`found ${strategies.length}, at most ${MAX_STRATEGIES} are allowed`);
  }
  if (strategies.length === 0) return ofService ? SERVICE_DEFAULT : [{ kind: 'random' }];
  return strategies.map(parseStrategy);
}

function parseStrategy({ type, field = '' }: PlacementStrategy): Strategy {
  switch (type) {
    case 'random':
      if (field !== '') throw invalid(`random takes no field, found "${field}"`);
      return { kind: 'random' };
    case 'spread': {
      if (field === 'instanceId' || field === 'host') return { kind: 'spread' };
      const attribute = /^attribute:(.{1,128})$/.exec(field)?.[1];
      if (attribute === undefined) {
        throw invalid(
          `spread takes the field instanceId, host or attribute:NAME, found "${field}"`,
        );
      }
      return { kind: 'spread', attribute };
    }
    case 'binpack': {
      const resource = field.toLowerCase();
      if (resource === 'cpu' || resource === 'memory') return { kind: 'binpack', resource };
      throw invalid(`binpack takes the field cpu or memory, found "${field}"`);
    }
  }
}

function invalid(problem: string): BerthError {
  return new BerthError('InvalidParameterException', `Invalid placement strategies: ${problem}.`);
}

/** The candidates of one plan, from which the best is taken again and again. */
export interface Ranking {
  /** @param draw which choice of the plan this is; ties fall anew for each */
  best(draw: number): HostAccount | undefined;
  /** A task was charged to the host. */
  placed(host: HostAccount): void;
  /** The host is no candidate any more. */
  drop(host: HostAccount): void;
}

/** Smaller is better. Candidates are named by their index. */
interface Key {
  of(index: number, draw: number): number;
  placed?(index: number): void;
}

/** Prepare the choice among candidates for tasks of one group. */
export function rank(
  strategies: readonly Strategy[],
  candidates: readonly HostAccount[],
  ledger: Ledger,
  group: string,
  seed: number,
): Ranking {
  const indexes = new Map(candidates.map(({ id }, index) => [id, index]));
  const hashes = candidates.map(({ id }) => hashText(id));
  const chance = (index: number, draw: number): number =>
    mix(mix(seed, draw), hashes[index] as number);
  const keys: Key[] = strategies.map((strategy) =>
    strategy.kind === 'random' ? { of: chance } : keyOf(strategy, candidates, ledger, group),
  );
  keys.push({ of: chance });

  const better = (index: number, than: number, draw: number): boolean => {
    for (const key of keys) {
      const difference = key.of(index, draw) - key.of(than, draw);
      if (difference !== 0) return difference < 0;
    }
    return (candidates[index] as HostAccount).id < (candidates[than] as HostAccount).id;
  };

  return {
    best(draw) {
      let best: number | undefined;
      for (const index of indexes.values()) {
        if (best === undefined || better(index, best, draw)) best = index;
      }
      return best === undefined ? undefined : candidates[best];
    },
    placed(host) {
      const index = indexes.get(host.id);
      if (index !== undefined) for (const key of keys) key.placed?.(index);
    },
    drop(host) {
      indexes.delete(host.id);
    },
  };
}

function keyOf(
  strategy: Exclude<Strategy, { kind: 'random' }>,
  hosts: readonly HostAccount[],
  ledger: Ledger,
  group: string,
): Key {
  const host = (index: number): HostAccount => hosts[index] as HostAccount;
  if (strategy.kind === 'binpack') {
    return strategy.resource === 'cpu'
      ? { of: (index) => host(index).cpuFree }
      : { of: (index) => host(index).memoryFree };
  }
  const { attribute } = strategy;
  if (attribute === undefined) return { of: (index) => host(index).groups.get(group) ?? 0 };
  return spreadByAttribute(attribute, hosts, ledger, group);
}

/** Hosts that lack the attribute share a place of their own. */
function spreadByAttribute(
  attribute: string,
  hosts: readonly HostAccount[],
  ledger: Ledger,
  group: string,
): Key {
  const places = new Map<string | undefined, { tasks: number }>();
  const placeOf = (account: HostAccount): { tasks: number } => {
    const value = account.attributes.get(attribute);
    let place = places.get(value);
    if (!place) places.set(value, (place = { tasks: 0 }));
    return place;
  };
  for (const [hostId, tasks] of ledger.hostsOfGroup(group)) {
    const account = ledger.host(hostId);
    if (account) placeOf(account).tasks += tasks;
  }
  const placeAt = hosts.map(placeOf);
  const at = (index: number): { tasks: number } => placeAt[index] as { tasks: number };
  return {
    of: (index) => at(index).tasks,
    placed: (index) => {
      at(index).tasks += 1;
    },
  };
}
