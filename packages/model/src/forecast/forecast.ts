// What would follow from a change, when nothing else happens: the controller's and the scheduler's own planners work on
// a copy of the cluster. In the copy tasks are running and healthy as soon as nothing else is left to decide, and those that
// were told to stop are gone when nothing starts any more; so what they hold is not free too early.
import { afterPlacement } from '../deployment/placed.ts';
import { isSame } from '../deployment/equal.ts';
import { patched } from '../deployment/patch.ts';
import { planDeployment } from '../deployment/plan.ts';
import type { Start } from '../deployment/step.ts';
import type { HostRecord, TaskStatusRecord, UnplacedTask } from '../generated/messages.ts';
import { type Part, partsOf, seedOf } from '../placement/parts.ts';
import { planPlacement } from '../placement/plan.ts';
import { taskRecord } from '../placement/task-record.ts';
import { providerOf } from '../resources/capacity-provider.ts';
import {
  type Change,
  ClusterCopy,
  type ClusterNow,
  type ServiceCopy,
  type TaskCopy,
} from './copy.ts';

/** A cluster that is not at rest after so many is not likely to be soon. */
const MOST_STEPS = 10_000;
/** Of one service in a row, before others get their turn. */
const MOST_LOOKS = 100;
/** The id of the deployment that a change would begin. */
const PREDICTED = 'predicted';

export interface TaskChange {
  readonly change: 'START' | 'STOP' | 'LOST';
  /** Absent for tasks that do not exist yet. */
  readonly taskId?: string | undefined;
  readonly service?: string | undefined;
  readonly taskDefinition: string;
  readonly hostId: string;
  readonly step: number;
}

export interface ServiceOutcome {
  readonly service: string;
  readonly desiredCount: number;
  readonly runningBefore: number;
  readonly runningAfter: number;
  readonly runningLeast: number;
  readonly unplaced?: UnplacedTask | undefined;
}

export interface HostRoom {
  readonly record: HostRecord;
  readonly tasks: number;
  readonly cpuFree: number;
  readonly memoryFree: number;
}

export interface Forecast {
  readonly tasks: readonly TaskChange[];
  readonly services: readonly ServiceOutcome[];
  /** All hosts, by id. */
  readonly before: ReadonlyMap<string, HostRoom>;
  readonly after: ReadonlyMap<string, HostRoom>;
  readonly exact: boolean;
  readonly settled: boolean;
  /** Tasks outside of services that a drain leaves where they are. */
  readonly staying: number;
}

/** Yields now and then, so that others get their turn. Pure. */
export function* forecast(now: ClusterNow, change: Change): Generator<void, Forecast, undefined> {
  const first = yield* run(now, change, 1);
  const placing = new Set(
    first.tasks.filter((each) => each.change === 'START').map(({ service }) => service),
  );
  if (placing.size < 2) return first;
  const other = yield* run(now, change, -1);
  return { ...first, exact: outcomeOf(first.tasks) === outcomeOf(other.tasks) };
}

/** Which tasks start and stop where, whatever the order. */
function outcomeOf(tasks: readonly TaskChange[]): string {
  return tasks
    .map(({ change, service, taskDefinition, hostId }) =>
      [change, service, taskDefinition, hostId].join(' '),
    )
    .sort()
    .join('\n');
}

/** @param direction in which services take their turns, by name */
function* run(
  now: ClusterNow,
  change: Change,
  direction: 1 | -1,
): Generator<void, Forecast, undefined> {
  const copy = yield* ClusterCopy.of(now);
  const work = new Run(copy, now.now, direction);
  return yield* work.follow(change);
}

class Run {
  readonly #copy: ClusterCopy;
  readonly #now: number;
  readonly #direction: 1 | -1;
  readonly #tasks: TaskChange[] = [];
  readonly #dirty = new Set<string>();
  readonly #starting = new Set<TaskCopy>();
  readonly #ending = new Set<TaskCopy>();
  readonly #least = new Map<string, number>();
  readonly #unplaced = new Map<string, UnplacedTask>();
  #step = 1;
  #predicted = 0;

