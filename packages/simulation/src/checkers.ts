// The design's invariants, checked with every commit, start and request by rules of their own: nothing here is shared with the
// code that is checked. What a rule finds is told to the world, with the invariant's number.
import type { ServiceRecord, TaskRecord } from '@berth/model/generated/messages.ts';
import type { Target } from '@berth/proxy/target.ts';
import { codec } from '@berth/rpc/codec.ts';
import { collections, keyOf, parseKey } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';
import type { Transaction } from '@berth/store/store.ts';

import type { Writer } from './database.ts';
import type { Edge } from './edge.ts';
import type { Host } from './host.ts';
import { CLUSTER, GROUP_DELAY_MS } from './settings.ts';
import {
  activeTasks,
  isConnected,
  isHealthy,
  isPaired,
  isSick,
  lastStatus,
  maxTotal,
  minHealthy,
} from './facts.ts';
import { AlarmChecks } from './alarm-checks.ts';
import { isExternalService, SetChecks } from './set-checks.ts';
import { ShiftChecks } from './shift-checks.ts';
import type { World } from './world.ts';

/** So long a placement that was decided on an older form of a service may take to arrive. */
const DECIDED_MS = 45_000;

interface Limits {
  readonly most: number;
  readonly wanted: number;
  /** Virtual time until when it was in force; Infinity: now. */
  until: number;
}

