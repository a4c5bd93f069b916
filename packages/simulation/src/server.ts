// A machine of the control plane: a process with its own client of etcd, its own view, and the api, the scheduler and the
// controller as they are.
import { startApi } from '@berth/api/start.ts';
import { startController } from '@berth/controller/start.ts';
import type { Role } from '@berth/process/role.ts';
import { startScheduler } from '@berth/scheduler/start.ts';
import { type ListWatchCache, startCache } from '@berth/store/state-cache.ts';

import type { Process } from './process.ts';
import { openSealer } from './sealer.ts';
import {
  API_PORT,
  HOST_LOST_AFTER_MS,
  LEADER_LEASE_SECONDS,
  LEASE_SECONDS,
  PROXY_LOST_AFTER_MS,
  REALM,
  SCHEDULER_PORT,
} from './settings.ts';
import type { World } from './world.ts';

const RESTART_MS = 2_000;

export class Server {
  readonly name: string;
  readonly #world: World;
  process: Process;
  #roles: Role[] = [];
  #stopping = new AbortController();
  #lives = 0;
  /** Nobody is to start it again. */
  #off = true;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    this.process = this.#newProcess();
  }

  get address(): string {
    return `${this.name}:${API_PORT}`;
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
    void this.#run();
  }

  /** Until it is up; as a supervisor would. */
  async #run(): Promise<void> {
    const { process } = this;
    try {
      await this.#startRoles(process);
    } catch (error) {
      if (this.process !== process) return;
      process.logger.warn({ err: error }, 'a server could not start and is started again');
      await process.clock.sleep(RESTART_MS, this.#stopping.signal).catch(() => undefined);
      if (this.process !== process || this.#off) return;
      this.kill();
      this.start();
    }
  }

  async #startRoles(process: Process): Promise<void> {
    const world = this.#world;
    this.#stopping = new AbortController();
    const { store, as } = world.database.clientOf(process, (transaction) =>
      world.checks.sent(cache, transaction),
    );
    const { clock, random, logger } = process;
    const cache: ListWatchCache = await startCache(
      { store, clock, random, logger },
      this.#stopping.signal,
    );
    const transport = world.network.transportOf(process);
    const tls = { certificate: `control/${this.name}`, key: '', authority: '' };
    const common = {
      cache,
      tls,
      leaseSeconds: LEADER_LEASE_SECONDS,
      transport,
      holder: process.name,
    };
    const at = (port: number) => ({
      listen: `${this.name}:${port}`,
      advertise: `${this.name}:${port}`,
    });
    const lost = { hostLostAfterMs: HOST_LOST_AFTER_MS, proxyLostAfterMs: PROXY_LOST_AFTER_MS };
    const roles: Role[] = [];
    this.#roles = roles;
    roles.push(
      await startApi(
        {
          ...common,
          ...at(API_PORT),
          leaseSeconds: LEASE_SECONDS,
          store: as('api'),
          realm: REALM,
          version: '0',
          sealer: openSealer,
        },
        process,
      ),
    );
    roles.push(
      await startScheduler({ ...common, ...at(SCHEDULER_PORT), store: as('scheduler') }, process),
    );
    roles.push(
      await startController(
        {
          ...common,
          ...lost,
          store: as('controller'),
          sealer: openSealer,
          realm: REALM,
          callHook: world.hooks.callerOf(process),
        },
        process,
      ),
    );
    for (const role of roles) {
      role.failed.catch((error: unknown) =>
        world.fail(`${process.name}: ${role.name} failed`, error),
      );
    }
  }

  /** SIGKILL. */
  kill(): void {
    this.#off = true;
    const { process } = this;
    process.kill();
    void this.#world.network.gone(process, true);
    this.process = this.#newProcess();
    this.#roles = [];
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    this.#off = true;
    const { process } = this;
    const roles = this.#roles.splice(0).reverse();
    this.#stopping.abort(new Error('the server stops'));
    for (const role of roles) await role.stop(5_000);
    if (this.process === process) this.kill();
  }
}
