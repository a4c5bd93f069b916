import assert from 'node:assert/strict';

import type { Clock } from '@berth/control/clock.ts';
import { settle, VirtualClock } from '@berth/control/virtual-clock.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { putRecord } from '@berth/store/record.ts';
import { type ListWatchCache, startCache } from '@berth/store/state-cache.ts';
import type { Transaction } from '@berth/store/store.ts';
import { silent } from '@berth/store/testing/time.ts';
import { transaction } from '@berth/store/transaction.ts';
import fc from 'fast-check';

import { observe } from './observations.ts';
import { readView } from './read-view.ts';
import { ServiceViews } from './service-views.ts';

const SERVICES = ['web', 'api'];
const GROUPS = ['g1', 'g2'];
const TASKS = ['t1', 't2', 't3', 't4', 't5'];
const HOSTS = ['h1', 'h2', 'h3'];

const ofTask = fc.constantFrom(...TASKS);
const ofHost = fc.constantFrom(...HOSTS);
const ofGroup = fc.constantFrom(...GROUPS);

/** One record that is written or deleted. */
const write: fc.Arbitrary<Partial<Transaction>> = fc.oneof(
  fc
    .record({
      id: ofTask,
      service: fc.option(fc.constantFrom(...SERVICES), { nil: undefined }),
      hostId: ofHost,
      taskDefinition: fc.constantFrom('app:1', 'app:2'),
      desiredStatus: fc.constantFrom('RUNNING', 'STOPPED'),
    })
    .map((task) => put(collections.tasks, ['c', task.id], 'TaskRecord', { ...task, cluster: 'c' })),
  fc
    .record({ id: ofTask, lastStatus: fc.constantFrom('PENDING', 'RUNNING', 'RUNNING', 'STOPPED') })
    .map((status) =>
      put(collections.taskStatus, ['c', status.id], 'TaskStatusRecord', {
        ...status,
        cluster: 'c',
        startedAt: 1,
      }),
    ),
  fc
    .record({ taskId: ofTask, group: ofGroup, state: fc.constantFrom('REGISTERED', 'DRAINING') })
    .map((target) =>
      put(collections.targets, [target.group, `${target.taskId}-80`], 'TargetRecord', {
        ...target,
        id: `${target.taskId}-80`,
        cluster: 'c',
        port: 80,
      }),
    ),
  fc.record({ taskId: ofTask, group: ofGroup, proxy: fc.constantFrom('p1', 'p2') }).map((health) =>
    put(
      collections.targetHealth,
      [health.group, `${health.taskId}-80`, health.proxy],
      'TargetHealthRecord',
      {
        group: health.group,
        target: `${health.taskId}-80`,
        proxy: health.proxy,
        state: 'healthy',
      },
    ),
  ),
  fc
    .record({
      id: ofHost,
      status: fc.constantFrom('ACTIVE', 'DRAINING'),
      zone: fc.constantFrom('a', 'b'),
    })
    .map(host),
  ofHost.map((id) =>
    put(collections.sessions, ['host', id], 'SessionRecord', { id, kind: 'host' }),
  ),
  fc
    .record({
      name: fc.constantFrom(...SERVICES),
      schedulingStrategy: fc.constantFrom('REPLICA', 'DAEMON'),
      placementStrategy: fc.constantFrom(
        [],
        [{ type: 'binpack', field: 'cpu' }],
        [{ type: 'spread', field: 'attribute:ecs.availability-zone' }],
      ),
    })
    .map(service),
  fc.constantFrom(...SERVICES).map(steady),
  fc
    .oneof(
      fc
        .tuple(fc.constantFrom(collections.tasks, collections.taskStatus), ofTask)
        .map(([of, id]) => keyOf(of, 'c', id)),
      fc
        .tuple(ofGroup, ofTask)
        .map(([group, task]) => keyOf(collections.targets, group, `${task}-80`)),
      fc
        .tuple(ofGroup, ofTask)
        .map(([group, task]) => keyOf(collections.targetHealth, group, `${task}-80`, 'p1')),
      ofHost.map((id) => keyOf(collections.hosts, 'c', id)),
      ofHost.map((id) => keyOf(collections.sessions, 'host', id)),
      fc
        .tuple(
          fc.constantFrom(collections.services, collections.deployments),
          fc.constantFrom(...SERVICES),
        )
        .map(([of, name]) => keyOf(of, 'c', name)),
    )
    .map((key) => ({ deletes: [key] })),
);

function host({ zone, ...record }: { id: string; zone: string; status?: string }) {
  return put(collections.hosts, ['c', record.id], 'HostRecord', {
    ...record,
    cluster: 'c',
    attributes: [{ name: 'ecs.availability-zone', value: zone }],
    registeredResources: { cpu: 4096, memory: 4096 },
  });
}

function service(record: {
  name: string;
  placementStrategy: readonly object[];
  schedulingStrategy?: string;
}) {
  return put(collections.services, ['c', record.name], 'ServiceRecord', {
    ...record,
    cluster: 'c',
    status: 'ACTIVE',
    availabilityZoneRebalancing: 'ENABLED',
    taskDefinition: 'app:1',
  });
}

function steady(name: string) {
  const record = { cluster: 'c', service: name, steadySince: 1 };
  return put(collections.deployments, ['c', name], 'ServiceDeploymentsRecord', record);
}

