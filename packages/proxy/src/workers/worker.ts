// A worker: the data path of one core. It is told the table, the health of targets and what other workers have found; it tells what it routes by,
// what has drained, and what it counts.
import type { Server } from 'node:net';

import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { RouteTable } from '@berth/model/routing/table.ts';
import { Registry } from 'prom-client';

import { LocalCore } from '../local-core.ts';
import { type Ports, listening, ownPorts } from '../ports.ts';
import type { Target } from '../target.ts';
import { type News, type Order, type WorkerOptions, findTarget, nameOfTarget } from './messages.ts';

export interface WorkerSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** @param socket one that listens. @returns false when too much waits to be read by the primary */
  readonly tell: (news: News, socket?: object) => boolean;
}

const TRAFFIC_MS = 200;
const METRICS_MS = 1_000;
/** Of its time a worker spends no more than this part on collecting its metrics. */
const METRICS_SHARE = 0.02;
const BACKLOG = 4_096;

interface Waiting {
  readonly resolve: (answer: {
    readonly bind: number;
    readonly socket: object | undefined;
  }) => void;
}

export class Worker {
  readonly #with: WorkerSurroundings;
  readonly #core: LocalCore;
  readonly #registry = new Registry();
  readonly #stopping = new AbortController();
  /** Who waits to learn where a port is. */
  readonly #asked = new Map<number, Waiting>();
  #sequence = 0;
  #ports = '';
  #traffic = '';
  /** What the primary has been told of single targets. */
  #told = { mark: 0, failure: 0 };

  constructor(options: WorkerOptions, surroundings: WorkerSurroundings) {
    this.#with = surroundings;
    const { clock, random, logger, tell } = surroundings;
    const { proxyId, bindAddress, accessLog, settings, workers, certificateDirectory } = options;
    this.#core = new LocalCore(
      {
        proxyId,
        bindAddress,
        accessLog,
        settings,
        workers,
        ...(certificateDirectory === undefined ? {} : { certificateDirectory }),
        clock,
        random,
        logger,
        metrics: this.#registry,
        healthIsTold: true,
        ports: this.#portsOfPrimary(),
        onEjection: (target) =>
          void tell({ kind: 'ejection', ejected: target.unreachable, ...nameOfTarget(target) }),
      },
      { onTargetChange: (target) => this.#onChange(target), onApplied: () => undefined },
    );
    this.#core.onAnswer = (answer) => tell({ kind: 'requests', answer });
    this.#tellTraffic().catch(() => undefined);
    this.#tellMetrics().catch(() => undefined);
  }

  get table(): RouteTable {
    return this.#core.table;
  }

