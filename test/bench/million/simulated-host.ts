// A host that runs nothing. Its session and its reporter are the real agent's; of a task that it is ordered to run it
// says at once that it runs, and of one that it is ordered to stop that it has stopped.
import type { Logger } from '@berth/control/logger.ts';
import { ImageQuestions } from '@berth/agent/image-questions.ts';
import { Reporter } from '@berth/agent/reporter.ts';
import { Session } from '@berth/agent/session.ts';
import type {
  AssignedTask,
  ContainerStatus,
  TaskDefinitionRecord,
} from '@berth/model/generated/messages.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import type { TlsIdentity } from '@berth/rpc/api.ts';
import { grpcTransport } from '@berth/rpc/transport.ts';

export interface HostPlan {
  readonly hostId: string;
  readonly name: string;
  readonly api: readonly string[];
  readonly tls: TlsIdentity;
  readonly cpu: number;
  readonly memory: number;
  readonly zone: string;
}

/** How many reports of each kind the hosts of this process have made. */
export interface Said {
  running: number;
  stopped: number;
}

/** What is said of containers, which differ in nothing else: a million tasks share it. */
const containersSaid = new Map<string, readonly ContainerStatus[]>();

function containersOf(
  definition: TaskDefinitionRecord | undefined,
  lastStatus: 'RUNNING' | 'STOPPED',
): readonly ContainerStatus[] {
  const key = `${definition?.family}:${definition?.revision} ${lastStatus}`;
  let containers = containersSaid.get(key);
  if (!containers) {
    containers = (definition?.containerDefinitions ?? []).map(({ name, image }) => ({
      name,
      image,
      lastStatus,
      healthStatus: 'UNKNOWN',
      networkBindings: [],
      ...(lastStatus === 'STOPPED' ? { exitCode: 143 } : {}),
    }));
    containersSaid.set(key, containers);
  }
  return containers;
}

export class SimulatedHost {
  readonly #plan: HostPlan;
  readonly #said: Said;
  readonly #reporter = new Reporter(realClock);
  readonly #end = new AbortController();
  readonly #session: Session;
  #running: Promise<void> = Promise.resolve();
  #tasks = 0;

  constructor(plan: HostPlan, said: Said, logger: Logger) {
    const { hostId, name, api, tls, cpu, memory, zone } = plan;
    this.#plan = plan;
    this.#said = said;
    this.#session = new Session({
      api,
      tls,
      connect: grpcTransport.connect,
      hello: () => ({
        hostId,
        cluster: 'default',
        name,
        address: '127.0.0.1',
        bootId: 'simulated',
        agentVersion: '0.1.0',
        engineVersion: '28.0.0',
        resources: { cpu, memory, ports: [22], portsUdp: [], gpuIds: [] },
        attributes: [{ name: 'ecs.availability-zone', value: zone }],
      }),
      reporter: this.#reporter,
      questions: new ImageQuestions(),
      orders: {
        welcome: ({ tasks }) => this.#follow(tasks),
        changes: ({ tasks, removedTaskIds }) => {
          this.#follow(tasks);
          for (const id of removedTaskIds) this.#reporter.forget(id);
        },
        stream: () => undefined,
      },
      clock: realClock,
      random: realRandom,
      logger,
    });
  }

  get connected(): boolean {
    return this.#session.connectedTo !== undefined;
  }

  /** How many run here. */
  get tasks(): number {
    return this.#tasks;
  }

  start(): void {
    this.#running = this.#session.run(this.#end.signal);
  }

  /** As if the machine had been switched off: no last word. */
  async lose(): Promise<void> {
    this.#end.abort(new Error('this host is lost'));
    await this.#running;
  }

  #follow(assigned: readonly AssignedTask[]): void {
    for (const each of assigned) this.#obey(each);
  }

  #obey({ task, taskDefinition }: AssignedTask): void {
    if (!task) return;
    const known = this.#reporter.newest(task.id);
    const wanted = task.desiredStatus === 'STOPPED' ? 'STOPPED' : 'RUNNING';
    if (known?.lastStatus === wanted || known?.lastStatus === 'STOPPED') return;
    const now = realClock.now();
    const ran = known?.startedAt ?? now;
    this.#reporter.report({
      id: task.id,
      cluster: task.cluster,
      hostId: this.#plan.hostId,
      lastStatus: wanted,
      healthStatus: 'UNKNOWN',
      containers: containersOf(taskDefinition, wanted),
      pullStartedAt: ran,
      pullStoppedAt: ran,
      startedAt: ran,
      ...(wanted === 'STOPPED' ? { executionStoppedAt: now, stoppedAt: now } : {}),
      sequence: (known?.sequence ?? 0) + 1,
    });
    const runs = wanted === 'RUNNING';
    this.#said[runs ? 'running' : 'stopped'] += 1;
    if (runs) this.#tasks += 1;
    else if (known) this.#tasks -= 1;
  }
}
