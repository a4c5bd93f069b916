// The control plane of the simulated cluster: the real scheduler and the real service reconciler, over the
// store of the simulation. The controller may die after any of its commits and comes back with
// nothing but what the store holds; its former self wakes up once more and must not be able to act.
import type { TermContext } from '@berth/controller/context.ts';
import type { ControllerMetrics } from '@berth/controller/metrics.ts';
import { observe, type Observations } from '@berth/controller/observations.ts';
import { PlacementHolds } from '@berth/controller/placement-holds.ts';
import { reap } from '@berth/controller/reaper.ts';
import { reconcileService, serviceKey } from '@berth/controller/service-reconciler.ts';
import type { Random } from '@berth/control/clock.ts';
import { ulidSource } from '@berth/control/ulid.ts';
import { settle, type VirtualClock } from '@berth/control/virtual-clock.ts';
import { isBerthError, BerthError } from '@berth/model/errors.ts';
import type { PlaceRequest, PlaceResponse } from '@berth/model/generated/messages.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import { complete } from '@berth/rpc/codec.ts';
import { schedulerMetrics } from '@berth/scheduler/metrics.ts';
import { Term } from '@berth/scheduler/term.ts';
import type { Leadership } from '@berth/store/election.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { putRecord } from '@berth/store/record.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { Store } from '@berth/store/store.ts';
import { transaction } from '@berth/store/transaction.ts';
import { Registry } from 'prom-client';

import { checkStarts, checkStops } from './checkers.ts';
import {
  CLUSTER,
  type FaultRates,
  HOST_LOST_AFTER_MS,
  PROXY_LOST_AFTER_MS,
  silent,
} from './settings.ts';

const REAP_EVERY_MS = 60_000;
/** Nothing in a scenario is secret; a context needs one all the same. */
const SEALER = KeyRing.create();

interface ControllerProcess {
  readonly context: TermContext;
  readonly end: () => void;
}

interface Planned {
  revision: number;
  wakeAt: number | undefined;
}

class ControllerCrash extends Error {}

export interface ControlPlaneOptions {
  readonly store: Store;
  readonly cache: StateCache;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly faults: () => FaultRates;
}

