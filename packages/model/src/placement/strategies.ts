// Placement strategies: an order of preference among the hosts that may take a task. They never refuse a
// host. Chained strategies compare one after the other; among hosts that are still equal a lot is drawn from the
// seed, never by the order of iteration. Source: ECS reference, section 5.2.
import { BerthError } from '../errors.ts';
import type { PlacementStrategy } from '../generated/messages.ts';

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

export type DecisiveStrategy = Exclude<Strategy, { readonly kind: 'random' }>;

/**
 * The strategies that can decide anything: behind random nothing is left to decide, and what is said a second time
 * decides nothing either. Pure.
 */
export function decisive(strategies: readonly Strategy[]): readonly DecisiveStrategy[] {
  const found = new Map<string, DecisiveStrategy>();
  for (const strategy of strategies) {
    if (strategy.kind === 'random') break;
    const name = JSON.stringify(strategy);
    if (!found.has(name)) found.set(name, strategy);
  }
  return [...found.values()];
}
