// A modelled proxy: it learns of targets late, probes them, sends requests to those that it holds healthy, and
// says when it has drained one. Cut off, it serves on from its last table, as the real one does.
import type { Random } from '@berth/control/clock.ts';
import type { TargetHealthRecord, TargetRecord } from '@berth/model/generated/messages.ts';

const PROBE_EVERY_MS = 5_000;
const UNHEALTHY_AFTER = 2;

interface Route {
  record: TargetRecord;
  health: 'initial' | 'healthy' | 'unhealthy';
  failures: number;
  probeAt: number;
  /** When the last request on a draining target ends. */
  drainedAt: number | undefined;
  drained: boolean;
  /** What was reported last. */
  reported: string | undefined;
}

interface Pending {
  readonly at: number;
  readonly record: TargetRecord | undefined;
}

export interface ProxyOptions {
  readonly id: string;
  readonly random: Random;
  /** Does a healthy application answer there? */
  readonly probe: (target: TargetRecord) => boolean;
  /** A request goes to the target. */
  readonly send: (target: TargetRecord, proxy: string) => void;
  readonly delayMs: number;
}

export class ModelProxy {
  readonly id: string;
  readonly #options: ProxyOptions;
  readonly #routes = new Map<string, Route>();
  readonly #pending = new Map<string, Pending>();
  connected = true;

  constructor(options: ProxyOptions) {
    this.id = options.id;
    this.#options = options;
  }

  /** The targets of the state, as the session shows them; applied a little later. */
  update(targets: readonly TargetRecord[], now: number): void {
    const seen = new Map(targets.map((record) => [key(record), record]));
    for (const [name, record] of seen) {
      const known = this.#pending.get(name)?.record ?? this.#routes.get(name)?.record;
      if (known?.state !== record.state) this.#apply(name, record, now);
    }
    for (const name of new Set([...this.#routes.keys(), ...this.#pending.keys()])) {
      const pending = this.#pending.get(name);
      if (!seen.has(name) && !(pending && !pending.record)) this.#apply(name, undefined, now);
    }
  }

  #apply(name: string, record: TargetRecord | undefined, now: number): void {
    this.#pending.set(name, { at: now + this.#options.random() * 2_500, record });
  }

  tick(now: number): void {
    for (const [name, { at, record }] of this.#pending) {
      if (now < at) continue;
      this.#pending.delete(name);
      if (!record) this.#routes.delete(name);
      else this.#take(name, record, now);
    }
    for (const route of this.#routes.values()) {
      if (route.record.state === 'DRAINING') {
        if (now >= (route.drainedAt ?? now)) route.drained = true;
      } else if (now >= route.probeAt) this.#probe(route, now);
    }
    this.#serve();
  }

  #take(name: string, record: TargetRecord, now: number): void {
    const known = this.#routes.get(name);
    const { random, delayMs } = this.#options;
    if (known) known.record = record;
    const route = known ?? {
      record,
      health: 'initial',
      failures: 0,
      probeAt: now,
      drainedAt: undefined,
      drained: false,
      reported: undefined,
    };
    if (record.state === 'DRAINING' && route.drainedAt === undefined) {
      const longest = known ? Math.min(delayMs, random() ** 3 * 2 * delayMs) : 0;
      route.drainedAt = now + longest;
    }
    this.#routes.set(name, route);
  }

  #probe(route: Route, now: number): void {
    route.probeAt = now + PROBE_EVERY_MS;
    if (this.#options.probe(route.record)) {
      route.failures = 0;
      route.health = 'healthy';
    } else {
      route.failures += 1;
      if (route.failures >= UNHEALTHY_AFTER) route.health = 'unhealthy';
    }
  }

  /** One request to each target that may be chosen. */
  #serve(): void {
    for (const { record, health } of this.#routes.values()) {
      if (record.state === 'REGISTERED' && health === 'healthy') {
        this.#options.send(record, this.id);
      }
    }
  }

  /** May a request still go to the port on behalf of another task? */
  mayStillSend(hostId: string, port: number, taskId: string): boolean {
    return [...this.#routes.values()].some(
      ({ record, drained }) =>
        record.hostId === hostId && record.port === port && record.taskId !== taskId && !drained,
    );
  }

  /** Health records that have changed; with `all`, every one, as after a new hello. */
  report(all: boolean, now: number): TargetHealthRecord[] {
    const news: TargetHealthRecord[] = [];
    for (const route of this.#routes.values()) {
      const { record, health, drained } = route;
      const state =
        record.state === 'REGISTERED'
          ? health
          : drained
            ? ('drained' as const)
            : ('draining' as const);
      if (!all && route.reported === state) continue;
      route.reported = state;
      news.push({
        group: record.group,
        target: record.id,
        proxy: this.id,
        state,
        description:
          state === 'unhealthy' ? 'Health checks failed with these codes: [503]' : undefined,
        routingRevision: 0,
        since: now,
      });
    }
    return news;
  }
}

function key({ group, id }: TargetRecord): string {
  return `${group}/${id}`;
}
