// A whole cluster in one process, on a virtual clock: modelled agents and proxies, the memory store, and the
// real scheduler and service controller over it. What the api would write, this file writes.
import type { Random } from '@berth/control/clock.ts';
import { VirtualClock } from '@berth/control/virtual-clock.ts';
import type {
  MessageName,
  MessageTypes,
  ServiceRecord,
  TargetRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';
import { type Collection, collections, keyOf } from '@berth/store/keys.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { putRecord } from '@berth/store/record.ts';
import { type ListWatchCache, startCache } from '@berth/store/state-cache.ts';
import type { Put } from '@berth/store/store.ts';
import { transaction } from '@berth/store/transaction.ts';

import { ModelAgent } from './agent.ts';
import { checkHosts, unrest } from './checkers.ts';
import { ControlPlane } from './control-plane.ts';
import { ModelProxy } from './proxy.ts';
import { type Fate, revisionsOf } from './revisions.ts';
import {
  CLUSTER,
  type FaultRates,
  GROUP_DELAY_MS,
  NO_FAULTS,
  PROXY_LOST_AFTER_MS,
  silent,
  STEP_MS,
} from './settings.ts';

export class SimulatedCluster {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly store: MemoryStore;
  readonly agents = new Map<string, ModelAgent>();
  readonly proxies = new Map<string, ModelProxy>();
  faults: FaultRates = NO_FAULTS;
  readonly #stop = new AbortController();
  readonly #fates = new Map<string, Fate>();
  readonly #returns: { at: number; readonly back: () => Promise<void> }[] = [];
  #cache: ListWatchCache | undefined;
  #control: ControlPlane | undefined;
  #applied = -1;
  #deployments = 0;

  constructor(random: Random) {
    this.random = random;
    this.clock = new VirtualClock();
    this.store = new MemoryStore({ clock: this.clock });
  }

  get cache(): ListWatchCache {
    if (!this.#cache) throw new Error('the cluster has not begun');
    return this.#cache;
  }

  get #signal(): AbortSignal {
    return this.#stop.signal;
  }

  async begin(hosts: number, proxies: number): Promise<void> {
    this.#cache = await startCache(
      { store: this.store, clock: this.clock, random: this.random, logger: silent },
      this.#signal,
    );
    this.#control = new ControlPlane({
      store: this.store,
      cache: this.cache,
      clock: this.clock,
      random: this.random,
      signal: this.#signal,
      faults: () => this.faults,
    });
    await this.#control.begin();
    await this.put(collections.clusters, [CLUSTER], complete('ClusterRecord', { name: CLUSTER }));
    for (let index = 1; index <= hosts; index += 1) await this.addHost(`h${index}`);
    for (let index = 1; index <= proxies; index += 1) await this.#addProxy(`p${index}`);
    await this.put(
      collections.targetGroups,
      ['web'],
      complete('TargetGroupRecord', {
        name: 'web',
        attributes: { 'deregistration_delay.timeout_seconds': String(GROUP_DELAY_MS / 1000) },
      }),
    );
  }

  /** The end of the simulation; nothing may be asked of it any more. */
  async end(): Promise<void> {
    this.#stop.abort(new Error('the simulation is over'));
    await this.#control?.end();
    await this.store.close();
  }

  async put<N extends MessageName>(
    of: Collection<N>,
    parts: readonly string[],
    record: MessageTypes[N],
  ): Promise<void> {
    await this.#commit([putRecord(of, parts, record)]);
  }

  async #commit(puts: readonly Put[], deletes: readonly string[] = []): Promise<void> {
    if (puts.length + deletes.length === 0) return;
    const { revision } = await this.store.commit(transaction({ puts, deletes }), this.#signal);
    await this.cache.reached(revision, this.#signal);
  }

  async addHost(id: string): Promise<void> {
    const agent = new ModelAgent({
      hostId: id,
      random: this.random,
      fateOf: (definition) => this.#fates.get(definition) ?? 'well',
      onPortTaken: (hostId, port, taskId) => this.#checkPort(hostId, port, taskId),
    });
    this.agents.set(id, agent);
    const record = complete('HostRecord', {
      id,
      cluster: CLUSTER,
      name: id,
      address: id,
      status: 'ACTIVE',
      registeredResources: { cpu: 2048, memory: 2048 },
    });
    await this.put(collections.hosts, [CLUSTER, id], record);
    await this.#connectHost(agent);
  }

  async #connectHost(agent: ModelAgent): Promise<void> {
    agent.connected = true;
    this.#applied = -1;
    const session = complete('SessionRecord', { id: agent.hostId, kind: 'host' });
    await this.put(collections.sessions, ['host', agent.hostId], session);
    await this.#carryAgent(agent, true);
  }

  async #addProxy(id: string): Promise<void> {
    const proxy = new ModelProxy({
      id,
      random: this.random,
      delayMs: GROUP_DELAY_MS,
      probe: (target) => this.agents.get(target.hostId)?.listener(target.port)?.well ?? false,
      send: (target, by) => this.#checkRequest(target, by),
    });
    this.proxies.set(id, proxy);
    await this.#connectProxy(proxy);
  }

  async #connectProxy(proxy: ModelProxy): Promise<void> {
    proxy.connected = true;
    this.#applied = -1;
    const session = complete('SessionRecord', { id: proxy.id, kind: 'proxy' });
    await this.put(collections.sessions, ['proxy', proxy.id], session);
    await this.#carryProxy(proxy, true);
  }

  /** The session of a proxy ends, and with it, as by its lease, all that it had reported. It comes back by itself. */
  async cutProxy(proxy: ModelProxy, forMs: number): Promise<void> {
    if (!proxy.connected) return;
    proxy.connected = false;
    const reports = [...this.cache.list(collections.targetHealth)]
      .filter(({ value }) => value.proxy === proxy.id)
      .map(({ key }) => key);
    await this.#commit([], [keyOf(collections.sessions, 'proxy', proxy.id), ...reports]);
    this.#returns.push({
      at: this.clock.monotonic() + forMs,
      back: () => this.#connectProxy(proxy),
    });
  }

  /** A host loses its connection, or all of its power. It comes back by itself. */
  async loseHost(agent: ModelAgent, forMs: number, power: boolean): Promise<void> {
    if (!agent.connected) return;
    agent.connected = false;
    if (power) agent.powerOff(this.clock.monotonic());
    await this.#commit([], [keyOf(collections.sessions, 'host', agent.hostId)]);
    this.#returns.push({
      at: this.clock.monotonic() + forMs,
      back: () => this.#connectHost(agent),
    });
  }

  async drainHost(id: string, status: 'ACTIVE' | 'DRAINING'): Promise<void> {
    const host = this.cache.get(collections.hosts, CLUSTER, id);
    if (host) await this.put(collections.hosts, [CLUSTER, id], { ...host.value, status });
  }

  async createService(record: Partial<ServiceRecord> & { name: string }): Promise<void> {
    const family = record.name;
    const checked = (record.loadBalancers ?? []).length === 0;
    for (const revision of revisionsOf(family, checked)) {
      this.#fates.set(revision.name, revision.fate);
      const parts = [family, String(revision.record.revision)];
      await this.put(collections.taskDefinitions, parts, revision.record);
    }
    const service = complete('ServiceRecord', {
      cluster: CLUSTER,
      status: 'ACTIVE',
      generation: 1,
      schedulingStrategy: 'REPLICA',
      deploymentId: this.#newDeployment(),
      deploymentRequestedAt: this.clock.now(),
      taskDefinition: `${family}:1`,
      ...record,
    });
    await this.put(collections.services, [CLUSTER, family], service);
  }

  async updateService(
    name: string,
    change: Partial<ServiceRecord>,
    deploys: boolean,
  ): Promise<void> {
    const service = this.cache.get(collections.services, CLUSTER, name)?.value;
    if (service?.status !== 'ACTIVE') return;
    await this.put(collections.services, [CLUSTER, name], {
      ...service,
      ...(deploys
        ? { deploymentId: this.#newDeployment(), deploymentRequestedAt: this.clock.now() }
        : {}),
      ...change,
      generation: service.generation + 1,
    });
  }

  /** As the api's StopTask: the order alone, whatever the task serves. */
  async stopTask(id: string): Promise<void> {
    const task = this.cache.get(collections.tasks, CLUSTER, id)?.value;
    if (task?.desiredStatus !== 'RUNNING') return;
    await this.put(collections.tasks, [CLUSTER, id], {
      ...task,
      desiredStatus: 'STOPPED',
      stopCode: 'UserInitiated',
      stoppedReason: 'Task stopped by user',
      stoppingAt: this.clock.now(),
    });
  }

  #newDeployment(): string {
    this.#deployments += 1;
    return `ecs-svc/${String(this.#deployments).padStart(19, '0')}`;
  }

  /** One second of everything. Each part sees what those before it have written. */
  async step(): Promise<void> {
    await this.clock.advance(STEP_MS);
    const now = this.clock.monotonic();
    await this.#strike();
    for (const back of this.#returns.filter(({ at }) => at <= now)) {
      this.#returns.splice(this.#returns.indexOf(back), 1);
      await back.back();
    }
    await this.#carry(now);
    await this.#control?.work();
    checkHosts(this.cache);
  }

  async #strike(): Promise<void> {
    const { hostLoss, proxyCut, crash } = this.faults;
    for (const agent of this.agents.values()) {
      agent.crashes = crash;
      if (this.random() < hostLoss) {
        await this.loseHost(agent, this.random() * 60_000, this.random() < 0.3);
      }
    }
    for (const proxy of this.proxies.values()) {
      // Shorter than the controller waits for it: beyond that a request may be lost.
      if (this.random() < proxyCut) {
        await this.cutProxy(proxy, this.random() * (PROXY_LOST_AFTER_MS - 4_000));
      }
    }
  }

  async #carry(now: number): Promise<void> {
    const changed = this.cache.revision !== this.#applied;
    this.#applied = this.cache.revision;
    for (const agent of this.agents.values()) {
      if (agent.connected && changed) this.#orderAgent(agent, now);
      agent.tick(now);
      await this.#carryAgent(agent, false);
    }
    const targets = [...this.cache.list(collections.targets)].map(({ value }) => value);
    for (const proxy of this.proxies.values()) {
      if (proxy.connected && changed) proxy.update(targets, now);
      proxy.tick(now);
      await this.#carryProxy(proxy, false);
    }
  }

  #orderAgent(agent: ModelAgent, now: number): void {
    const orders = [...this.cache.tasksByHost(agent.hostId)].map(({ value }) => value);
    agent.order(orders, now, this.random() < this.faults.slowPull);
  }

  async #carryAgent(agent: ModelAgent, all: boolean): Promise<void> {
    if (!agent.connected) return;
    if (all) this.#orderAgent(agent, this.clock.monotonic());
    const news = agent.report(all);
    await this.#commit(
      news.map((status) =>
        putRecord(collections.taskStatus, [CLUSTER, status.id], wallTimes(status, this.clock)),
      ),
    );
  }

  async #carryProxy(proxy: ModelProxy, all: boolean): Promise<void> {
    if (!proxy.connected) return;
    const news = proxy.report(all, this.clock.now());
    await this.#commit(
      news.map((health) =>
        putRecord(collections.targetHealth, [health.group, health.target, proxy.id], health),
      ),
    );
  }

  /** Invariant 7. */
  #checkPort(hostId: string, port: number, taskId: string): void {
    for (const proxy of this.proxies.values()) {
      if (proxy.mayStillSend(hostId, port, taskId)) {
        throw new Error(
          `invariant 7: port ${port} of ${hostId} is reused while ${proxy.id} may send to it`,
        );
      }
    }
  }

  /** Invariant 6, as far as orders go: nothing is stopped on purpose while a proxy sends to it. */
  #checkRequest(target: TargetRecord, proxy: string): void {
    const agent = this.agents.get(target.hostId);
    const listener = agent?.listener(target.port);
    if (listener && listener.taskId !== target.taskId) {
      throw new Error(
        `invariant 6: ${proxy} sent a request for ${target.taskId} to ${listener.taskId}`,
      );
    }
    if (!listener && agent && !agent.fell(target.taskId)) {
      throw new Error(
        `invariant 6: ${proxy} sent a request to ${target.taskId}, which was stopped on purpose`,
      );
    }
  }

  /** What is not as it was asked to be yet; undefined: the cluster is at rest. */
  unrest(): string | undefined {
    return this.#returns.length > 0 ? 'hosts or proxies are away' : unrest(this.cache);
  }
}

/** An agent's times are of its own clock, which counts from the start of the simulation. */
function wallTimes(status: TaskStatusRecord, clock: VirtualClock): TaskStatusRecord {
  const start = clock.now() - clock.monotonic();
  const wall = (time: number | undefined): number | undefined =>
    time === undefined ? undefined : start + time;
  return { ...status, startedAt: wall(status.startedAt), stoppedAt: wall(status.stoppedAt) };
}