export class Checks {
  readonly #world: World;
  readonly shifts: ShiftChecks;
  readonly sets: SetChecks;
  readonly alarms: AlarmChecks;
  /** What was asked for by each RunTask token. */
  readonly runs = new Map<string, number>();
  readonly #limits = new Map<string, Limits[]>();
  /** Tasks of hosts that a person took out of the cluster without waiting. */
  readonly forced = new Set<string>();
  /** Until when a task may be replaced that was unhealthy, virtual ms. */
  readonly #sick = new Map<string, number>();
  /** Until when tasks of a host may be replaced, virtual ms. */
  readonly #leaving = new Map<string, number>();
  /** Wall time since which a task's target drains. */
  readonly #draining = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
    this.shifts = new ShiftChecks(world);
    this.sets = new SetChecks(world);
    this.alarms = new AlarmChecks(world);
  }

  get #state(): State {
    return this.#world.database.state;
  }

  /** Invariant 4, for leaders: only of who leads is anything accepted. */
  offered(transaction: Transaction, writer: Writer | undefined): void {
    const { puts, deletes } = transaction;
    this.shifts.offered(this.#state, transaction);
    for (const each of [...puts.map((put) => put.key), ...deletes]) this.#noteSickness(each);
    if (writer === undefined || writer.role === 'api') return;
    const { role, process } = writer;
    const key = keyOf(collections.leader, role);
    if (deletes.includes(key) || puts.some((put) => put.key === key)) return;
    const holder = this.#state.get(collections.leader, role)?.value.holder;
    if (holder === process.name) return;
    this.#world.fail(
      `invariant 4: a write of ${process.name} as ${role} was accepted while ${holder ?? 'nobody'} leads`,
    );
  }

  /**
   * Invariant 1: by the controller's own stops a service's healthy tasks never fall below the minimum.
   * @param view what the controller knows when it sends the transaction
   */
  sent(view: State, transaction: Transaction): void {
    this.shifts.sent(view, transaction);
    this.sets.sent(view, transaction);
    this.alarms.sent(view, transaction);
    const stopped = new Map<string, Set<string>>();
    for (const { key, value } of transaction.puts) {
      if (parseKey(key)?.collection !== collections.tasks) continue;
      const after = codec('TaskRecord').decode(value);
      const before = view.get(collections.tasks, after.cluster, after.id)?.value;
      if (before?.desiredStatus !== 'RUNNING' || after.desiredStatus !== 'STOPPED') continue;
      if (after.stopCode !== 'ServiceSchedulerInitiated' || after.service === undefined) continue;
      stopped.set(after.service, (stopped.get(after.service) ?? new Set()).add(after.id));
    }
    for (const [name, ids] of stopped) {
      const service = view.get(collections.services, CLUSTER, name)?.value;
      if (service?.status !== 'ACTIVE' || service.schedulingStrategy === 'DAEMON') continue;
      if (isExternalService(service)) {
        this.sets.stops(view, service, ids);
        continue;
      }
      // Of two revisions only those count that get traffic.
      if (isPaired(service)) {
        this.shifts.stops(view, service, ids);
        continue;
      }
      const healthy = activeTasks(view, service)
        .filter((task) => isHealthy(view, task))
        // What is lost with its host is not the controller's doing.
        .filter(({ id, hostId }) => !ids.has(id) || isConnected(view, hostId));
      const left = healthy.filter(({ id }) => !ids.has(id)).length;
      const least = Math.min(healthy.length, minHealthy(service));
      if (left >= least) continue;
      this.#world.fail(
        `invariant 1: ${name} would have ${left} healthy tasks of ${healthy.length}, ${least} must stay`,
      );
    }
  }

  committed(transaction: Transaction, writer: Writer | undefined): void {
    const { puts } = transaction;
    this.sets.committed(this.#state, transaction);
    const started: TaskRecord[] = [];
    const touched = new Set<string>();
    for (const { key, value } of puts) {
      const parsed = parseKey(key);
      if (parsed?.collection === collections.services) this.#noteLimits(parsed.parts[1] ?? '');
      if (parsed?.collection === collections.targets) this.#noteDrain(value);
      if (parsed?.collection === collections.hosts) this.#noteHost(value);
      if (parsed?.collection !== collections.tasks) continue;
      const task = codec('TaskRecord').decode(value);
      touched.add(task.hostId);
      if (writer?.role === 'scheduler') started.push(task);
    }
    for (const id of touched) this.#host(id);
    for (const { id, cluster, hostId } of started) {
      const host = this.#state.get(collections.hosts, cluster, hostId)?.value;
      if (host?.status === 'ACTIVE') continue;
      const what = host ? `is ${host.status}` : 'is not registered';
      this.#world.fail(`invariant 3: task ${id} was placed on host ${hostId}, which ${what}`);
    }
    for (const name of new Set(started.map(({ service }) => service))) {
      if (name !== undefined)
        this.#starts(
          name,
          started.filter(({ service }) => service === name),
        );
    }
    for (const owner of new Set(started.map(({ owner: own }) => own))) this.#runs(owner);
  }

  #noteHost(value: Buffer): void {
    const { id, status } = codec('HostRecord').decode(value);
    const now = this.#world.clock.monotonic();
    if (status !== 'ACTIVE') this.#leaving.set(id, Infinity);
    else if (this.#leaving.get(id) === Infinity) this.#leaving.set(id, now + DECIDED_MS);
  }

  /** Its host is to be left, or was when the placement may have been decided. */
  #isLeaving({ hostId }: TaskRecord): boolean {
    return (this.#leaving.get(hostId) ?? 0) > this.#world.clock.monotonic();
  }

  /** From being scaled in, or it was when that may have been decided. */
  #isProtected({ protectedUntil = 0 }: TaskRecord): boolean {
    return protectedUntil > this.#world.clock.now() - DECIDED_MS;
  }

  /** What is about to change was true until now, and a placement may have been decided on it. */
  #noteSickness(key: string): void {
    const { collection, parts = [] } = parseKey(key) ?? {};
    let sick: string | undefined;
    if (collection === collections.targetHealth) {
      const [group = '', target = '', proxy = ''] = parts;
      const health = this.#state.get(collections.targetHealth, group, target, proxy)?.value;
      if (health?.state === 'unhealthy') sick = target.split('-')[0];
    } else if (collection === collections.taskStatus) {
      const [cluster = '', id = ''] = parts;
      const status = this.#state.get(collections.taskStatus, cluster, id)?.value;
      if (status?.healthStatus === 'UNHEALTHY') sick = id;
    }
    if (sick !== undefined) this.#sick.set(sick, this.#world.clock.monotonic() + DECIDED_MS);
  }

  #wasSick({ id }: TaskRecord): boolean {
    return (this.#sick.get(id) ?? 0) > this.#world.clock.monotonic();
  }

  #noteDrain(value: Buffer): void {
    const { taskId, drainingSince } = codec('TargetRecord').decode(value);
    if (drainingSince === undefined) this.#draining.delete(taskId);
    else if (!this.#draining.has(taskId)) this.#draining.set(taskId, drainingSince);
  }

  #noteLimits(name: string): void {
    const service = this.#state.get(collections.services, CLUSTER, name)?.value;
    const known = this.#limits.get(name) ?? [];
    const now = this.#world.clock.monotonic();
    const last = known.at(-1);
    if (last) last.until = now;
    if (service)
      known.push({ most: maxTotal(service), wanted: service.desiredCount, until: Infinity });
    this.#limits.set(
      name,
      known.filter(({ until }) => until > now - DECIDED_MS),
    );
  }

  /** Invariants 2 and 5: what was just started stays within the maximum, and is not more than was wanted. */
  #starts(name: string, started: readonly TaskRecord[]): void {
    const world = this.#world;
    const service = this.#state.get(collections.services, CLUSTER, name)?.value;
    if (!service) {
      world.fail(`invariant 5: a task was started for ${name}, which is gone`);
      return;
    }
    const isExcused = (task: TaskRecord): boolean =>
      isSick(this.#state, task) || this.#wasSick(task) || this.#isLeaving(task);
    if (isExternalService(service)) {
      this.sets.starts(service, started, isExcused, DECIDED_MS);
      return;
    }
    const active = activeTasks(this.#state, service);
    if (service.schedulingStrategy === 'DAEMON') {
      for (const { hostId } of started) {
        const there = active.filter((task) => task.hostId === hostId).length;
        if (there > 1) world.fail(`invariant 2: ${there} tasks of ${name} on one host`);
      }
      return;
    }
    const now = world.clock.monotonic();
    const limits = (this.#limits.get(name) ?? []).filter(({ until }) => until > now - DECIDED_MS);
    const most = Math.max(...limits.map((limit) => limit.most));
    const owners = new Set(started.map((task) => task.owner));
    // While traffic moves both revisions are there, each within the limits as if it were alone; the older one keeps what is protected.
    const kept = active.filter((task) => !owners.has(task.owner) && this.#isProtected(task));
    const allowed = isPaired(service) ? most + Math.max(most, kept.length) : most;
    if (active.length > allowed) {
      world.fail(`invariant 2: ${name} has ${active.length} tasks, ${allowed} are allowed`);
    }
    const wanted = Math.max(...limits.map((limit) => limit.wanted));
    for (const owner of owners) {
      const own = active.filter((task) => task.owner === owner);
      if (own.length > most) {
        world.fail(`invariant 2: ${owner} of ${name} has ${own.length} tasks, ${most} are allowed`);
      }
      const good = own.filter((task) => !isExcused(task));
      // A task that is moved to another zone is started before it is stopped.
      const moved = service.availabilityZoneRebalancing === 'ENABLED' ? 1 : 0;
      if (good.length > wanted + moved) {
        world.fail(
          `invariant 5: ${owner} of ${name} has ${good.length} tasks, ${wanted} are wanted`,
        );
      }
    }
  }

  /** Invariant 5, for RunTask: a token is one intention, however often it is used. */
  #runs(owner: string): void {
    if (!owner.startsWith('run/')) return;
    const token = owner.split('/')[2] ?? '';
    const asked = this.runs.get(token);
    const count = [...this.#state.tasksByToken(CLUSTER, token)].length;
    if (asked !== undefined && count > asked) {
      this.#world.fail(`invariant 5: token ${token} asked for ${asked} tasks and has ${count}`);
    }
  }

  /** Invariant 3: a host holds no more than it registered. */
  #host(id: string): void {
    const host = [...this.#state.hostsById(id)][0]?.value;
    if (!host) return;
    let cpu = 0;
    let memory = 0;
    for (const { value: task } of this.#state.tasksByHost(id)) {
      if (lastStatus(this.#state, task) === 'STOPPED') continue;
      cpu += task.reserved?.cpu ?? 0;
      memory += task.reserved?.memory ?? 0;
    }
    const { cpu: hasCpu = 0, memory: hasMemory = 0 } = host.registeredResources ?? {};
    if (cpu > hasCpu || memory > hasMemory) {
      this.#world.fail(
        `invariant 3: ${host.name} holds ${cpu} units and ${memory} MiB of ${hasCpu} and ${hasMemory}`,
      );
    }
  }

  /** Invariant 7. */
  ports(host: Host): void {
    for (const { port, taskId } of host.listeners()) {
      for (const edge of this.#world.edges) {
        const target = edge.mayStillSend(host.address, port, taskId);
        if (!target) continue;
        this.#world.fail(
          `invariant 7: port ${port} of ${host.name} is ${taskId}'s while ${edge.name} may send to it for ${target.record.taskId}`,
        );
      }
    }
  }

  /** Invariant 6: nothing is stopped on purpose while a proxy sends to it, unless proxies have had the whole deregistration delay. */
  requestLost(edge: Edge, { record }: Target, how: 'sent' | 'cut off'): void {
    const { taskId } = record;
    const host = this.#world.hostAt(record.address);
    if (!host || edge.excused || host.fallen.has(taskId) || this.forced.has(taskId)) return;
    const since = this.#draining.get(taskId) ?? Infinity;
    if (this.#world.clock.now() >= since + GROUP_DELAY_MS) return;
    this.#world.fail(
      `invariant 6: a request of ${edge.name} was ${how} at ${taskId} on ${host.name}, which was stopped on purpose`,
    );
  }

  /** What of invariant 9 does not hold yet; undefined: the cluster is at rest, as it was asked to be. */
  unrest(): string | undefined {
    const state = this.#state;
    for (const { value: service } of state.list(collections.services)) {
      const found =
        isExternalService(service) && service.status === 'ACTIVE'
          ? this.sets.unrest(state, service)
          : unrestOf(state, service, this.#world.hosts.length);
      if (found !== undefined) return `${service.name}: ${found}`;
    }
    for (const { value: target } of state.list(collections.targets)) {
      if (target.state === 'DRAINING') return `target ${target.id} is still there`;
    }
    for (const { value: task } of state.list(collections.tasks)) {
      if (task.desiredStatus === 'RUNNING') continue;
      if (task.holdPorts || task.drainBeforeStop) return `task ${task.id} is still held`;
      if (lastStatus(state, task) !== 'STOPPED') return `task ${task.id} has not stopped`;
    }
    return this.shifts.unrest(state) ?? this.#unrestOfMachines();
  }

  #unrestOfMachines(): string | undefined {
    const state = this.#state;
    for (const host of this.#world.hosts) {
      if (!state.get(collections.sessions, 'host', host.id)) return `${host.name} has no session`;
      const wanted = [...state.tasksByHost(host.id)]
        .filter(
          ({ value }) =>
            value.desiredStatus === 'RUNNING' && lastStatus(state, value) === 'RUNNING',
        )
        .map(({ value }) => value.id)
        .sort();
      const running = host.running().sort();
      if (running.join() !== wanted.join())
        return `${host.name} runs ${running.join()}, not ${wanted.join()}`;
    }
    for (const edge of this.#world.edges) {
      if (!state.get(collections.sessions, 'proxy', edge.name))
        return `${edge.name} has no session`;
      if ((edge.core?.appliedRevision ?? 0) < this.#world.routingRevision)
        return `${edge.name} routes by an old table`;
    }
    return undefined;
  }
}

function unrestOf(state: State, service: ServiceRecord, hosts: number): string | undefined {
  const record = state.get(collections.deployments, service.cluster, service.name)?.value;
  const active = activeTasks(state, service);
  if (service.status === 'INACTIVE') {
    if (record) return 'its deployments are still there';
    return active.length === 0 ? undefined : 'it still has tasks';
  }
  if (service.status === 'DRAINING') return 'it is still DRAINING';
  const [primary, ...others] = record?.deployments ?? [];
  if (others.length > 0) return `${others.length} old deployments`;
  if (primary?.rolloutState !== 'COMPLETED') return `rollout ${primary?.rolloutState ?? 'absent'}`;
  const wanted = service.schedulingStrategy === 'DAEMON' ? hosts : service.desiredCount;
  if (active.length !== wanted) return `${active.length} tasks, not ${wanted}`;
  if (!active.every((task) => isHealthy(state, task))) return 'not all healthy';
  if (!active.every((task) => task.taskDefinition === primary.taskDefinition)) return 'mixed tasks';
  return record?.steadySince === undefined ? 'not steady' : undefined;
}
