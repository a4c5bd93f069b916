// The laws of task sets, by rules of their own: each has its share of the service's tasks and keeps it, nothing of a deleted one stays,
// and STEADY_STATE is said of none that is not.
import type {
  DeploymentRecord,
  ServiceRecord,
  TaskRecord,
  TaskSetRecord,
} from '@berth/model/generated/messages.ts';
import { codec } from '@berth/rpc/codec.ts';
import { collections, parseKey } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';
import type { Transaction } from '@berth/store/store.ts';

import { activeTasks, isConnected, isHealthy, lastStatus } from './facts.ts';
import { CLUSTER, EXTERNAL } from './settings.ts';
import type { World } from './world.ts';

interface Wanted {
  readonly count: number;
  /** Virtual time until when it was so; Infinity: now. */
  until: number;
}

export class SetChecks {
  readonly #world: World;
  /** Ids of all sets that there ever were, with how many tasks they were to have lately. */
  readonly known = new Map<string, Wanted[]>();

  constructor(world: World) {
    this.#world = world;
  }

  /** What the controller is about to write, and what it knows. */
  sent(view: State, { puts, deletes }: Transaction): void {
    for (const key of deletes) {
      const { collection, parts = [] } = parseKey(key) ?? {};
      if (collection !== collections.taskSets) continue;
      const id = `ecs-svc/${parts[2] ?? ''}`;
      const left = leftOf(view, id);
      if (left !== undefined) {
        this.#world.fail(`invariant 15: task set ${id} is to be forgotten though ${left}`);
      }
    }
    for (const { key, value } of puts) {
      const { collection, parts = [] } = parseKey(key) ?? {};
      if (collection !== collections.deployments || parts[1] !== EXTERNAL) continue;
      const service = serviceOf(view);
      if (service?.status !== 'ACTIVE') continue;
      const before = view.get(collections.deployments, CLUSTER, EXTERNAL)?.value.taskSets ?? [];
      for (const set of codec('ServiceDeploymentsRecord').decode(value).taskSets) {
        // What is said already may be said again by whoever has not looked at the tasks.
        const was = before.find(({ id }) => id === set.id)?.stabilityStatus;
        if (set.stabilityStatus !== 'STEADY_STATE' || was === 'STEADY_STATE') continue;
        const found = unsteady(view, service, set);
        if (found === undefined) continue;
        this.#world.fail(`invariant 16: task set ${set.id} is STEADY_STATE though ${found}`);
      }
    }
  }

  /** Law 15: by the controller's own stops a set keeps as many healthy tasks as it is to have. */
  stops(view: State, service: ServiceRecord, stopped: ReadonlySet<string>): void {
    for (const [owner, tasks] of bySet(activeTasks(view, service))) {
      const healthy = tasks
        .filter((task) => isHealthy(view, task))
        // What is lost with its host is not the controller's doing.
        .filter(({ id, hostId }) => !stopped.has(id) || isConnected(view, hostId));
      const left = healthy.filter(({ id }) => !stopped.has(id)).length;
      const least = Math.min(healthy.length, wantedOf(service, setOf(view, owner)));
      if (left >= least) continue;
      this.#world.fail(
        `invariant 15: task set ${owner} would have ${left} healthy tasks of ${healthy.length}, ${least} must stay`,
      );
    }
  }

  committed(state: State, { puts, deletes }: Transaction): void {
    const touched = [...puts.map(({ key }) => key), ...deletes].some((key) => {
      const { collection, parts = [] } = parseKey(key) ?? {};
      const relevant = collection === collections.services || collection === collections.taskSets;
      return relevant && parts[1] === EXTERNAL;
    });
    if (touched) this.#noteWanted(state);
  }

  #noteWanted(state: State): void {
    const now = this.#world.clock.monotonic();
    const service = serviceOf(state);
    const sets = [...state.list(collections.taskSets, CLUSTER, EXTERNAL)].map(({ value }) => value);
    for (const { id } of sets) if (!this.known.has(id)) this.known.set(id, []);
    for (const [id, lately] of this.known) {
      const set = sets.find((each) => each.id === id);
      const count = service ? wantedOf(service, set) : 0;
      const last = lately.at(-1);
      if (last?.count === count) continue;
      if (last) last.until = now;
      lately.push({ count, until: Infinity });
    }
  }

  /**
   * Law 15: no set has more tasks than twice its count, and no more good ones than its count.
   * @param isExcused the task may be replaced while it is there
   * @param excusedMs so long a placement that was decided on an older count may take to arrive
   */
  starts(
    service: ServiceRecord,
    started: readonly TaskRecord[],
    isExcused: (task: TaskRecord) => boolean,
    excusedMs: number,
  ): void {
    const { state } = this.#world.database;
    const since = this.#world.clock.monotonic() - excusedMs;
    const active = bySet(activeTasks(state, service));
    for (const owner of new Set(started.map((task) => task.owner))) {
      const lately = (this.known.get(owner) ?? []).filter(({ until }) => until > since);
      const wanted = Math.max(0, ...lately.map(({ count }) => count));
      const own = active.get(owner) ?? [];
      const good = own.filter((task) => !isExcused(task)).length;
      if (own.length <= 2 * wanted && good <= wanted) continue;
      this.#world.fail(
        `invariant 15: task set ${owner} has ${own.length} tasks, ${good} of them good; ${wanted} are wanted`,
      );
    }
  }

  /** What is not yet as it was last asked. */
  unrest(state: State, service: ServiceRecord): string | undefined {
    const sets = [...state.list(collections.taskSets, CLUSTER, service.name)].map(
      ({ value }) => value,
    );
    const record = state.get(collections.deployments, CLUSTER, service.name)?.value;
    const active = bySet(activeTasks(state, service));
    for (const { id, deletedAt, taskDefinition, loadBalancers } of sets) {
      if (deletedAt !== undefined) return `task set ${id} was deleted and is still there`;
      const own = active.get(id) ?? [];
      active.delete(id);
      const wanted = wantedOf(service, setOf(state, id));
      if (own.length !== wanted) return `task set ${id} has ${own.length} tasks, not ${wanted}`;
      if (!own.every((task) => isHealthy(state, task))) return `task set ${id} is not healthy`;
      if (!own.every((task) => task.taskDefinition === taskDefinition)) {
        return `task set ${id} has tasks of another revision`;
      }
      const groups = loadBalancers.map(({ targetGroupArn }) => targetGroupArn).join();
      for (const task of own) {
        const there = [...state.targetsByTask(task.id)].map(({ value }) => value.group).join();
        if (there !== groups) return `task ${task.id} is in ${there || 'no group'}, not ${groups}`;
      }
      const said = record?.taskSets.find((each) => each.id === id)?.stabilityStatus;
      if (said !== 'STEADY_STATE') return `task set ${id} is ${said ?? 'not known'}`;
    }
    const [stray] = active.keys();
    if (stray !== undefined) return `there are tasks of task set ${stray}, which is gone`;
    if ((record?.taskSets.length ?? 0) !== sets.length) return 'a task set is listed that is gone';
    return sets.length > 0 && record?.steadySince === undefined ? 'not steady' : undefined;
  }
}