  constructor(copy: ClusterCopy, now: number, direction: 1 | -1) {
    this.#copy = copy;
    this.#now = now;
    this.#direction = direction;
  }

  *follow(change: Change): Generator<void, Forecast, undefined> {
    const { services, alone } = this.#copy;
    const before = this.#rooms();
    const running = new Map(Array.from(services, ([name, each]) => [name, this.#running(each)]));
    for (const { tasks } of services.values()) for (const task of tasks.values()) this.#file(task);
    for (const task of alone.values()) this.#file(task);
    for (const [name, count] of running) this.#least.set(name, count);
    this.#apply(change);
    const settled = yield* this.#settle();
    return {
      tasks: this.#tasks,
      services: Array.from(services, ([name, each]): ServiceOutcome => ({
        service: name,
        desiredCount: wantedBy(each),
        runningBefore: running.get(name) ?? 0,
        runningAfter: this.#running(each),
        runningLeast: this.#least.get(name) ?? 0,
        unplaced: each.held ? this.#unplaced.get(name) : undefined,
      })),
      before,
      after: this.#rooms(),
      exact: true,
      settled,
      staying: change.kind === 'drain' ? this.#aloneOn(change.hostId) : 0,
    };
  }

  /** What is on its way up or down already goes on. */
  #file(copy: TaskCopy): void {
    const last = copy.status?.lastStatus;
    if (last === 'STOPPED' || this.#copy.isLost(copy.task.hostId)) return;
    if (copy.task.desiredStatus === 'STOPPED' || last === 'STOPPING') this.#ending.add(copy);
    else if (last !== 'RUNNING') this.#starting.add(copy);
  }

  #apply(change: Change): void {
    const { hosts, services } = this.#copy;
    // Whoever is under way anyway, or waits for room, takes part.
    for (const [name, { record }] of services) {
      if (record?.steadySince === undefined) this.#dirty.add(name);
    }
    switch (change.kind) {
      case 'drain':
      case 'lose': {
        const ids = change.kind === 'drain' ? [change.hostId] : change.hostIds;
        for (const id of ids) {
          const host = hosts.get(id);
          if (!host) continue;
          if (change.kind === 'lose') this.#copy.putHost(host.record, false);
          else this.#copy.putHost({ ...host.record, status: 'DRAINING' }, host.connected);
        }
        this.#touch(new Set(ids));
        if (change.kind === 'lose') this.#loseAlone(new Set(ids));
        return;
      }
      case 'rebalance': {
        this.#copy.ontoHosts = change.ontoHosts;
        for (const [name, copy] of services) {
          if (change.service !== undefined && name !== change.service) continue;
          if (change.service !== undefined) {
            copy.service = { ...copy.service, availabilityZoneRebalancing: 'ENABLED' };
          }
          this.#dirty.add(name);
        }
        return;
      }
      case 'scale':
      case 'deploy': {
        const copy = services.get(change.service);
        if (!copy) return;
        const { service } = copy;
        const wish =
          change.kind === 'scale'
            ? { desiredCount: change.desiredCount }
            : {
                taskDefinition: change.taskDefinition,
                deploymentId: PREDICTED,
                deploymentRequestedAt: this.#now,
              };
        copy.service = { ...service, ...wish, generation: service.generation + 1 };
        this.#dirty.add(change.service);
      }
    }
  }

  /** Services with tasks on these hosts, and daemons, which may go everywhere. */
  #touch(hostIds: ReadonlySet<string>): void {
    for (const [name, { service, tasks }] of this.#copy.services) {
      const there = (): boolean => [...tasks.values()].some(({ task }) => hostIds.has(task.hostId));
      if (service.schedulingStrategy === 'DAEMON' || there()) this.#dirty.add(name);
    }
  }

  #loseAlone(hostIds: ReadonlySet<string>): void {
    for (const copy of this.#copy.alone.values()) {
      if (!hostIds.has(copy.task.hostId) || copy.status?.lastStatus === 'STOPPED') continue;
      if (copy.task.desiredStatus === 'RUNNING') this.#note('LOST', copy);
      this.#starting.delete(copy);
      this.#ending.delete(copy);
    }
  }

