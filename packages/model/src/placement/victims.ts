// Chooses which tasks of a service stop when there are too many: the reverse of placement.
// Source: ECS reference, section 5.3.
import { hashText, mix } from './hash.ts';
import { SERVICE_DEFAULT } from './strategies.ts';
import type { Strategy } from './strategies.ts';

export interface VictimTask {
  readonly id: string;
  readonly hostId: string;
  /** Its last status is RUNNING. */
  readonly running: boolean;
  readonly unhealthy: boolean;
  /** It counts where tasks are counted, but is never chosen. */
  readonly protected: boolean;
  /** What it holds on its host. */
  readonly cpu: number;
  readonly memory: number;
}

export interface VictimHost {
  readonly id: string;
  /** ACTIVE, and its agent is connected. */
  readonly ready: boolean;
  readonly attributes: ReadonlyMap<string, string>;
  readonly cpuFree: number;
  readonly memoryFree: number;
}

export interface VictimRequest {
  /** The tasks of the service that shall run, over all deployments. */
  readonly tasks: readonly VictimTask[];
  readonly count: number;
  /** As read by `parseStrategies`; empty: the default of services. */
  readonly strategy: readonly Strategy[];
  /** The hosts of these tasks; a task on a host that is not here counts as on one that is not ready. */
  readonly hosts: readonly VictimHost[];
  /** An unsigned 32-bit number; decides between tasks that are equally good to stop. */
  readonly seed: number;
}

interface Host {
  readonly ready: boolean;
  readonly attributes: ReadonlyMap<string, string>;
  cpuFree: number;
  memoryFree: number;
  tasks: number;
}

/** Larger goes first. */
type Key = (task: VictimTask) => number;

/**
 * The ids of at most `count` unprotected tasks, in the order in which to stop them: first those that do not run yet, then
 * unhealthy ones, then those on hosts that are not ready; then by the reverse of the strategy: spread
 * takes from where most tasks are, binpack from where most would be free, random from anywhere. Pure.
 */
export function chooseVictims(request: VictimRequest): readonly string[] {
  const hosts = hostsOf(request);
  const hostOf = (task: VictimTask): Host => hosts.get(task.hostId) as Host;
  const strategies = request.strategy.length > 0 ? request.strategy : SERVICE_DEFAULT;
  const places = strategies.map((strategy) => placesOf(strategy, request.tasks, hostOf));
  const draws = new Map(request.tasks.map(({ id }) => [id, mix(request.seed, hashText(id))]));
  const chance: Key = ({ id }) => draws.get(id) ?? 0;
  const keys: Key[] = [
    ({ running }) => (running ? 0 : 1),
    ({ unhealthy }) => (unhealthy ? 1 : 0),
    (task) => (hostOf(task).ready ? 0 : 1),
    ...strategies.map((strategy, index) => keyOf(strategy, places[index], hostOf, chance)),
  ];
  if (strategies.at(-1)?.kind === 'spread') keys.push((task) => hostOf(task).tasks);
  keys.push(chance);

  const open = new Set(request.tasks.filter((task) => !task.protected));
  const victims: string[] = [];
  while (victims.length < request.count && open.size > 0) {
    const victim = [...open].reduce((best, task) => (goesBefore(task, best, keys) ? task : best));
    open.delete(victim);
    victims.push(victim.id);
    const host = hostOf(victim);
    host.tasks -= 1;
    host.cpuFree += victim.cpu;
    host.memoryFree += victim.memory;
    for (const place of places) place?.leave(victim);
  }
  return victims;
}

function hostsOf({ hosts, tasks }: VictimRequest): Map<string, Host> {
  const found = new Map<string, Host>(hosts.map((host) => [host.id, { ...host, tasks: 0 }]));
  for (const { hostId } of tasks) {
    let host = found.get(hostId);
    if (!host) {
      host = { ready: false, attributes: new Map(), cpuFree: 0, memoryFree: 0, tasks: 0 };
      found.set(hostId, host);
    }
    host.tasks += 1;
  }
  return found;
}

/** How many tasks are in each place that a strategy spreads over. */
interface Places {
  count(task: VictimTask): number;
  leave(task: VictimTask): void;
}

function placesOf(
  strategy: Strategy,
  tasks: readonly VictimTask[],
  hostOf: (task: VictimTask) => Host,
): Places | undefined {
  if (strategy.kind !== 'spread' || strategy.attribute === undefined) return undefined;
  const { attribute } = strategy;
  const counts = new Map<string | undefined, number>();
  const placeOf = (task: VictimTask): string | undefined => hostOf(task).attributes.get(attribute);
  const change = (task: VictimTask, by: number): void => {
    counts.set(placeOf(task), (counts.get(placeOf(task)) ?? 0) + by);
  };
  for (const task of tasks) change(task, 1);
  return {
    count: (task) => counts.get(placeOf(task)) ?? 0,
    leave: (task) => {
      change(task, -1);
    },
  };
}

function keyOf(
  strategy: Strategy,
  places: Places | undefined,
  hostOf: (task: VictimTask) => Host,
  chance: Key,
): Key {
  if (strategy.kind === 'random') return chance;
  if (strategy.kind === 'spread') {
    return places ? (task) => places.count(task) : (task) => hostOf(task).tasks;
  }
  return strategy.resource === 'cpu'
    ? (task) => hostOf(task).cpuFree + task.cpu
    : (task) => hostOf(task).memoryFree + task.memory;
}

function goesBefore(a: VictimTask, b: VictimTask, keys: readonly Key[]): boolean {
  for (const key of keys) {
    const difference = key(a) - key(b);
    if (difference !== 0) return difference > 0;
  }
  return a.id < b.id;
}
