// One term of office of the controller: its loops, all of which end with it. They share nothing but the state
// and the observations; each key is worked on by one worker at a time and fails for itself.
import { Latch } from '@berth/control/latch.ts';
import { Reconciler, type ReconcilerOptions } from '@berth/control/reconciler.ts';

import { version } from '@berth/process/version.ts';

import { asker } from './acme/https-client.ts';
import { certificateKeys, reconcileCertificate } from './acme/reconcile-certificate.ts';
import type { TermContext } from './context.ts';
import type { HookCaller } from './hook-caller.ts';
import { hookKeys, reconcileHooks } from './hook-reconciler.ts';
import { Certifier } from './deployment-certificates/certifier.ts';
import { EventSinks } from './event-sinks/event-sinks.ts';
import { hostKeys, watchHost } from './host-monitor.ts';
import { runReaper } from './reaper.ts';
import { reconcileRegistrations, registrationKeys } from './registration-reconciler.ts';
import { reconcileService } from './service-reconciler.ts';
import { reconcileStandalone, standaloneKeys } from './standalone-reconciler.ts';
import { StateEvents } from './state-events.ts';
import { allServices, tasksOf, type Wake, wakesOf } from './wakes.ts';

/** Looked at side by side; their turns mostly wait for etcd and the scheduler. */
const WORKERS = 16;
/** Nothing should need it: every change wakes what it concerns. */
const RESYNC_MS = 5 * 60_000;
/** What fails is tried again within so long, since hosts and schedulers come back within seconds. */
const BACKOFF = { initialMs: 200, maxMs: 15_000 };
/** Freed capacity is looked at at most this often. */
const CAPACITY_EVERY_MS = 500;

export class ControllerTerm {
  readonly #context: TermContext;
  readonly #services: Reconciler;
  readonly #tasks: Reconciler;
  readonly #hosts: Reconciler;
  readonly #groups: Reconciler;
  readonly #certificates: Reconciler;
  readonly #hooks: Reconciler;
  readonly #deployments: Reconciler;
  readonly #sinks: EventSinks;
  readonly #events: StateEvents;
  readonly #roomier = new Set<string>();
  readonly #capacity = new Latch();

  constructor(context: TermContext, callHook: HookCaller) {
    const { cache } = context;
    this.#context = context;
    this.#events = new StateEvents(context);
    this.#sinks = new EventSinks(context);
    const certifier = new Certifier(context, context.replicaCounts);
    this.#deployments = this.#loop({
      name: 'deployment certificates',
      workers: 4,
      keys: () => certifier.keys(),
      reconcile: (key, signal) => certifier.reconcile(key, signal),
    });
    this.#services = this.#loop({
      name: 'services',
      workers: WORKERS,
      keys: () => allServices(cache),
      reconcile: (key, signal) => reconcileService(key, context, signal),
    });
    this.#tasks = this.#loop({
      name: 'standalone tasks',
      workers: 4,
      keys: () => standaloneKeys(cache),
      reconcile: (key, signal) => reconcileStandalone(key, context, signal),
    });
    this.#hosts = this.#loop({
      name: 'hosts',
      workers: 1,
      keys: () => hostKeys(cache),
      reconcile: (key, signal) => watchHost(key, context, (id) => this.#lost(id), signal),
    });
    this.#groups = this.#loop({
      name: 'registered targets',
      workers: 4,
      keys: () => registrationKeys(cache),
      reconcile: (key, signal) => reconcileRegistrations(key, context, signal),
    });
    this.#certificates = this.#certificateLoop();
    this.#hooks = this.#loop({
      name: 'lifecycle hooks',
      workers: 4,
      keys: () => hookKeys(context),
      reconcile: (key, signal) => reconcileHooks(key, { ...context, callHook }, signal),
    });
  }

  /** Orders at an authority take seconds to minutes; few run side by side, so that its limits are not met. */
  #certificateLoop(): Reconciler {
    const { cache, clock } = this.#context;
    const userAgent = `berth/${version}`;
    const acme = {
      ...this.#context,
      askerOf: (authority: string | undefined) => asker(clock, authority, userAgent),
    };
    return this.#loop({
      name: 'certificates',
      workers: 2,
      keys: () => certificateKeys(cache),
      reconcile: (key, signal) => reconcileCertificate(key, acme, signal),
    });
  }

  #loop(options: Pick<ReconcilerOptions, 'name' | 'workers' | 'keys' | 'reconcile'>): Reconciler {
    const { clock, random, logger, metrics } = this.#context;
    const finished = (outcome: 'success' | 'error', workMs: number, waitedMs: number): void => {
      metrics.reconciled(outcome, workMs / 1000, waitedMs / 1000);
    };
    return new Reconciler({
      ...options,
      resyncMs: RESYNC_MS,
      backoff: BACKOFF,
      clock,
      random,
      logger,
      observer: { finished },
    });
  }

  /** Services, tasks, hosts and target groups that wait for a worker. */
  get depth(): number {
    return this.#services.depth + this.#tasks.depth + this.#hosts.depth + this.#groups.depth;
  }

  /** Act until the term ends and everything of it is at rest. */
  async run(): Promise<void> {
    const { cache, leadership, views } = this.#context;
    const { signal } = leadership;
    const unsubscribe = cache.subscribe(({ changes }) => {
      for (const change of changes) views.note(change);
      for (const change of changes) {
        this.#events.note(change, cache);
        if (change.collection === 'serviceDeployments') {
          this.#deployments.add(change.parts.slice(0, 2).join('/'));
        }
        for (const wake of wakesOf(change, cache)) this.#wake(wake);
        if (change.collection === 'deployments') this.#hooks.add(change.parts.join('/'));
      }
    });
    try {
      await Promise.all([
        this.#services.run(signal),
        this.#tasks.run(signal),
        this.#hosts.run(signal),
        this.#groups.run(signal),
        this.#certificates.run(signal),
        this.#hooks.run(signal),
        this.#deployments.run(signal),
        this.#sinks.run(signal),
        this.#events.run(signal),
        this.#retryPlacements(signal),
        runReaper(this.#context, signal),
      ]);
    } finally {
      unsubscribe();
    }
  }

  #wake({ of, key }: Wake): void {
    if (of === 'service') this.#services.add(key);
    else if (of === 'task') this.#tasks.add(key);
    else if (of === 'host') this.#hosts.add(key);
    else if (of === 'group') this.#groups.add(key);
    else if (of === 'certificate') this.#certificates.add(key);
    else {
      this.#roomier.add(key);
      this.#capacity.set();
    }
  }

  #lost(hostId: string): void {
    for (const wake of tasksOf(this.#context.cache, hostId)) this.#wake(wake);
  }

  /** Services that found no host try again when something may fit that did not before. Never rejects. */
  async #retryPlacements(signal: AbortSignal): Promise<void> {
    const { clock, holds } = this.#context;
    while (!signal.aborted) {
      try {
        await this.#capacity.take(signal);
        await clock.sleep(CAPACITY_EVERY_MS, signal);
      } catch {
        return;
      }
      const clusters = [...this.#roomier];
      this.#roomier.clear();
      for (const key of clusters.flatMap((cluster) => holds.free(cluster))) this.#services.add(key);
    }
  }
}