/** Of several writes of a record in one transaction the last one counts. */
function together(writes: readonly Partial<Transaction>[]): Transaction {
  const last = new Map<string, Partial<Transaction>>();
  for (const each of writes) last.set(each.puts?.[0]?.key ?? each.deletes?.[0] ?? '', each);
  const kept = [...last.values()];
  return transaction({
    puts: kept.flatMap(({ puts = [] }) => puts),
    deletes: kept.flatMap(({ deletes = [] }) => deletes),
  });
}

function put(
  of: Parameters<typeof putRecord>[0],
  parts: readonly string[],
  name: Parameters<typeof complete>[0],
  fields: object,
): Partial<Transaction> {
  return { puts: [putRecord(of, parts, complete(name, fields) as never)] };
}

/** What is there at the beginning: services at rest that are spread over zones, hosts in two of them, and what tasks name. */
function* beginning(): Generator<Partial<Transaction>, void, undefined> {
  for (const name of SERVICES) {
    yield service({
      name,
      placementStrategy: [{ type: 'spread', field: 'attribute:ecs.availability-zone' }],
    });
    yield steady(name);
  }
  for (const [id, zone] of [
    ['h1', 'a'],
    ['h2', 'b'],
  ] as const) {
    yield host({ id, zone });
    yield put(collections.sessions, ['host', id], 'SessionRecord', { id, kind: 'host' });
  }
  for (const name of GROUPS) {
    yield put(collections.targetGroups, [name], 'TargetGroupRecord', { name });
  }
  for (const revision of [1, 2]) {
    const definition = { family: 'app', revision };
    const parts = ['app', String(revision)];
    yield put(collections.taskDefinitions, parts, 'TaskDefinitionRecord', definition);
  }
}

type Deed =
  | { readonly kind: 'commit'; readonly writes: readonly Transaction[] }
  /** The watch is lost before, and the history with it: the state is listed again. */
  | { readonly kind: 'relist'; readonly writes: readonly Transaction[] }
  | { readonly kind: 'pass'; readonly ms: number }
  /** The wall clock is set. */
  | { readonly kind: 'set'; readonly ms: number };

const transactions = fc.array(fc.array(write, { minLength: 1, maxLength: 6 }).map(together), {
  minLength: 1,
  maxLength: 3,
});

const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('commit' as const), writes: transactions }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('relist' as const), writes: transactions }),
  },
  fc.record({ kind: fc.constant('pass' as const), ms: fc.nat({ max: 60_000 }) }),
  fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: -9_000, max: 9_000 }) }),
);

class World {
  readonly #clock = new VirtualClock();
  readonly #store = new MemoryStore({ clock: this.#clock });
  readonly #writer = this.#store.peer();
  readonly #stop = new AbortController();
  #set = 0;
  #cache: ListWatchCache | undefined;
  #wrong: unknown;
  readonly #wall: Clock = {
    now: () => this.#clock.now() + this.#set,
    monotonic: () => this.#clock.monotonic(),
    sleep: (ms, signal) => this.#clock.sleep(ms, signal),
  };
  check: () => void = () => undefined;

  async begin(): Promise<void> {
    await this.#write([together([...beginning()])]);
    const [store, clock] = [this.#store, this.#clock];
    const cache = await startCache(
      { store, clock, random: () => 0.5, logger: silent },
      this.#stop.signal,
    );
    const { observations } = observe(cache, {
      clock: this.#wall,
      proxyLostAfterMs: 15_000,
      hostLostAfterMs: 20_000,
    });
    const views = new ServiceViews(cache, observations);
    cache.subscribe(({ changes }) => {
      for (const change of changes) views.note(change);
    });
    // As the loops that a change wakes: in the same breath. What a subscriber throws is only logged.
    cache.subscribe(() => {
      try {
        this.check();
      } catch (error) {
        this.#wrong ??= error;
      }
    });
    this.check = () => {
      for (const name of [...SERVICES, 'nobody']) {
        const options = {
          observations,
          hostLostAfterMs: 60_000,
          rebalanceOntoHosts: name === 'web',
          now: this.#wall.now(),
        };
        const live = readView(cache, 'c', name, { ...options, views });
        assert.deepEqual(live, readView(cache, 'c', name, options));
      }
    };
    this.#cache = cache;
    await settle();
  }

  async do(deed: Deed): Promise<void> {
    switch (deed.kind) {
      case 'pass':
        await this.#clock.advance(deed.ms);
        break;
      case 'set':
        this.#set += deed.ms;
        break;
      case 'commit':
        await this.#write(deed.writes);
        break;
      case 'relist':
        this.#store.cutWatches();
        await this.#write(deed.writes);
        this.#store.compact();
        await this.#clock.advance(5_000);
    }
    await this.#cache?.reached(this.#store.revision, this.#stop.signal);
    this.check();
    assert.equal(this.#wrong, undefined);
  }

  async #write(writes: readonly Transaction[]): Promise<void> {
    for (const each of writes) await this.#writer.commit(each, this.#stop.signal);
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#store.close();
    await this.#writer.close();
  }
}

describe('the views of services that are kept ready', () => {
  it('are those that the records give, whatever changes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { maxLength: 30 }), async (deeds) => {
        const world = new World();
        try {
          await world.begin();
          for (const each of deeds) await world.do(each);
        } finally {
          await world.end();
        }
      }),
      { numRuns: 150 },
    );
  });
});
