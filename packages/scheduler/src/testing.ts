// A cluster of records for tests of the scheduler: a memory store with a cache over it, and short ways
// to write what other roles would.
import { seededRandom } from '@berth/control/virtual-clock.ts';
import type {
  HostRecord,
  MessageName,
  MessageTypes,
  PlaceRequest,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import { testContainer, testDefinition, testHostRecord } from '@berth/model/placement/testing.ts';
import { complete } from '@berth/rpc/codec.ts';
import type { Collection } from '@berth/store/keys.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { putRecord } from '@berth/store/record.ts';
import { startCache } from '@berth/store/state-cache.ts';
import type { ListWatchCache } from '@berth/store/state-cache.ts';
import { realClock, silent } from '@berth/store/testing/time.ts';
import { transaction } from '@berth/store/transaction.ts';

export const CLUSTER = 'default';

export class World {
  readonly store = new MemoryStore({ clock: realClock });
  readonly #ended = new AbortController();

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Another process: a client of the same data, with a cache of its own. */
  async process(): Promise<{ store: MemoryStore; cache: ListWatchCache }> {
    const store = this.store.peer();
    const options = { store, clock: realClock, random: seededRandom(1), logger: silent };
    return { store, cache: await startCache(options, this.signal) };
  }

  end(): void {
    this.#ended.abort(new Error('the test is over'));
  }

  /** @returns the commit's revision */
  async put<N extends MessageName>(
    of: Collection<N>,
    parts: readonly string[],
    record: MessageTypes[N],
  ): Promise<number> {
    const puts = [putRecord(of, parts, record)];
    return (await this.store.commit(transaction({ puts }), this.signal)).revision;
  }

  async delete(of: Collection, ...parts: readonly string[]): Promise<number> {
    const deletes = [keyOf(of, ...parts)];
    return (await this.store.commit(transaction({ deletes }), this.signal)).revision;
  }

  /** A registered host with a session. */
  async host(id: string, record: Partial<HostRecord> = {}): Promise<void> {
    await this.put(collections.hosts, [CLUSTER, id], testHostRecord(id, record));
    await this.connect(id);
  }

  async connect(id: string): Promise<void> {
    const record = complete('SessionRecord', { id, kind: 'host' });
    await this.put(collections.sessions, ['host', id], record);
  }

  async definition(
    family: string,
    ask: { cpu?: number; memory?: number; ports?: readonly number[]; gpus?: number } = {},
  ): Promise<void> {
    const { cpu = 256, memory = 512, ports = [], gpus = 0 } = ask;
    const portMappings = ports.map((port) => ({ containerPort: port, hostPort: port }));
    const resourceRequirements = gpus > 0 ? [{ type: 'GPU', value: String(gpus) }] : [];
    const containerDefinitions = [
      testContainer({ cpu, memory, portMappings, resourceRequirements }),
    ];
    const record = testDefinition({ family, containerDefinitions });
    await this.put(collections.taskDefinitions, [family, '1'], record);
  }

  async status(task: TaskRecord, lastStatus: TaskStatusRecord['lastStatus']): Promise<void> {
    const { id, cluster, hostId } = task;
    const record = complete('TaskStatusRecord', { id, cluster, hostId, lastStatus });
    await this.put(collections.taskStatus, [cluster, id], record);
  }
}

/** For three tasks of web:1 for a deployment, decided on the newest view there is. */
export function placeRequest(request: Partial<PlaceRequest> = {}): PlaceRequest {
  return complete('PlaceRequest', {
    cluster: CLUSTER,
    taskDefinition: 'web:1',
    count: 3,
    owner: 'ecs-svc/1',
    startedBy: 'ecs-svc/1',
    group: 'service:web',
    service: 'web',
    ...request,
  });
}