  #aloneOn(hostId: string): number {
    return [...this.#copy.alone.values()].filter(
      ({ task, status }) =>
        task.hostId === hostId &&
        task.desiredStatus === 'RUNNING' &&
        status?.lastStatus !== 'STOPPED',
    ).length;
  }

  /** @returns whether everything came to rest */
  *#settle(): Generator<void, boolean, undefined> {
    for (; this.#step <= MOST_STEPS; this.#step += 1) {
      yield* this.#planAll();
      if (this.#starting.size > 0) this.#comeUp();
      else if (this.#ending.size > 0) this.#comeDown();
      else return true;
    }
    return false;
  }

  *#planAll(): Generator<void, void, undefined> {
    for (let rounds = 0; this.#dirty.size > 0 && rounds < MOST_LOOKS; rounds += 1) {
      const names = [...this.#dirty].sort();
      if (this.#direction < 0) names.reverse();
      this.#dirty.clear();
      for (const name of names) {
        yield;
        this.#planOne(name);
      }
    }
    this.#dirty.clear();
  }

  /** As the controller does: plan and carry out, until nothing is left to do. */
  #planOne(name: string): void {
    const copy = this.#copy.services.get(name);
    if (!copy) return;
    for (let look = 0; look < MOST_LOOKS; look += 1) {
      const plan = planDeployment(this.#copy.view(name, copy), this.#now);
      let moved = !isSame(copy.record, plan.record);
      copy.record = plan.record;
      for (const action of plan.actions) {
        if (action.kind === 'patchTask') {
          moved = true;
          this.#patch(copy, action.taskId, action.patch);
        } else if (action.kind === 'retireService') {
          copy.service = { ...copy.service, status: 'INACTIVE' };
        } else if (action.kind === 'startTasks') {
          moved = true;
          this.#place(name, copy, action.start);
        }
      }
      this.#least.set(name, Math.min(this.#least.get(name) ?? 0, this.#running(copy)));
      if (!moved) return;
    }
  }

  #patch(service: ServiceCopy, taskId: string, patch: Parameters<typeof patched>[1]): void {
    const copy = service.tasks.get(taskId);
    if (!copy) return;
    const { desiredStatus, hostId } = copy.task;
    copy.task = patched(copy.task, patch);
    this.#copy.charge(copy);
    if (desiredStatus === 'STOPPED' || copy.task.desiredStatus !== 'STOPPED') return;
    const lost = this.#copy.isLost(hostId);
    this.#starting.delete(copy);
    if (lost) this.#ending.delete(copy);
    else if (copy.status?.lastStatus !== 'STOPPED') this.#ending.add(copy);
    if (copy.status?.lastStatus !== 'STOPPED') this.#note(lost ? 'LOST' : 'STOP', copy);
  }

  #note(change: TaskChange['change'], { task }: TaskCopy): void {
    const { id, service, taskDefinition, hostId } = task;
    const taskId = id.startsWith(PREDICTED) ? undefined : id;
    this.#tasks.push({ change, taskId, service, taskDefinition, hostId, step: this.#step });
  }

  #place(name: string, copy: ServiceCopy, start: Start): void {
    const request = this.#copy.requestFor(name, copy, start);
    const definition = this.#copy.definition(request.taskDefinition);
    const parts = partsOf(request, { definition, tasks: copy.tasks.values() });
    const before = [...copy.tasks.values()].filter(
      ({ task }) => task.owner === request.owner,
    ).length;
    const taskIds: string[] = [];
    const unplaced: UnplacedTask[] = [];
    for (const part of parts) {
      const plan = this.#placePart(copy, part, before);
      taskIds.push(...plan.taskIds);
      if (plan.unplaced) unplaced.push(plan.unplaced);
    }
    const [first] = unplaced;
    copy.held = first !== undefined;
    if (first) this.#unplaced.set(name, first);
    if (!copy.record) return;
    const placement = { start, taskIds, unplaced, underWay: true, due: false };
    copy.record = afterPlacement(copy.record, placement, this.#now).record;
  }

  #placePart(
    copy: ServiceCopy,
    part: Part,
    before: number,
  ): { readonly taskIds: readonly string[]; readonly unplaced?: UnplacedTask | undefined } {
    const { request, spec, provider } = part;
    const ids = Array.from(
      { length: request.count },
      () => `${PREDICTED} ${(this.#predicted += 1)}`,
    );
    const { assignments, unplaced } = planPlacement(
      this.#copy.ledger,
      spec,
      ids,
      seedOf(part, before),
    );
    const make = { request, spec, provider, epoch: 0, now: this.#now };
    for (const assignment of assignments) {
      const attributes = this.#copy.hosts.get(assignment.hostId)?.record.attributes ?? [];
      const task = taskRecord(make, assignment, providerOf(attributes));
      const placed: TaskCopy = { task, status: undefined };
      copy.tasks.set(task.id, placed);
      this.#starting.add(placed);
      this.#note('START', placed);
    }
    return { taskIds: assignments.map(({ taskId }) => taskId), unplaced };
  }

  #comeUp(): void {
    for (const copy of this.#starting) {
      copy.status = statusOf(copy, 'RUNNING');
      this.#wake(copy);
    }
    this.#starting.clear();
  }

  /** What they held is free now, so whoever waits for room tries again. */
  #comeDown(): void {
    let daemons = false;
    for (const copy of this.#ending) {
      copy.status = statusOf(copy, 'STOPPED');
      this.#copy.charge(copy);
      this.#wake(copy);
      daemons ||= this.#copy.hosts.get(copy.task.hostId)?.record.status === 'DRAINING';
    }
    this.#ending.clear();
    for (const [name, copy] of this.#copy.services) {
      const waits = copy.held || (daemons && copy.service.schedulingStrategy === 'DAEMON');
      copy.held = false;
      if (waits) this.#dirty.add(name);
    }
  }

  #wake({ task: { service } }: TaskCopy): void {
    if (service !== undefined) this.#dirty.add(service);
  }

  #running({ tasks }: ServiceCopy): number {
    return [...tasks.values()].filter(
      ({ task, status }) =>
        task.desiredStatus === 'RUNNING' &&
        status?.lastStatus === 'RUNNING' &&
        !this.#copy.isLost(task.hostId),
    ).length;
  }

  #rooms(): ReadonlyMap<string, HostRoom> {
    const rooms = new Map<string, HostRoom>();
    for (const [id, { record }] of this.#copy.hosts) {
      const account = this.#copy.ledger.host(id);
      if (!account) continue;
      const { runningTasksCount: tasks, cpuFree, memoryFree } = account;
      rooms.set(id, { record, tasks, cpuFree, memoryFree });
    }
    return rooms;
  }
}

/** A daemon wants as many tasks as it has hosts. */
function wantedBy({ service, record }: ServiceCopy): number {
  if (service.schedulingStrategy !== 'DAEMON') return service.desiredCount;
  return record?.deployments[0]?.desiredCount ?? 0;
}

function statusOf(
  { task, status }: TaskCopy,
  lastStatus: TaskStatusRecord['lastStatus'],
): TaskStatusRecord {
  const { id, cluster, hostId } = task;
  const before = status ?? {
    id,
    cluster,
    hostId,
    healthStatus: 'UNKNOWN',
    containers: [],
    sequence: 0,
  };
  return { ...before, lastStatus };
}