  /** @param socket what came with the order. @returns what ends when the order has been obeyed */
  async obey(order: Order, socket?: object): Promise<void> {
    const { path } = this.#core;
    switch (order.kind) {
      case 'update':
        this.#sequence = order.sequence;
        this.#core.update(order.update);
        this.#with.tell({ kind: 'applied', sequence: order.sequence });
        this.#tellPorts();
        return;
      case 'health':
        for (const { health, ...name } of order.targets) {
          const target = findTarget(path.routing.groups, name);
          if (target !== undefined) path.setHealth(target, health);
        }
        return;
      case 'ejection': {
        const target = findTarget(path.routing.groups, order);
        if (target !== undefined) path.setEjected(target, order.ejected);
        return;
      }
      case 'serve':
        await this.#core.serve();
        this.#tellPorts();
        return;
      case 'port':
        this.#asked.get(order.port)?.resolve({ bind: order.bind, socket });
        this.#asked.delete(order.port);
        return;
      case 'requests':
        this.#core.take(order.order);
        return;
      case 'stopTelling':
        this.#core.stopTelling();
        return;
      case 'count':
        if (this.#sayTraffic()) this.#with.tell({ kind: 'counted', number: order.number });
        return;
      case 'ping':
        this.#tellPorts();
        this.#with.tell({ kind: 'pong' });
        return;
      case 'stop':
        await this.stop(order.graceMs);
        return;
      case 'begin':
        throw new Error('a worker was told twice to begin');
    }
  }

  /** Health is told by the primary: what changes here is how a target drains, or how it compares with its peers. */
  #onChange(target: Target): void {
    const { drain, anomalous, weight } = target;
    if (drain.phase === 'registered') {
      this.#with.tell({ kind: 'anomaly', anomalous, weight, ...nameOfTarget(target) });
      return;
    }
    const cut = drain.phase === 'drained' && drain.cut;
    this.#with.tell({
      kind: 'drain',
      phase: drain.phase,
      cut,
      sequence: this.#sequence,
      ...nameOfTarget(target),
    });
  }

  #portsOfPrimary(): Ports {
    const { tell } = this.#with;
    const own = ownPorts();
    return {
      release: (server) => own.release(server),
      take: async (server, port, host) => {
        const answer = new Promise<{ bind: number; socket: object | undefined }>((resolve) => {
          this.#asked.set(port, { resolve });
        });
        tell({ kind: 'take', port });
        const { bind, socket } = await answer;
        try {
          const actual = await listening(server, () => {
            if (socket !== undefined) server.listen(socket, BACKLOG);
            else server.listen({ port: bind, host, backlog: BACKLOG, reusePort: true });
          });
          tell(
            { kind: 'listening', port, actual },
            socket === undefined ? socketOf(server) : undefined,
          );
          this.#tellPorts();
          return actual;
        } catch (error) {
          tell({ kind: 'refused', port });
          throw error;
        } finally {
          setImmediate(() => this.#tellPorts());
        }
      },
    };
  }

  #tellPorts(): void {
    const news: News = {
      kind: 'ports',
      settled: this.#core.serving && this.#core.settled,
      problems: this.#core.problems(),
    };
    const text = JSON.stringify(news);
    if (text === this.#ports) return;
    this.#ports = text;
    this.#with.tell(news);
  }

  async #tellTraffic(): Promise<void> {
    for (;;) {
      await this.#with.clock.sleep(TRAFFIC_MS, this.#stopping.signal);
      this.#sayTraffic();
    }
  }

  /** @returns whether the primary has been told all */
  #sayTraffic(): boolean {
    const groups = this.#core.traffic();
    const text = JSON.stringify(groups);
    const { counts: targets, mark } = this.#core.counts.countsAfter(this.#told.mark, Infinity);
    if (text === this.#traffic && targets.length === 0) return true;
    const failures = this.#core.counts.failuresAfter(this.#told.failure);
    if (!this.#with.tell({ kind: 'traffic', groups, targets, failures })) return false;
    this.#traffic = text;
    this.#told = { mark, failure: failures.at(-1)?.number ?? this.#told.failure };
    return true;
  }

  async #tellMetrics(): Promise<void> {
    const { clock } = this.#with;
    let cost = 0;
    for (;;) {
      await clock.sleep(Math.max(METRICS_MS, cost / METRICS_SHARE), this.#stopping.signal);
      const began = clock.monotonic();
      await this.#sayMetrics();
      cost = clock.monotonic() - began;
    }
  }

  async #sayMetrics(): Promise<void> {
    const metrics = await this.#registry.getMetricsAsJSON();
    this.#with.tell({ kind: 'metrics', metrics: metrics });
  }

  /** Never throws. */
  async stop(graceMs: number): Promise<void> {
    // Before the data path takes its metrics away.
    const last = async (): Promise<void> => {
      if (this.#sayTraffic()) this.#with.tell({ kind: 'countedLast' });
      await this.#sayMetrics();
    };
    await this.#core.path.listeners.close(graceMs);
    await last();
    this.#stopping.abort(new Error('the worker stops'));
    await this.#core.stop(0);
  }
}

/** The socket itself, which can be given to another process; Node has no public name for it. */
function socketOf(server: Server): object | undefined {
  return (server as unknown as { readonly _handle?: object })._handle;
}
