// A host that runs nothing: its agent speaks the real protocol and says at once that what it was ordered to do, is done. What a
// task comes to is said by its first image: `slow` never gets beyond PENDING, `broken` can't be pulled, all others run; containers
// that define a health check pass it.
import { Channel } from '@berth/control/channel.ts';
import type {
  AgentMessage,
  AgentOrder,
  AssignedTask,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';
import { type Authority, issue } from '@berth/rpc/authority.ts';
import { connect } from '@berth/rpc/client.ts';
import { randomBytes } from 'node:crypto';

export interface HostOptions {
  /** 32 hexadecimal digits, of a host that has been registered by call; default another host. */
  readonly id?: string;
  readonly cluster?: string;
  readonly cpu?: number;
  readonly memory?: number;
  readonly gpuIds?: readonly string[];
  readonly attributes?: readonly { readonly name: string; readonly value?: string }[];
}

export interface ScriptedHost {
  readonly id: string;
  /** Ends the agent's session. */
  leave(): Promise<void>;
}

const FIRST_PORT = 30_000;

/** Resolves when the api has welcomed the agent. @throws BerthError when it does not */
export async function connectHost(
  authority: Authority,
  address: string,
  options: HostOptions,
): Promise<ScriptedHost> {
  const { cluster = 'default', cpu = 4096, memory = 8192, attributes = [], gpuIds = [] } = options;
  const id = options.id ?? randomBytes(16).toString('hex');
  const name = `host-${id.slice(0, 6)}`;
  const tls = await issue(authority, { role: 'host', name: id }, ['localhost'], Date.now(), 1);
  const connection = connect({ addresses: [address], tls });
  const messages = new Channel<Input<AgentMessage>>(10_000);
  const resources = { cpu, memory, ports: [22], gpuIds };
  const versions = { agentVersion: '1.2.3', engineVersion: '28.0.0', bootId: 'boot' };
  messages.offer({
    hello: { hostId: id, cluster, name, address: '127.0.0.1', resources, attributes, ...versions },
  });
  const orders = connection.client('Agents').Session(messages);
  const script = new Script(id, (tasks) => messages.offer({ report: { tasks } }));
  const welcomed = Promise.withResolvers<string>();
  const ended = (async () => {
    for await (const order of orders) {
      if (order.welcome) welcomed.resolve(id);
      script.follow(order);
    }
  })().catch((error: unknown) => welcomed.reject(error));
  await welcomed.promise;
  return {
    id,
    leave: async () => {
      messages.close();
      await ended;
      connection.close();
    },
  };
}

type Report = Input<TaskStatusRecord>;

/** What the host says of its tasks. */
class Script {
  readonly #hostId: string;
  readonly #report: (tasks: readonly Report[]) => void;
  /** What was said last, by task. */
  readonly #said = new Map<string, string>();
  #sequence = 0;
  #ports = FIRST_PORT;

  constructor(hostId: string, report: (tasks: readonly Report[]) => void) {
    this.#hostId = hostId;
    this.#report = report;
  }

  follow({ welcome, changes }: AgentOrder): void {
    const reports = (welcome ?? changes)?.tasks.flatMap((assigned) => this.#next(assigned)) ?? [];
    if (reports.length > 0) this.#report(reports);
  }

  #next({ task, taskDefinition }: AssignedTask): Report[] {
    if (!task) return [];
    const image = taskDefinition?.containerDefinitions[0]?.image ?? '';
    const mayStop = task.desiredStatus === 'STOPPED' && !task.drainBeforeStop;
    const status =
      mayStop || image === 'broken' ? 'STOPPED' : image === 'slow' ? 'PENDING' : 'RUNNING';
    if (this.#said.get(task.id) === status || this.#said.get(task.id) === 'STOPPED') return [];
    this.#said.set(task.id, status);
    const now = Date.now();
    const failed = image === 'broken' && !mayStop;
    const healthOf = ({ healthCheck }: { readonly healthCheck?: unknown }) =>
      status === 'RUNNING' && healthCheck !== undefined ? 'HEALTHY' : 'UNKNOWN';
    const containers = taskDefinition?.containerDefinitions ?? [];
    return [
      {
        id: task.id,
        cluster: task.cluster,
        hostId: this.#hostId,
        lastStatus: status,
        healthStatus: healthOf(containers[0] ?? {}),
        sequence: (this.#sequence += 1),
        ...(status === 'RUNNING' ? { pullStartedAt: now, pullStoppedAt: now, startedAt: now } : {}),
        ...(status === 'STOPPED' ? { executionStoppedAt: now, stoppedAt: now } : {}),
        ...(failed
          ? {
              stopCode: 'TaskFailedToStart',
              stoppedReason: 'CannotPullContainerError: there is no such image',
            }
          : {}),
        containers: containers.map((container) => ({
          name: container.name,
          image: container.image,
          lastStatus: status,
          healthStatus: healthOf(container),
          ...(status === 'STOPPED' && !failed ? { exitCode: 143 } : {}),
          networkBindings:
            status === 'RUNNING'
              ? container.portMappings.map(({ containerPort, hostPort, protocol }) => ({
                  bindIp: '0.0.0.0',
                  containerPort,
                  hostPort: hostPort || (this.#ports += 1),
                  protocol,
                }))
              : [],
        })),
      },
    ];
  }
}
