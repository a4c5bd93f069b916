// What proxies count of single targets. All of it are totals of one run of a proxy, so what is told twice, late or by several does no
// harm: the greatest is the newest. Pure.
import type { TargetCounts } from '../generated/messages.ts';

/** One registration of a target. */
export function countsKey({
  group,
  target,
  registeredAt,
}: Pick<TargetCounts, 'group' | 'target' | 'registeredAt'>): string {
  return `${group} ${target} ${registeredAt}`;
}

/** The newer of two totals of the same run. */
export function newer(a: TargetCounts | undefined, b: TargetCounts): TargetCounts {
  if (!a || b.requests > a.requests) return { ...b, slowest: slowest(a?.slowest, b.slowest) };
  return b.requests === a.requests ? { ...a, slowest: slowest(a.slowest, b.slowest) } : a;
}

const SLOWEST_KEPT = 8;

function slowest(
  a: TargetCounts['slowest'] = [],
  b: TargetCounts['slowest'],
): TargetCounts['slowest'] {
  const both = new Map([...a, ...b].map((each) => [each.requestId, each]));
  return [...both.values()].sort((one, other) => other.at - one.at).slice(0, SLOWEST_KEPT);
}
