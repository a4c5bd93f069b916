// A machine with a proxy: its session, table, selection, health and drains as they are; its sockets are modelled. Requests are
// chosen a target as a dispatcher would, last a while there and end.
import type { Random } from '@berth/control/clock.ts';
import type { RoutingUpdate } from '@berth/model/generated/messages.ts';
import type { ProbeOutcome } from '@berth/model/routing/target-health.ts';
import { snapshotOf } from '@berth/model/routing/records.ts';
import type { Role } from '@berth/process/role.ts';
import type { Group } from '@berth/proxy/group.ts';
import { LocalCore } from '@berth/proxy/local-core.ts';
import { type ProxyIo, startProxy } from '@berth/proxy/start.ts';
import type { Target } from '@berth/proxy/target.ts';
import { collections } from '@berth/store/keys.ts';

import type { Process } from './process.ts';
import { GROUP_DELAY_MS, PROXY_LOST_AFTER_MS } from './settings.ts';
import type { World } from './world.ts';

const REQUEST_EVERY_MS = 700;
const LONGEST_MS = 12_000;
/** The time that a proxy which has lost the control plane may go on as before. */
const EXCUSED_AFTER_MS = PROXY_LOST_AFTER_MS - 5_000;

export class Edge {
  readonly name: string;
  process: Process;
  core: LocalCore | undefined;
  readonly #world: World;
  readonly #random: Random;
  #lives = 0;
  #role: Role | undefined;
  #off = true;
  #saved: { update: RoutingUpdate; savedAt: number } | undefined;
  /** Virtual time since which it has had no session. */
  #awaySince: number | undefined;
  /** It has been away for too long to be waited for, and has not caught up since. */
  excused = false;

  constructor(world: World, index: number) {
    this.#world = world;
    this.name = `p${index}`;
    this.#random = world.randomOf(`requests of ${this.name}`);
    this.process = this.#newProcess();
    void this.#traffic();
  }

  get up(): boolean {
    return !this.#off;
  }

  #newProcess(): Process {
    this.#lives += 1;
    return this.#world.process(this.name, `${this.name}#${this.#lives}`);
  }

  start(): void {
    this.#off = false;
    void this.#run(this.process);
  }

  async #run(process: Process): Promise<void> {
    const world = this.#world;
    const io: ProxyIo = {
      connect: world.network.transportOf(process).connect,
      core: ({ clock, random, logger, metrics }, events) => {
        const core = new LocalCore(
          {
            proxyId: this.name,
            bindAddress: '0.0.0.0',
            accessLog: { format: 'alb', directory: '/nowhere', node: this.name },
            clock,
            random,
            logger,
            metrics,
            ports: { take: (_server, port) => Promise.resolve(port), release: () => undefined },
            probe: (target, _check, signal) => this.#probe(process, target, signal),
          },
          events,
        );
        this.core = core;
        return core;
      },
      table: () => ({
        load: () => Promise.resolve(this.#saved),
        save: (records) => {
          this.#saved = { update: snapshotOf(records), savedAt: world.clock.now() };
        },
        flush: () => Promise.resolve(),
      }),
    };
    const role = await startProxy(
      {
        api: world.apiAddresses,
        tls: { certificate: `proxy/${this.name}`, key: '', authority: '' },
        id: this.name,
        bindAddress: '0.0.0.0',
        dataDirectory: '/nowhere',
        version: '0',
      },
      process,
      io,
    );
    if (this.process !== process) return;
    this.#role = role;
    role.failed.catch((error: unknown) => world.fail(`the proxy ${this.name} failed`, error));
  }

  /** A check of a target's health, as far as the network and the application let it come. */
  async #probe(
    process: Process,
    { address, port }: { readonly address: string; readonly port: number },
    signal: AbortSignal,
  ): Promise<ProbeOutcome> {
    const world = this.#world;
    const host = world.hostAt(address);
    await world.clock.sleep(1 + this.#random() * 3, signal);
    const blocked =
      !host ||
      world.network.isCut(this.name, host.name) ||
      world.network.isCut(host.name, this.name);
    if (blocked) await world.clock.sleep(4_000, signal);
    const found = blocked ? undefined : host.listener(port);
    await process.enter();
    if (blocked) return { kind: 'timeout' };
    if (!found) return { kind: 'failed' };
    return { kind: 'answered', code: found.well ? 200 : 503 };
  }

  async #traffic(): Promise<void> {
    const { clock } = this.#world;
    for (;;) {
      await clock.sleep(REQUEST_EVERY_MS * (0.5 + this.#random()), NEVER);
      this.#look();
      const { core, process } = this;
      if (!core?.serving || !process.runs) continue;
      for (const group of core.path.routing.groups.values()) void this.#request(core, group);
    }
  }

  async #request(core: LocalCore, group: Group): Promise<void> {
    const target = group.select();
    if (!target) return;
    const world = this.#world;
    const alive = (): boolean => this.core === core;
    const served = this.#arrives(target);
    if (!served) {
      world.requestLost(this, target, 'sent');
      core.path.setEjected(target, true);
      group.release(target);
      return;
    }
    const excused = this.excused;
    // Most are short, some nearly as long as a drain lasts.
    await world.clock.sleep(this.#random() ** 3 * LONGEST_MS, NEVER);
    await this.process.enter();
    if (!alive()) return;
    const cut = target.drain.phase === 'drained';
    if (!cut && !excused && !this.#arrives(target)) world.requestLost(this, target, 'cut off');
    group.release(target);
  }

  /** Does the request reach somebody who answers it? The model of the way is good only while nothing is cut. */
  #arrives({ record }: Target): boolean {
    const world = this.#world;
    const host = world.hostAt(record.address);
    if (!host) return false;
    if (world.network.isCut(this.name, host.name) || world.network.isCut(host.name, this.name))
      return true;
    const found = host.listener(record.port);
    if (found && found.taskId !== record.taskId) {
      world.fail(
        `invariant 6: ${this.name} sent a request for ${record.taskId} to ${found.taskId}`,
      );
    }
    return found !== undefined;
  }

  /** May a request still go to the port on behalf of another task? */
  mayStillSend(address: string, port: number, taskId: string): Target | undefined {
    if (!this.core || this.#off || this.excused) return undefined;
    for (const group of this.core.path.routing.groups.values()) {
      for (const target of group.targets.values()) {
        const { record } = target;
        if (record.address !== address || record.port !== port || record.taskId === taskId)
          continue;
        if (target.eligible || target.inFlight > 0) return target;
      }
    }
    return undefined;
  }

  /** The controller waits for a proxy without a session for a while; beyond that it may lose requests. */
  #look(): void {
    const world = this.#world;
    const now = world.clock.monotonic();
    const session = world.database.state.get(collections.sessions, 'proxy', this.name);
    if (!session) {
      this.#awaySince ??= now;
      if (now - this.#awaySince > EXCUSED_AFTER_MS) this.excused = true;
      return;
    }
    this.#awaySince = undefined;
    if (this.core && this.core.appliedRevision >= world.routingRevision) this.excused = false;
  }

  /** SIGKILL: what it served is over. */
  kill(): void {
    this.#off = true;
    this.process.kill();
    void this.#world.network.gone(this.process, true);
    this.core = undefined;
    this.#role = undefined;
    this.process = this.#newProcess();
  }

  async stop(): Promise<void> {
    const { process } = this;
    await this.#role?.stop(GROUP_DELAY_MS);
    if (this.process === process) this.kill();
  }
}

const NEVER = new AbortController().signal;
