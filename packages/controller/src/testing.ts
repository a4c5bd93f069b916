// For tests of the controller: a memory store with a cache, and scripted agents and proxies that answer each change
// of the state at once with the records that the api would write for them.
import { seededRandom } from '@berth/control/virtual-clock.ts';
import type {
  MessageName,
  MessageTypes,
  ServiceRecord,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';
import { type Collection, collections, keyOf } from '@berth/store/keys.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { putRecord } from '@berth/store/record.ts';
import { type ListWatchCache, startCache } from '@berth/store/state-cache.ts';
import { realClock, silent } from '@berth/store/testing/time.ts';
import { transaction } from '@berth/store/transaction.ts';

export const CLUSTER = 'default';
export const GROUP = 'web';

/** How the scripted agents and proxies behave. */
export interface Script {
  /** What becomes of a task that was placed; undefined: it stays pending. */
  start: (task: TaskRecord) => Partial<TaskStatusRecord> | undefined;
  /** What proxies say of a registered target. */
  target: (taskDefinition: string) => 'healthy' | 'unhealthy';
  /** Do proxies say that they have drained? */
  drains: boolean;
}

export class TestCluster {
  readonly store = new MemoryStore({ clock: realClock });
  readonly script: Script = {
    start: () => ({ lastStatus: 'RUNNING', healthStatus: 'HEALTHY' }),
    target: () => 'healthy',
    drains: true,
  };
  readonly #ended = new AbortController();
  #cache: ListWatchCache | undefined;
  #working: Promise<void> = Promise.resolve();
  #ports = 20_000;
  #generation = 0;

  get cache(): ListWatchCache {
    if (!this.#cache) throw new Error('the cluster has not begun');
    return this.#cache;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  async begin(): Promise<void> {
    this.#cache = await this.openCache(this.store);
    await this.put(collections.clusters, [CLUSTER], complete('ClusterRecord', { name: CLUSTER }));
    for (const id of ['h1', 'h2', 'h3']) await this.host(id);
    await this.put(
      collections.sessions,
      ['proxy', 'p1'],
      complete('SessionRecord', { id: 'p1', kind: 'proxy' }),
    );
    const group = { name: GROUP, attributes: { 'deregistration_delay.timeout_seconds': '300' } };
    await this.put(collections.targetGroups, [GROUP], complete('TargetGroupRecord', group));
    for (const revision of [1, 2, 3]) await this.definition(revision);
    this.cache.subscribe(() => this.#stir());
    this.#stir();
  }

  openCache(store: MemoryStore): Promise<ListWatchCache> {
    const options = { store, clock: realClock, random: seededRandom(1), logger: silent };
    return startCache(options, this.signal);
  }

  async end(): Promise<void> {
    this.#ended.abort(new Error('the test is over'));
    await this.#working;
    await this.store.close();
  }

  async host(id: string): Promise<void> {
    const record = {
      id,
      cluster: CLUSTER,
      name: id,
      address: `10.0.0.${id.slice(1)}`,
      status: 'ACTIVE',
      registeredResources: { cpu: 4096, memory: 4096 },
    };
    await this.put(collections.hosts, [CLUSTER, id], complete('HostRecord', record));
    const session = complete('SessionRecord', { id, kind: 'host' });
    await this.put(collections.sessions, ['host', id], session);
  }

  async definition(revision: number): Promise<void> {
    const container = {
      name: 'web',
      image: 'web',
      cpu: 64,
      memory: 64,
      portMappings: [{ containerPort: 80 }],
      healthCheck: { command: ['CMD', 'true'] },
    };
    const record = { family: 'app', revision, status: 'ACTIVE', containerDefinitions: [container] };
    const parts = ['app', String(revision)];
    await this.put(collections.taskDefinitions, parts, complete('TaskDefinitionRecord', record));
  }

  async createService(name: string, change: Partial<ServiceRecord> = {}): Promise<void> {
    await this.put(
      collections.services,
      [CLUSTER, name],
      complete('ServiceRecord', {
        cluster: CLUSTER,
        name,
        status: 'ACTIVE',
        generation: 1,
        createdAt: realClock.now(),
        schedulingStrategy: 'REPLICA',
        desiredCount: 2,
        deploymentId: this.#deploymentId(),
        deploymentRequestedAt: realClock.now(),
        taskDefinition: 'app:1',
        loadBalancers: [{ targetGroupArn: GROUP, containerName: 'web', containerPort: 80 }],
        ...change,
      }),
    );
  }

  async updateService(name: string, change: Partial<ServiceRecord>): Promise<void> {
    const service = this.service(name);
    if (!service) throw new Error(`there is no service ${name}`);
    await this.put(collections.services, [CLUSTER, name], {
      ...service,
      ...(change.taskDefinition === undefined ? {} : { deploymentId: this.#deploymentId() }),
      ...change,
      generation: service.generation + 1,
    });
  }

  #deploymentId(): string {
    this.#generation += 1;
    return `ecs-svc/${String(this.#generation).padStart(19, '0')}`;
  }

  service(name: string): ServiceRecord | undefined {
    return this.cache.get(collections.services, CLUSTER, name)?.value;
  }

  deployments(name: string): MessageTypes['ServiceDeploymentsRecord'] | undefined {
    return this.cache.get(collections.deployments, CLUSTER, name)?.value;
  }

  /** Tasks of a service that are wanted, by their last status. */
  active(name: string): TaskRecord[] {
    return [...this.cache.tasksByService(CLUSTER, name)]
      .map(({ value }) => value)
      .filter(({ desiredStatus }) => desiredStatus === 'RUNNING');
  }

  status(id: string): TaskStatusRecord | undefined {
    return this.cache.get(collections.taskStatus, CLUSTER, id)?.value;
  }

  messages(): string[] {
    return [...this.cache.list(collections.events, CLUSTER)]
      .map(({ value }) => value)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map(({ message }) => message);
  }

  /** Steady in its newest form, with nothing left of what went before. */
  isSteady(name: string): boolean {
    const [service, record] = [this.service(name), this.deployments(name)];
    if (!service || record?.observedGeneration !== service.generation) return false;
    const [primary, ...others] = record.deployments;
    return (
      record.steadySince !== undefined &&
      others.length === 0 &&
      primary?.rolloutState === 'COMPLETED' &&
      this.active(name).length === service.desiredCount &&
      this.isTidy(name)
    );
  }

  /** Every task that was told to stop has, its gates are open and its target is gone. */
  isTidy(name: string): boolean {
    const ending = [...this.cache.tasksByService(CLUSTER, name)]
      .map(({ value }) => value)
      .filter(({ desiredStatus }) => desiredStatus === 'STOPPED');
    return ending.every(
      (task) =>
        !task.holdPorts &&
        !task.drainBeforeStop &&
        this.status(task.id)?.lastStatus === 'STOPPED' &&
        [...this.cache.targetsByTask(task.id)].length === 0,
    );
  }

  async put<N extends MessageName>(
    of: Collection<N>,
    parts: readonly string[],
    record: MessageTypes[N],
  ): Promise<void> {
    await this.#commit({ puts: [putRecord(of, parts, record)] });
  }

  async delete(of: Collection, ...parts: readonly string[]): Promise<void> {
    await this.#commit({ deletes: [keyOf(of, ...parts)] });
  }

  async #commit(changes: Parameters<typeof transaction>[0]): Promise<void> {
    const { revision } = await this.store.commit(transaction(changes), this.signal);
    await this.cache.reached(revision, this.signal);
  }

  /** A status of a task, as its agent would give it. */
  async report(task: TaskRecord, change: Partial<TaskStatusRecord>): Promise<void> {
    const before = this.status(task.id);
    const health = change.healthStatus ?? before?.healthStatus ?? 'UNKNOWN';
    const [container] = before?.containers ?? [];
    this.#ports += container ? 0 : 1;
    const binding = {
      bindIp: '0.0.0.0',
      containerPort: 80,
      hostPort: this.#ports,
      protocol: 'tcp',
    };
    const record = complete('TaskStatusRecord', {
      ...before,
      id: task.id,
      cluster: task.cluster,
      hostId: task.hostId,
      sequence: (before?.sequence ?? 0) + 1,
      startedAt: change.lastStatus === 'RUNNING' ? realClock.now() : before?.startedAt,
      ...change,
      containers: [
        {
          name: 'web',
          lastStatus: change.lastStatus === 'STOPPED' ? 'STOPPED' : 'RUNNING',
          networkBindings: container?.networkBindings ?? [binding],
          healthStatus: health,
        },
      ],
    });
    await this.put(collections.taskStatus, [task.cluster, task.id], record);
  }

  /** Agents and proxies react, one change after the other. */
  #stir(): void {
    this.#working = this.#working
      .then(() => this.#react())
      .catch((error: unknown) => {
        if (!this.signal.aborted) throw error;
      });
  }

  async #react(): Promise<void> {
    if (this.signal.aborted) return;
    for (const { value: task } of [...this.cache.list(collections.tasks)]) {
      if (!this.cache.get(collections.sessions, 'host', task.hostId)) continue;
      const last = this.status(task.id)?.lastStatus;
      if (last === 'STOPPED') continue;
      if (task.desiredStatus === 'STOPPED') {
        if (!task.drainBeforeStop) await this.report(task, { lastStatus: 'STOPPED' });
      } else if (last === undefined) {
        const started = this.script.start(task);
        if (started) await this.report(task, started);
      }
    }
    for (const { value: target } of [...this.cache.list(collections.targets)]) {
      const { group, id, taskId, state } = target;
      const said = this.cache.get(collections.targetHealth, group, id, 'p1')?.value.state;
      const task = taskId === '' ? undefined : this.cache.get(collections.tasks, CLUSTER, taskId);
      const definition = task?.value.taskDefinition;
      const draining = this.script.drains ? 'drained' : 'draining';
      const now = state === 'DRAINING' ? draining : this.script.target(definition ?? '');
      if (said === now || !this.cache.get(collections.sessions, 'proxy', 'p1')) continue;
      const description = 'Health checks failed with these codes: [503]';
      const health = { group, target: id, proxy: 'p1', state: now, description };
      const record = complete('TargetHealthRecord', health);
      await this.put(collections.targetHealth, [group, id, 'p1'], record);
    }
  }
}