export function isExternalService({ deploymentController }: ServiceRecord): boolean {
  return deploymentController === 'EXTERNAL';
}

function serviceOf(state: State): ServiceRecord | undefined {
  return state.get(collections.services, CLUSTER, EXTERNAL)?.value;
}

function setOf(state: State, id: string): TaskSetRecord | undefined {
  return [...state.list(collections.taskSets, CLUSTER, EXTERNAL)].find(
    ({ value }) => value.id === id,
  )?.value;
}

/** The share of the service's desired count, rounded up. */
function wantedOf(service: ServiceRecord, set: TaskSetRecord | undefined): number {
  if (!set || set.deletedAt !== undefined || service.status !== 'ACTIVE') return 0;
  const thousandths = Math.round((set.scale?.value ?? 0) * 1_000) * service.desiredCount;
  return Math.floor((thousandths + 99_999) / 100_000);
}

function bySet(tasks: readonly TaskRecord[]): Map<string, TaskRecord[]> {
  const found = new Map<string, TaskRecord[]>();
  for (const task of tasks) found.set(task.owner, [...(found.get(task.owner) ?? []), task]);
  return found;
}

/** What of a set might still run or be sent to. */
function leftOf(state: State, id: string): string | undefined {
  for (const { value: task } of state.tasksByService(CLUSTER, EXTERNAL)) {
    if (task.owner !== id) continue;
    const [target] = state.targetsByTask(task.id);
    if (target) return `target ${target.value.id} is in ${target.value.group}`;
    if (lastStatus(state, task) !== 'STOPPED' && isInTouch(state, task))
      return `its task ${task.id} has not stopped`;
  }
  return undefined;
}

/** Its host is registered and has a session. */
function isInTouch(state: State, { cluster, hostId }: TaskRecord): boolean {
  return isConnected(state, hostId) && state.get(collections.hosts, cluster, hostId) !== undefined;
}

function unsteady(
  view: State,
  service: ServiceRecord,
  { id }: DeploymentRecord,
): string | undefined {
  const own = activeTasks(view, service).filter(({ owner }) => owner === id);
  const wanted = wantedOf(service, setOf(view, id));
  // Tasks of a host that is not in touch may count, or be lost with it.
  const here = own.filter((task) => isInTouch(view, task));
  if (here.length > wanted || own.length < wanted)
    return `it has ${here.length} tasks, not ${wanted}`;
  for (const task of here) {
    const status = lastStatus(view, task) ?? 'unknown';
    if (status !== 'RUNNING') return `task ${task.id} is ${status}`;
    if (!isHealthy(view, task)) return `task ${task.id} is not known to be healthy`;
    const host = view.get(collections.hosts, CLUSTER, task.hostId)?.value;
    if (host?.status !== 'ACTIVE') return `the host of ${task.id} is ${host?.status ?? 'gone'}`;
  }
  return undefined;
}
