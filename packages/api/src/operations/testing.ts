// The operations on a store in memory, with a scheduler that places on any host: for the tests of operations
// and views. For tests only.
import assert from 'node:assert/strict';

import { VirtualClock, seededRandom } from '@berth/control/virtual-clock.ts';
import { BerthError, type ErrorCode, isBerthError } from '@berth/model/errors.ts';
import type {
  ExplainResponse,
  MessageName,
  MessageTypes,
  PlaceRequest,
  PlaceResponse,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import type { CallContext, Handlers, Input } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';
import type { ServiceTypes } from '@berth/rpc/generated/services.ts';
import { methodsOf } from '@berth/rpc/load.ts';
import { type Collection, collections, keyOf } from '@berth/store/keys.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { putRecord } from '@berth/store/record.ts';
import { type ListWatchCache, startCache } from '@berth/store/state-cache.ts';
import { silent } from '@berth/store/testing/time.ts';

import type { OperationsDeps } from './deps.ts';
import { ecsHandlers } from './ecs/handlers.ts';
import { freshenFrom } from './freshen.ts';
import { loadBalancingHandlers } from './load-balancing/handlers.ts';
import { logGroupsHandlers } from './log-groups/handlers.ts';
import { scalingHandlers } from './scaling/handlers.ts';

export const realm: Realm = { region: 'local', account: '000000000000' };

type Served = 'Ecs' | 'LoadBalancing' | 'Scaling' | 'LogGroups';
type Request<S extends Served, M extends keyof ServiceTypes[S]> = ServiceTypes[S][M] extends {
  request: infer Q;
}
  ? Q
  : never;
type Response<S extends Served, M extends keyof ServiceTypes[S]> = ServiceTypes[S][M] extends {
  response: infer R;
}
  ? R
  : never;

type Ask<S extends Served> = <M extends keyof ServiceTypes[S] & string>(
  method: M,
  request?: Input<Request<S, M>>,
) => Promise<Response<S, M>>;

/** One replica: handlers over a cache of their own. */
export interface Replica {
  readonly ecs: Ask<'Ecs'>;
  readonly balancing: Ask<'LoadBalancing'>;
  readonly scaling: Ask<'Scaling'>;
  readonly logGroups: Ask<'LogGroups'>;
  readonly cache: ListWatchCache;
  /** What it writes through. */
  readonly store: MemoryStore;
}

export class Bench {
  readonly clock = new VirtualClock();
  readonly store = new MemoryStore({ clock: this.clock });
  readonly random = seededRandom(7);
  /** How many tasks the scheduler places at most; the others are unplaced. */
  capacity = 1000;
  /** Thrown by so many of the next placements: before anything is placed, or after it. */
  readonly trouble: { before: number; after: number } = { before: 0, after: 0 };
  readonly sealer = KeyRing.create();
  readonly placements: PlaceRequest[] = [];
  explanation: ExplainResponse | BerthError = complete('ExplainResponse', {});
  #end = new AbortController();
  #first: Replica | undefined;

  static async start(): Promise<Bench> {
    const bench = new Bench();
    bench.#first = await bench.replica();
    return bench;
  }

  get cache(): ListWatchCache {
    return this.#replica.cache;
  }

  get ecs(): Ask<'Ecs'> {
    return this.#replica.ecs;
  }

  get balancing(): Ask<'LoadBalancing'> {
    return this.#replica.balancing;
  }

  get scaling(): Ask<'Scaling'> {
    return this.#replica.scaling;
  }

  get logGroups(): Ask<'LogGroups'> {
    return this.#replica.logGroups;
  }

  get #replica(): Replica {
    assert.ok(this.#first);
    return this.#first;
  }

  async replica(): Promise<Replica> {
    const { clock, random } = this;
    const store = this.store.peer();
    const cache = await startCache({ store, clock, random, logger: silent }, this.#end.signal);
    const deps: OperationsDeps = {
      store,
      cache,
      clock,
      random,
      realm,
      dnsSuffix: 'local.elb.berth',
      logger: silent,
      sealer: this.sealer,
      traffic: {
        counters: () => Promise.resolve({ requests: 3, failed: 1, targetErrors: 0, active: 0 }),
      },
      schedulerPlace: (request, signal) => this.#place(request, signal),
      schedulerExplain: () =>
        this.explanation instanceof BerthError
          ? Promise.reject(this.explanation)
          : Promise.resolve(this.explanation),
      freshen: freshenFrom(store, cache),
    };
    return {
      ecs: this.#asking('Ecs', ecsHandlers(deps)),
      balancing: this.#asking('LoadBalancing', loadBalancingHandlers(deps)),
      scaling: this.#asking('Scaling', scalingHandlers(deps)),
      logGroups: this.#asking('LogGroups', logGroupsHandlers(deps)),
      cache,
      store,
    };
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.store.close();
  }

  /** Store a record as another role would, and wait until the first replica sees it. */
  async put<N extends MessageName>(
    of: Collection<N>,
    parts: readonly string[],
    value: Partial<MessageTypes[N]>,
  ): Promise<void> {
    const record = complete(of.message, value);
    const puts = [putRecord(of, parts, record)];
    const { revision } = await this.store.commit({ guards: [], puts, deletes: [] }, this.#signal);
    await this.cache.reached(revision, this.#signal);
  }

  /** Delete a record as another role would. */
  async remove(of: Collection, ...parts: string[]): Promise<void> {
    const deletes = [keyOf(of, ...parts)];
    const { revision } = await this.store.commit({ guards: [], puts: [], deletes }, this.#signal);
    await this.cache.reached(revision, this.#signal);
  }

  /** A cluster named default with so many connected hosts, h0, h1 ... */
  async cluster(hosts = 1): Promise<void> {
    await this.ecs('CreateCluster');
    for (let index = 0; index < hosts; index += 1) await this.host(index);
  }

  async host(index: number): Promise<string> {
    const id = hostId(index);
    await this.put(collections.hosts, ['default', id], {
      id,
      cluster: 'default',
      name: `h${index}`,
      address: `10.0.0.${index}`,
      status: 'ACTIVE',
      registeredAt: this.clock.now(),
      registeredResources: {
        cpu: 2048,
        memory: 4096,
        ports: [22],
        portsUdp: [],
        gpuIds: ['g1', 'g2'],
      },
      agentVersion: '1.0.0',
    });
    await this.put(collections.sessions, ['host', id], { id, kind: 'host' });
    return id;
  }

  /**
   * The answer is an error of this code whose message matches, and nothing has been written.
   */
  async refuses(
    act: () => Promise<unknown>,
    code: ErrorCode,
    message: string | RegExp,
  ): Promise<void> {
    const before = this.store.revision;
    const error = await act().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(isBerthError(error), `expected ${code}, got ${String(error)}`);
    assert.equal(error.code, code, error.message);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    assert.equal(this.store.revision, before, 'a refused call wrote something');
  }

  get #signal(): AbortSignal {
    return this.#end.signal;
  }

  #asking<S extends Served>(service: S, handlers: Handlers<S>): Ask<S> {
    const call: CallContext = {
      identity: { role: 'admin', name: 'ada' },
      peer: 'test',
      requestId: 'test',
      metadata: new Map(),
      signal: this.#signal,
    };
    type AnyHandler = (request: unknown, context: CallContext) => Promise<object>;
    const byName = handlers as unknown as Readonly<Record<string, AnyHandler>>;
    return async (method, request = {} as never) => {
      const handler = byName[method] as AnyHandler;
      const messages = methodsOf(service).get(method);
      assert.ok(messages, `${service} has no ${method}`);
      const asked = complete(messages.requestMessage, request as object);
      const answer = await handler(asked, call);
      return complete(messages.response.type.name as MessageName, answer) as never;
    };
  }

  async #place(input: Input<PlaceRequest>, signal: AbortSignal): Promise<PlaceResponse> {
    const request = complete('PlaceRequest', input);
    this.placements.push(request);
    if (this.trouble.before > 0) {
      this.trouble.before -= 1;
      throw new BerthError('StaleView', 'The view is stale.');
    }
    const placed = Math.min(request.count, this.capacity);
    this.capacity -= placed;
    const tasks = Array.from({ length: placed }, (_, at) => this.#task(request, at));
    const puts = tasks.map((task) => putRecord(collections.tasks, [task.cluster, task.id], task));
    const { revision } =
      puts.length > 0
        ? await this.store.commit({ guards: [], puts, deletes: [] }, signal)
        : { revision: 0 };
    if (this.trouble.after > 0) {
      this.trouble.after -= 1;
      throw new BerthError('StaleView', 'The answer was lost; asked again, the view is stale.');
    }
    const left = request.count - placed;
    const unplaced = {
      count: left,
      refusals: [{ reason: 'RESOURCE:MEMORY', hosts: 1 }],
      closestHostId: hostId(0),
      closestReason: 'has insufficient memory available',
    };
    return { tasks, unplaced: left > 0 ? [unplaced] : [], revision };
  }

  #task(request: PlaceRequest, at: number): TaskRecord {
    return complete('TaskRecord', {
      id: drawHexId(this.random, 32),
      cluster: request.cluster,
      hostId: request.hostIds[at] ?? hostId(0),
      taskDefinition: request.taskDefinition,
      group: request.group,
      startedBy: request.startedBy,
      owner: request.owner,
      service: request.service,
      desiredStatus: 'RUNNING',
      createdAt: this.clock.now(),
      overrides: request.overrides,
      reserved: { cpu: 128, memory: 64, ports: [], portsUdp: [], gpuIds: [] },
      tags: request.tags,
      launchType: request.launchType,
      capacityProviderName: request.capacityProviderStrategy[0]?.capacityProvider,
      enableExecuteCommand: request.enableExecuteCommand,
      platformVersion: request.platformVersion,
    });
  }
}

export function hostId(index: number): string {
  return index.toString(16).padStart(32, 'a');
}

/** What a person's first file has. */
export const webDefinition = {
  family: 'hello',
  containerDefinitions: [
    { name: 'web', image: 'hello:1', memory: 64, portMappings: [{ containerPort: 80 }] },
  ],
} as const;