export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #planned = new Map<string, Planned>();
  #scheduler: Term | undefined;
  #controller: ControllerProcess | undefined;
  #zombie: ControllerProcess | undefined;
  #controllerBackAt = 0;
  #reapAt = 0;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
  }

  get #store(): Store {
    return this.#options.store;
  }

  get #cache(): StateCache {
    return this.#options.cache;
  }

  get #clock(): VirtualClock {
    return this.#options.clock;
  }

  get #random(): Random {
    return this.#options.random;
  }

  get #signal(): AbortSignal {
    return this.#options.signal;
  }

  async begin(): Promise<void> {
    const leadership = await this.#elect('scheduler');
    const metrics = schedulerMetrics(new Registry());
    this.#scheduler = new Term({ ...this.#options, leadership, logger: silent, metrics });
  }

  async end(): Promise<void> {
    this.#controller?.end();
    await this.#scheduler?.close();
  }

  /** Let the controller work on each service that has changed or whose time has come, until nothing is left to do. */
  async work(): Promise<void> {
    if (!this.#controller) {
      if (this.#clock.monotonic() < this.#controllerBackAt) return;
      this.#controller = await this.#startController();
      this.#planned.clear();
    }
    const { context } = this.#controller;
    if (!(await this.#reapNowAndThen(context))) return;
    for (let round = 0; round < 50; round += 1) {
      const due = this.#services().filter((name) => this.#isDue(name));
      if (due.length === 0) return;
      for (const name of due) {
        if (!(await this.#look(name, context))) return;
      }
    }
    throw new Error('the controller does not come to rest');
  }

  /** @returns false when the controller died of it */
  async #reapNowAndThen(context: TermContext): Promise<boolean> {
    if (this.#clock.monotonic() < this.#reapAt) return true;
    this.#reapAt = this.#clock.monotonic() + REAP_EVERY_MS;
    try {
      await reap(context, this.#signal);
    } catch (error) {
      if (!(error instanceof ControllerCrash)) throw error;
      this.#crashController();
      return false;
    }
    await settle();
    return true;
  }

  async #look(name: string, context: TermContext): Promise<boolean> {
    const revision = this.#cache.revision;
    try {
      const { wakeAt } = await reconcileService(serviceKey(CLUSTER, name), context, this.#signal);
      this.#planned.set(name, { revision, wakeAt });
    } catch (error) {
      if (error instanceof ControllerCrash) {
        this.#crashController();
        return false;
      }
      if (!isBerthError(error, 'Unavailable')) throw error;
      this.#planned.set(name, { revision: -1, wakeAt: this.#clock.now() + 1_000 });
    }
    await settle();
    return true;
  }

  #isDue(name: string): boolean {
    const planned = this.#planned.get(name);
    if (!planned) return true;
    const { revision, wakeAt } = planned;
    if (revision === -1) return this.#clock.now() >= (wakeAt ?? 0);
    return (
      revision !== this.#cache.revision || (wakeAt !== undefined && wakeAt <= this.#clock.now())
    );
  }

  #services(): string[] {
    const services = [...this.#cache.list(collections.services, CLUSTER)];
    return services.map(({ value }) => value.name).sort();
  }

  async #startController(): Promise<ControllerProcess> {
    const leadership = await this.#elect('controller');
    const observing = observe(this.#cache, {
      clock: this.#clock,
      proxyLostAfterMs: PROXY_LOST_AFTER_MS,
    });
    const context = this.#contextOf(leadership, observing.observations);
    // A deposed controller that does not know it yet must not be able to do anything.
    if (this.#zombie) await this.#lookAsZombie(this.#zombie.context);
    this.#zombie = undefined;
    return { context, end: observing.end };
  }

  #contextOf(leadership: Leadership, observations: Observations): TermContext {
    const { clock, random } = this.#options;
    return {
      store: this.#storeOfController(),
      cache: this.#cache,
      leadership,
      placer: { place: (request) => this.#place(request) },
      observations,
      holds: new PlacementHolds(clock),
      clock,
      random,
      logger: silent,
      metrics: SILENT_METRICS,
      nextEventId: ulidSource(clock, random),
      hostLostAfterMs: HOST_LOST_AFTER_MS,
      sealer: SEALER,
    };
  }

  /** The store as the controller has it: its stops are checked, and it may crash after any commit. */
  #storeOfController(): Store {
    const store = this.#store;
    return {
      get: (key, signal) => store.get(key, signal),
      list: (prefix, signal, options) => store.list(prefix, signal, options),
      watch: (prefix, revision, signal) => store.watch(prefix, revision, signal),
      lease: (ttlSeconds, signal) => store.lease(ttlSeconds, signal),
      close: () => store.close(),
      commit: async (offered, signal) => {
        const broken = violation(() => checkStops(this.#cache, offered));
        const result = await store.commit(offered, signal);
        if (result.committed && broken) throw broken;
        if (result.committed && this.#random() < this.#options.faults().controllerCrash) {
          throw new ControllerCrash('the controller crashes');
        }
        return result;
      },
    };
  }

  async #place(request: PlaceRequest): Promise<PlaceResponse> {
    if (!this.#scheduler) throw new Error('there is no scheduler');
    const response = await this.#scheduler.place(request, this.#signal);
    if (response.revision > 0) {
      await this.#cache.reached(response.revision, this.#signal);
      checkStarts(this.#cache, request);
    }
    if (this.#random() < this.#options.faults().lostAnswer) {
      throw new BerthError('Unavailable', 'The answer of the scheduler was lost.');
    }
    return response;
  }

  #crashController(): void {
    this.#controller?.end();
    this.#zombie = this.#controller;
    this.#controller = undefined;
    this.#controllerBackAt = this.#clock.monotonic() + this.#random() * 10_000;
  }

  async #lookAsZombie(context: TermContext): Promise<void> {
    for (const name of this.#services()) {
      const tasks = [...this.#cache.tasksByService(CLUSTER, name)].length;
      const revision = this.#cache.revision;
      await reconcileService(serviceKey(CLUSTER, name), context, this.#signal).catch(
        () => undefined,
      );
      await settle();
      const placed = [...this.#cache.tasksByService(CLUSTER, name)].length - tasks;
      if (placed === 0 && this.#cache.revision !== revision) {
        throw new Error('invariant 4: a deposed controller has written');
      }
    }
  }

  async #elect(role: 'scheduler' | 'controller'): Promise<Leadership> {
    const key = keyOf(collections.leader, role);
    const record = complete('LeaderRecord', { role, holder: role });
    await this.#store.commit(transaction({ deletes: [key] }), this.#signal);
    const puts = [putRecord(collections.leader, [role], record)];
    const { revision: epoch } = await this.#store.commit(transaction({ puts }), this.#signal);
    await this.#cache.reached(epoch, this.#signal);
    return { epoch, guard: { key, createRevision: epoch }, signal: this.#signal };
  }
}

function violation(check: () => void): Error | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

const SILENT_METRICS: ControllerMetrics = {
  leads: () => undefined,
  reconciled: () => undefined,
  conflict: () => undefined,
  deploymentEnded: () => undefined,
  reaped: () => undefined,
  hostLost: () => undefined,
  eventDropped: () => undefined,
};
