// Which tasks of a service should stand elsewhere: its zones have unequal numbers of them, or a host that joined has none. What
// it says is all of the moves, as if there were room everywhere; they are carried out by `rebalance.ts`, a few at a time.
// Pure. Source: ECS reference, section 5.7; for hosts, Berth's own: docs/decisions, on rebalancing.
import type { ServiceRecord } from '../generated/messages.ts';
import { attributeMap } from '../placement/host.ts';
import { parseStrategies, type Strategy } from '../placement/strategies.ts';
import { isEnding, type ServiceView } from './view.ts';

export const ZONE = 'ecs.availability-zone';

/** One task less at `from`, one more at `to`: names of zones, or ids of hosts. */
export interface Move {
  readonly kind: 'zone' | 'host';
  readonly from: string;
  readonly to: string;
}

export interface Rebalancing {
  /** Tasks by zone; empty where zones are not looked at. */
  readonly zones: ReadonlyMap<string, number>;
  /** In order; the first ones help the most. Moves between zones come before those between hosts, never both. */
  readonly moves: readonly Move[];
}

const NOTHING: Rebalancing = { zones: new Map(), moves: [] };

/** Where tasks of this service are moved at all: what has to be read for it costs something. */
export function rebalances(
  service: ServiceRecord | undefined,
  ontoHosts: boolean,
): service is ServiceRecord {
  if (service?.status !== 'ACTIVE' || service.schedulingStrategy !== 'REPLICA') return false;
  return movesZones(service) || (ontoHosts && hostLevel(service) !== undefined);
}

/** All moves that would balance the service as it is now. */
export function planRebalancing(view: ServiceView, now: number): Rebalancing {
  const { service, placeableHosts: places, rebalanceOntoHosts = false } = view;
  if (!places || !rebalances(service, rebalanceOntoHosts)) return NOTHING;
  const hosts = new Map<string, Place>();
  for (const id of places) {
    const record = view.hosts.get(id)?.record;
    if (record) hosts.set(id, { zone: attributeMap(record.attributes).get(ZONE) ?? '', tasks: 0 });
  }
  for (const each of view.tasks) {
    const place = hosts.get(each.task.hostId);
    if (place && !isEnding(view, each, now)) place.tasks += 1;
  }
  const zones = movesZones(service) ? zoneCounts(hosts) : undefined;
  const between = zones ? evened(zones).map((move): Move => ({ kind: 'zone', ...move })) : [];
  if (between.length > 0) return { zones: zones ?? NOTHING.zones, moves: between };
  const level = rebalanceOntoHosts ? hostLevel(service) : undefined;
  return { zones: zones ?? NOTHING.zones, moves: level ? hostMoves(hosts, level) : [] };
}

interface Place {
  readonly zone: string;
  tasks: number;
}

/** Undefined where some host does not say in which zone it is: nobody could tell what is even. */
function zoneCounts(hosts: ReadonlyMap<string, Place>): Map<string, number> | undefined {
  const counts = new Map<string, number>();
  for (const { zone, tasks } of hosts.values()) {
    if (zone === '') return undefined;
    counts.set(zone, (counts.get(zone) ?? 0) + tasks);
  }
  return counts;
}

/** In each zone for itself where the service is spread over zones first. */
function hostMoves(hosts: ReadonlyMap<string, Place>, level: 'zone' | 'cluster'): Move[] {
  const groups = new Map<string, Map<string, number>>();
  for (const [id, { zone, tasks }] of hosts) {
    const key = level === 'zone' ? zone : '';
    const group = groups.get(key) ?? new Map<string, number>();
    group.set(id, tasks);
    groups.set(key, group);
  }
  return [...groups.values()].flatMap(evened).map((move): Move => ({ kind: 'host', ...move }));
}

/** From where most are to where fewest are, until they differ by one at most. By name among equals. */
function evened(counts: ReadonlyMap<string, number>): { from: string; to: string }[] {
  const left = [...counts].map(([name, count]) => ({ name, count }));
  left.sort((a, b) => (a.name < b.name ? -1 : 1));
  const moves: { from: string; to: string }[] = [];
  for (;;) {
    let [most] = left;
    let fewest = most;
    for (const each of left) {
      if (most && each.count > most.count) most = each;
      if (fewest && each.count < fewest.count) fewest = each;
    }
    if (!most || !fewest || most.count - fewest.count < 2) return moves;
    most.count -= 1;
    fewest.count += 1;
    moves.push({ from: most.name, to: fewest.name });
  }
}

/** Source: ECS reference, section 5.7. */
function movesZones(service: ServiceRecord): boolean {
  const [first] = strategiesOf(service);
  return (
    service.availabilityZoneRebalancing === 'ENABLED' &&
    (service.deploymentConfiguration?.maximumPercent ?? 200) > 100 &&
    service.launch?.launchType !== 'EXTERNAL' &&
    first?.kind === 'spread' &&
    first.attribute === ZONE &&
    !service.placementConstraints.some(({ expression }) =>
      expression?.includes(`attribute:${ZONE}`),
    )
  );
}

/** Within what tasks are spread over hosts; undefined: they are not, or only after something that they are packed by. */
function hostLevel(service: ServiceRecord): 'zone' | 'cluster' | undefined {
  if ((service.deploymentConfiguration?.maximumPercent ?? 200) <= 100) return undefined;
  const [first, second] = strategiesOf(service);
  if (first?.kind !== 'spread') return undefined;
  if (first.attribute === undefined) return 'cluster';
  const thenHosts = second?.kind === 'spread' && second.attribute === undefined;
  return first.attribute === ZONE && thenHosts ? 'zone' : undefined;
}

function strategiesOf(service: ServiceRecord): readonly Strategy[] {
  return parseStrategies(service.placementStrategy, true);
}
