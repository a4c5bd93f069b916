// A cluster for tests of the api: replicas with real sockets on one in-memory store, and agents and proxies
// that speak the real protocol but run nothing.
import { Channel } from '@berth/control/channel.ts';
import type {
  AgentMessage,
  AgentOrder,
  MessageName,
  ProxyMessage,
  RoutingUpdate,
} from '@berth/model/generated/messages.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import { createRegistry } from '@berth/process/metrics.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import type { Surroundings } from '@berth/process/role.ts';
import type { Client, CertifiedIdentity, Input } from '@berth/rpc/api.ts';
import { connect } from '@berth/rpc/client.ts';
import { complete } from '@berth/rpc/codec.ts';
import { testIdentity, testLogger } from '@berth/rpc/testing/fixtures.ts';
import { type Collection, keyOf } from '@berth/store/keys.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { putRecord } from '@berth/store/record.ts';
import { startCache } from '@berth/store/state-cache.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { CommitResult } from '@berth/store/store.ts';

import type { AuditOptions } from '../access/audit.ts';
import { type ApiRole, startApi } from '../start.ts';

export const REALM = { region: 'berth', account: '000000000000' };

export interface Replica extends ApiRole {
  readonly store: MemoryStore;
  readonly cache: StateCache;
  readonly surroundings: Surroundings;
}

export class TestCluster {
  readonly store = new MemoryStore({ clock: realClock });
  readonly logger = testLogger();
  readonly sealer = KeyRing.create();
  readonly #stop = new AbortController();
  readonly #closing: (() => unknown)[] = [];

  /** Everything that was started ends, the last first. */
  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close();
    this.#stop.abort();
    await this.store.close();
  }

  async replica(leaseSeconds = 10, audit?: AuditOptions): Promise<Replica> {
    const store = this.store.peer();
    const surroundings: Surroundings = {
      clock: realClock,
      random: realRandom,
      logger: this.logger,
      metrics: createRegistry({ defaults: false }),
    };
    const cache = await startCache({ store, ...surroundings }, this.#stop.signal);
    const role = await startApi(
      {
        listen: '127.0.0.1:0',
        advertise: '127.0.0.1:0',
        tls: await testIdentity('control', 'api'),
        realm: REALM,
        store,
        cache,
        version: '0.0.0-test',
        leaseSeconds,
        sealer: this.sealer,
        audit,
      },
      surroundings,
    );
    this.#closing.push(
      () => store.close(),
      () => role.stop(0),
    );
    return { ...role, store, cache, surroundings };
  }

  async client<S extends 'Ecs' | 'LoadBalancing' | 'Access' | 'Operations' | 'Agents' | 'Proxies'>(
    service: S,
    replica: Replica,
    role: CertifiedIdentity['role'] = 'admin',
    name = 'tester',
  ): Promise<Client<S>> {
    const tls = await testIdentity(role, name);
    const connection = connect({ addresses: [replica.address], tls });
    this.#closing.push(() => connection.close());
    return connection.client(service);
  }

  put<N extends MessageName>(
    of: Collection<N>,
    parts: readonly string[],
    value: object,
  ): Promise<CommitResult> {
    return this.commit({ puts: [putRecord(of, parts, complete(of.message, value))] });
  }

  delete(of: Collection, ...parts: readonly string[]): Promise<CommitResult> {
    return this.commit({ deletes: [keyOf(of, ...parts)] });
  }

  commit(parts: {
    puts?: ReturnType<typeof putRecord>[];
    deletes?: string[];
  }): Promise<CommitResult> {
    const { puts = [], deletes = [] } = parts;
    return this.store.commit({ guards: [], puts, deletes }, this.#stop.signal);
  }

  async agent(replica: Replica, hostId: string, hello: object = {}): Promise<FakeAgent> {
    const client = await this.client('Agents', replica, 'host', hostId);
    const agent = new FakeAgent(client, hostId, hello);
    this.#closing.push(() => agent.close());
    return agent;
  }

  async proxy(replica: Replica, proxyId: string): Promise<FakeProxy> {
    const proxy = new FakeProxy(await this.client('Proxies', replica, 'proxy', proxyId), proxyId);
    this.#closing.push(() => proxy.close());
    return proxy;
  }
}

/** Sends what it is told to and keeps what it is told. */
class Peer<M, O> {
  readonly out = new Channel<Input<M>>(1_000);
  readonly received: O[] = [];
  /** Resolves with the error that ended the session, or undefined when it ended in order. */
  readonly ended: Promise<unknown>;

  constructor(orders: (messages: AsyncIterable<Input<M>>) => AsyncIterable<O>, first: Input<M>) {
    this.out.offer(first);
    this.ended = this.#receive(orders);
  }

  close(): Promise<unknown> {
    this.out.close();
    return this.ended;
  }

  /** What else to do with what was told. */
  protected arrived: (order: O) => void = () => undefined;

  async #receive(
    orders: (messages: AsyncIterable<Input<M>>) => AsyncIterable<O>,
  ): Promise<unknown> {
    try {
      for await (const order of orders(this.out)) {
        this.received.push(order);
        this.arrived(order);
      }
      return undefined;
    } catch (error) {
      return error;
    }
  }
}

export class FakeAgent extends Peer<AgentMessage, AgentOrder> {
  readonly client: Client<'Agents'>;
  /** What to do with orders for streams. */
  onStream: (order: NonNullable<AgentOrder['stream']>) => void = () => undefined;

  constructor(client: Client<'Agents'>, hostId: string, hello: object) {
    super((messages) => client.Session(messages), {
      hello: {
        hostId,
        cluster: 'default',
        name: `host-${hostId.slice(0, 4)}`,
        address: '10.0.0.1',
        resources: { cpu: 4096, memory: 8192 },
        ...hello,
      },
    });
    this.client = client;
  }

  get welcome(): AgentOrder['welcome'] {
    return this.received.find((order) => order.welcome)?.welcome;
  }

  report(...tasks: object[]): void {
    this.out.offer({ report: { tasks } });
  }

  protected override arrived = (order: AgentOrder): void => {
    if (order.stream) this.onStream(order.stream);
  };
}

export class FakeProxy extends Peer<ProxyMessage, RoutingUpdate> {
  constructor(client: Client<'Proxies'>, proxyId: string) {
    super((messages) => client.Session(messages), { hello: { proxyId, version: 'test' } });
  }

  health(...targets: object[]): void {
    this.out.offer({ health: { targets } });
  }
}

/** All items of a stream, once it has ended. */
export async function readAll<T>(items: AsyncIterable<T>, into: T[] = []): Promise<T[]> {
  for await (const item of items) into.push(item);
  return into;
}

/** Waits until the function gives something. @throws Error after eight seconds */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const end = performance.now() + 8_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
