// The proxy without its session: takes routing tables, serves traffic by them, checks health and drains. Everything that
// the control plane should know of a target goes out through `onTargetChange`.
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { GroupTraffic } from '@berth/model/generated/messages.ts';
import type { TargetHealth } from '@berth/model/routing/target-health.ts';
import type { RouteTable } from '@berth/model/routing/table.ts';
import type { Registry } from 'prom-client';

import { Draining } from './draining.ts';
import { ClientPlaces, openFileLimit } from './admission/client-places.ts';
import { counted } from './admission/counted.ts';
import { Limits } from './admission/limits.ts';
import { Authentication } from './auth/authentication.ts';
import { boundedFetch } from './auth/bounded-fetch.ts';
import { createFront } from './fronts.ts';
import { HealthChecks } from './health.ts';
import { ListenerSet } from './listener-set.ts';
import { ProxyMetrics, type TargetState } from './metrics.ts';
import { PassiveHealth } from './passive.ts';
import { type Ports, ownPorts } from './ports.ts';
import type { RequestObserver } from './request-summary.ts';
import type { probe } from './probe.ts';
import { Routing } from './routing.ts';
import { DEFAULT_SETTINGS, type ProxySettings } from './settings.ts';
import type { Target } from './target.ts';
import { TlsAssets } from './tls/assets.ts';

export interface DataPathOptions {
  readonly bindAddress: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Registry;
  readonly settings?: Partial<ProxySettings>;
  /** What is to be reported of the target has changed. Called synchronously; must not throw. */
  readonly onTargetChange?: (target: Target) => void;
  /** A target is passed over from now on because its connections fail, or no longer. */
  readonly onEjection?: (target: Target) => void;
  /** How many share the traffic of this proxy; default 1. */
  readonly workers?: number;
  /** Is told of each request that ends. */
  readonly observer?: RequestObserver;
  /** Default: it checks the targets' health itself. Else `setHealth` says what it is. */
  readonly healthIsTold?: boolean;
  /** Where the files of `file:NAME` certificates are; default: nowhere. */
  readonly certificateDirectory?: string;
  /** Default: ports of this process alone. */
  readonly ports?: Ports;
  /** Makes one health check; default: over the network. */
  readonly probe?: typeof probe | undefined;
}

const SWEEP_MS = 1_000;
const LISTEN_RETRY_MS = 1_000;
const REMOVAL_GRACE_MS = 60_000;
const FIRST_CHECKS_MS = 1_000;
const FIRST_CHECKS_STEP_MS = 10;

export class DataPath {
  readonly routing: Routing;
  readonly listeners: ListenerSet;
  readonly health: HealthChecks;
  readonly #options: DataPathOptions;
  readonly #metrics: ProxyMetrics;
  readonly #passive: PassiveHealth;
  readonly #draining: Draining;
  readonly #tls: TlsAssets;
  readonly #stopping = new AbortController();
  readonly #removeMetrics: () => void;
  #serving = false;

