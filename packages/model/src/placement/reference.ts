// What placement means, said in the plainest way: for each task, filter all hosts, sort them, draw a lot among
// the best. Far too slow for use; tests compare the planner with it decision by decision, and the bench measures
// against it.
import { explainUnplaced, candidatesOf } from './explain.ts';
import { filtersFor, passesAll } from './filters.ts';
import { lot } from './hash.ts';
import { placeName } from './host-index.ts';
import type { HostAccount, Ledger } from './ledger.ts';
import { leftOver } from './plan.ts';
import type { Assignment, PlacementPlan } from './plan.ts';
import { newCharge } from './spec.ts';
import type { PlacementSpec } from './spec.ts';

/** As `planPlacement`. */
export function planNaively(
  ledger: Ledger,
  spec: PlacementSpec,
  taskIds: readonly string[],
  seed: number,
): PlacementPlan {
  const filters = filtersFor(spec);
  const assignments: Assignment[] = [];
  for (const [draw, taskId] of taskIds.entries()) {
    const open = spec.onlyHosts ? leftOver(ledger, spec, assignments) : candidatesOf(ledger, spec);
    const fitting = open.filter((host) => passesAll(filters, host, spec));
    const host = choose(fitting, ledger, spec, seed, draw);
    if (!host) break;
    const charge = newCharge(spec, host);
    ledger.charge(taskId, charge);
    assignments.push({ taskId, hostId: host.id, gpuIds: charge.gpuIds });
  }
  const missing = taskIds.length - assignments.length;
  if (missing === 0) return { assignments };
  const refusing = leftOver(ledger, spec, assignments);
  return { assignments, unplaced: explainUnplaced(refusing, spec, missing) };
}

function choose(
  hosts: readonly HostAccount[],
  ledger: Ledger,
  spec: PlacementSpec,
  seed: number,
  draw: number,
): HostAccount | undefined {
  const keys = keysOf(ledger, spec);
  const rated = hosts.map((host) => ({ host, key: keys.map((key) => key(host)) }));
  rated.sort((a, b) => compareKeys(a.key, b.key) || compareNames(a.host, b.host, spec));
  const [best] = rated;
  if (!best) return undefined;
  const tied = rated.filter(({ key }) => compareKeys(key, best.key) === 0);
  return tied[lot(seed, draw, tied.length)]?.host;
}

type Key = (host: HostAccount) => number;

/** Smaller is better; the first that differs decides. Behind random nothing does. */
function keysOf(ledger: Ledger, { strategies, group }: PlacementSpec): Key[] {
  const keys: Key[] = [];
  for (const strategy of strategies) {
    if (strategy.kind === 'random') return keys;
    if (strategy.kind === 'binpack') {
      const { resource } = strategy;
      keys.push((host) => (resource === 'cpu' ? host.cpuFree : host.memoryFree));
    } else if (strategy.attribute === undefined) {
      keys.push((host) => host.groups.get(group) ?? 0);
    } else {
      keys.push(tasksByValue(strategy.attribute, ledger, group));
    }
  }
  return keys;
}

/** How many running tasks of the group all hosts have that have the same value as this one, or none as well. */
function tasksByValue(attribute: string, ledger: Ledger, group: string): Key {
  const counts = new Map<string | undefined, number>();
  for (const host of ledger.hosts()) {
    const value = host.attributes.get(attribute);
    counts.set(value, (counts.get(value) ?? 0) + (host.groups.get(group) ?? 0));
  }
  return (host) => counts.get(host.attributes.get(attribute)) ?? 0;
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Lots are numbered by the values that are spread over, then by id. */
function compareNames(a: HostAccount, b: HostAccount, { strategies }: PlacementSpec): number {
  const names: string[] = [];
  for (const strategy of strategies) {
    if (strategy.kind === 'random') break;
    if (strategy.kind !== 'spread' || strategy.attribute === undefined) continue;
    if (!names.includes(strategy.attribute)) names.push(strategy.attribute);
  }
  const place = (host: HostAccount): string =>
    placeName(names.map((name) => host.attributes.get(name)));
  const [left, right] = place(a) === place(b) ? [a.id, b.id] : [place(a), place(b)];
  return left < right ? -1 : 1;
}
