// Says why tasks can't be placed: for each host the first rule that excludes it with what was compared, how
// many hosts each rule excludes, and the host that came closest.
import type { HostVerdict, UnplacedTask } from '../generated/messages.ts';
import { FILTERS, filtersFor } from './filters.ts';
import type { Filter } from './filters.ts';
import type { HostAccount, Ledger } from './ledger.ts';
import type { PlacementSpec } from './spec.ts';

export interface Explanation {
  /** In the order of the hosts' names. */
  readonly hosts: readonly HostVerdict[];
  /** Absent where a host fits. */
  readonly unplaced?: UnplacedTask;
}

/** Look at each host as if one more task were to be placed now. Charges nothing. */
export function explainPlacement(ledger: Ledger, spec: PlacementSpec): Explanation {
  const filters = filtersFor(spec);
  const hosts = candidatesOf(ledger, spec).sort(byName);
  const verdicts = hosts.map((host) => verdict(host, filters, spec));
  if (verdicts.some(({ fits }) => fits)) return { hosts: verdicts };
  return { hosts: verdicts, unplaced: explainUnplaced(hosts, spec, 1) };
}

/** The hosts that the request is about. */
export function candidatesOf(ledger: Ledger, spec: PlacementSpec): HostAccount[] {
  if (!spec.onlyHosts) return [...ledger.hosts()];
  return [...spec.onlyHosts].flatMap((id) => ledger.host(id) ?? []);
}

function byName(a: HostAccount, b: HostAccount): number {
  const [left, right] = a.view.name === b.view.name ? [a.id, b.id] : [a.view.name, b.view.name];
  return left < right ? -1 : 1;
}

function verdict(host: HostAccount, filters: readonly Filter[], spec: PlacementSpec): HostVerdict {
  const refusing = filters.filter((filter) => !filter.passes(host, spec));
  const [first, ...others] = refusing;
  const about = { hostId: host.id, hostName: host.view.name };
  if (!first) return { ...about, fits: true };
  let detail = first.explain(host, spec);
  if (others.length > 0) {
    detail += `; also ${others.map((filter) => filter.explain(host, spec)).join('; ')}`;
  }
  return { ...about, fits: false, reason: first.reason, detail };
}

/**
 * Sum up why `count` tasks fit on none of the hosts. The closest host is the one that passed the most rules,
 * then the one that lacks least; a draining host is never close. Pure.
 */
export function explainUnplaced(
  hosts: readonly HostAccount[],
  spec: PlacementSpec,
  count: number,
): UnplacedTask {
  const filters = filtersFor(spec);
  const excluded = new Map<Filter, number>();
  let closest: { host: HostAccount; rank: number; deficit: number } | undefined;
  for (const host of hosts) {
    const filter = filters.find((candidate) => !candidate.passes(host, spec));
    if (!filter) continue;
    excluded.set(filter, (excluded.get(filter) ?? 0) + 1);
    if (filter.reason === 'DRAINING') continue;
    const found = {
      host,
      rank: FILTERS.indexOf(filter),
      deficit: filter.deficit?.(host, spec) ?? 0,
    };
    if (!closest || isCloser(found, closest)) closest = found;
  }
  const refusals = filters
    .filter((filter) => excluded.has(filter))
    .map((filter) => ({ reason: filter.reason, hosts: excluded.get(filter) ?? 0 }));
  if (!closest) return { count, refusals };
  const closestReason = (FILTERS[closest.rank] as Filter).event;
  return { count, refusals, closestHostId: closest.host.id, closestReason };
}

interface Closeness {
  readonly host: HostAccount;
  readonly rank: number;
  readonly deficit: number;
}

function isCloser(a: Closeness, b: Closeness): boolean {
  if (a.rank !== b.rank) return a.rank > b.rank;
  if (a.deficit !== b.deficit) return a.deficit < b.deficit;
  return byName(a.host, b.host) < 0;
}