  constructor(options: DataPathOptions) {
    this.#options = options;
    const { clock, random, logger, bindAddress: address } = options;
    const settings = { ...DEFAULT_SETTINGS, ...options.settings };
    const onChange = (target: Target): void => options.onTargetChange?.(target);
    this.#metrics = new ProxyMetrics(options.metrics, {
      tableRevision: () => this.routing.table.records.revision,
      clientConnections: () => this.listeners.connections,
      failedListeners: () => this.listeners.problems().length,
      groups: () => this.#groupGauges(),
    });
    this.#tls = new TlsAssets({
      directory: options.certificateDirectory,
      registry: options.metrics,
      clock,
      logger,
    });
    const concurrency = settings.concurrentChecks;
    this.health = new HealthChecks({
      clock,
      random,
      logger,
      concurrency,
      probe: options.probe,
      onChange,
    });
    this.#draining = new Draining({ clock, logger, onChange });
    this.#passive = new PassiveHealth({
      ejectMs: settings.ejectMs,
      clock,
      logger,
      probe: (group, target, signal) => this.health.look(group, target, signal),
      onChange: (target) => options.onEjection?.(target),
    });
    this.routing = new Routing({
      metrics: this.#metrics,
      settings,
      clock,
      random,
      hooks: { onIdle: (target) => this.#look(target), onAnomaly: onChange },
    });
    const authenticator = new Authentication(
      () => this.routing.table.records.cookieKeys,
      boundedFetch(clock, this.#stopping.signal),
      clock,
    );
    const limits = new Limits({ clock, workers: options.workers ?? 1 });
    const { admission, refuseConnection, remove } = counted(limits, options.metrics);
    const places = new ClientPlaces(openFileLimit());
    this.#removeMetrics = remove;
    this.listeners = new ListenerSet({
      address,
      clock,
      logger,
      retryMs: LISTEN_RETRY_MS,
      removalGraceMs: REMOVAL_GRACE_MS,
      ports: options.ports ?? ownPorts(),
      create: (port) =>
        createFront(port, {
          routing: this.routing,
          passive: this.#passive,
          metrics: this.#metrics,
          settings,
          clock,
          tls: this.#tls,
          admission,
          places,
          refuseConnection,
          authenticator,
          ...(options.observer === undefined ? {} : { observer: options.observer }),
        }),
    });
    this.#sweep().catch(() => undefined);
  }

  /** When it returns, every new selection follows `table`. */
  swap(table: RouteTable): void {
    this.#tls.apply(table);
    const gone = this.routing.swap(table);
    for (const { group, target } of gone) this.#draining.release(group, target);
    if (this.#options.healthIsTold !== true) this.health.apply(this.routing.groups.values());
    for (const group of this.routing.groups.values()) {
      for (const target of group.targets.values()) this.#look(target);
    }
    if (this.#serving) this.listeners.apply(new Set(table.listeners.keys()));
  }

  /** Opens the ports, at the first time only after each target has been checked once, or a second has passed. */
  async serve(): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonic() + FIRST_CHECKS_MS;
    while (!this.health.settled && clock.monotonic() < until) {
      await clock.sleep(FIRST_CHECKS_STEP_MS, this.#stopping.signal);
    }
    this.#serving = true;
    this.listeners.apply(new Set(this.routing.table.listeners.keys()));
  }

  /** What somebody else has found of a target's health. */
  setHealth(target: Target, health: TargetHealth): void {
    const before = target.health;
    target.health = health;
    if (before.state !== health.state) this.routing.groups.get(target.record.group)?.refresh();
  }

  /** Somebody else has found that the connections of a target fail, or that they are well again. */
  setEjected(target: Target, ejected: boolean): void {
    const group = this.routing.groups.get(target.record.group);
    if (group !== undefined) this.#passive.hear(group, target, ejected);
  }

  traffic(): GroupTraffic[] {
    return Array.from(this.routing.groups.values(), ({ name, meter }) => ({
      group: name,
      requests: meter.requests,
      failed: meter.failed,
      targetErrors: meter.targetErrors,
      active: meter.active,
    }));
  }

  get serving(): boolean {
    return this.#serving;
  }

  #look(target: Target): void {
    const group = this.routing.groups.get(target.record.group);
    if (group === undefined || target.retired) return;
    this.#draining.look(target, group.settings);
  }

  async #sweep(): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(SWEEP_MS, this.#stopping.signal);
      this.routing.sweep();
      for (const group of this.routing.groups.values()) {
        for (const target of group.targets.values()) target.pool.sweep();
      }
    }
  }

  *#groupGauges(): Generator<{
    name: string;
    active: number;
    failOpen: boolean;
    states: Record<TargetState, number>;
    connections: number;
    waiting: number;
  }> {
    for (const group of this.routing.groups.values()) {
      const states = { initial: 0, healthy: 0, unhealthy: 0, draining: 0, ejected: 0 };
      let connections = 0;
      for (const target of group.targets.values()) {
        connections += target.pool.open;
        if (target.draining) states.draining += 1;
        else if (target.ejected) states.ejected += 1;
        else states[target.health.state] += 1;
      }
      const { name, meter, failOpen, waiting } = group;
      yield { name, active: meter.active, failOpen, states, connections, waiting };
    }
  }

  /** Stops accepting, lets what is in flight end, then breaks off the rest. Never throws. */
  async stop(graceMs: number): Promise<void> {
    await this.listeners.close(graceMs);
    this.#stopping.abort(new Error('the proxy stops'));
    this.health.stop();
    this.#passive.stop();
    this.#draining.stop();
    for (const group of this.routing.groups.values()) {
      for (const target of group.targets.values()) target.pool.cut('the proxy stops');
    }
    this.#tls.stop();
    this.#metrics.remove();
    this.#removeMetrics();
  }
}
