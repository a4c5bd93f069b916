// How the tasks of one request are shared out among capacity providers. Pure. Source: ECS reference, section 8.2:
// first the base, then each next task to the provider that is furthest below its share, ties by the order of the list.
import type { CapacityProviderStrategyItem } from '../generated/messages.ts';

export interface ProviderShare {
  readonly provider: string;
  readonly count: number;
}

/**
 * @param running how many tasks each provider has already, by name
 * @returns providers with at least one task, in the order of the strategy; together `count`, or less where no item has a
 * weight
 */
export function shareOut(
  strategy: readonly CapacityProviderStrategyItem[],
  running: ReadonlyMap<string, number>,
  count: number,
): ProviderShare[] {
  const items = strategy.map(({ capacityProvider, weight = 0, base = 0 }) => {
    const known = running.get(capacityProvider) ?? 0;
    // A provider that is alone takes all, whatever it weighs.
    const share = strategy.length === 1 ? 1 : weight;
    return { provider: capacityProvider, weight: share, base, known, count: 0 };
  });
  for (let left = count; left > 0; left -= 1) {
    const next =
      items.find((item) => item.known + item.count < item.base) ??
      items
        .filter(({ weight }) => weight > 0)
        .reduce<(typeof items)[number] | undefined>(
          (best, item) => (best === undefined || loadOf(item) < loadOf(best) ? item : best),
          undefined,
        );
    if (!next) break;
    next.count += 1;
  }
  return items
    .filter((item) => item.count > 0)
    .map(({ provider, count: own }) => ({ provider, count: own }));
}

/** How full the provider would be with one more task, relative to its weight. */
function loadOf(item: {
  readonly known: number;
  readonly count: number;
  readonly base: number;
  readonly weight: number;
}): number {
  return (item.known + item.count - item.base + 1) / item.weight;
}
