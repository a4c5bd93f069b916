// The control plane of the bench: etcd, an api, a scheduler and a controller, each a process of its own, started by the
// commands that an operator uses, with certificates of one authority.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, closeSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { abortable } from '@berth/control/scope.ts';
import type { Authority } from '@berth/rpc/authority.ts';
import { type Connection, connect } from '@berth/rpc/client.ts';
import { freePort } from '@berth/store/testing/etcd.ts';

import { type Place, ROOT, eventually, newPlace } from '../../e2e/cluster.ts';
import { certificates, etcdCommand } from '../../e2e/separate-roles.ts';

export const ROLES = ['etcd', 'api', 'scheduler', 'controller'] as const;
export type PlaneRole = (typeof ROLES)[number];

const BERTH = join(ROOT, 'packages/cli/bin/berth.mjs');
const READY_MS = 300_000;
const END_MS = 60_000;
const QUICK_END_MS = 3_000;
const STALL_ANSWER_MS = 4_000;
const GIB = 1024 ** 3;
/** etcd's own default of 2 GiB is less than a million tasks need; it keeps as little of its log in memory as Berth's own etcd. */
const ETCD_FLAGS = [`--quota-backend-bytes=${8 * GIB}`, '--snapshot-count=10000'];
/** Half as many collections of garbage as by default, in an index of millions of keys: docs/scale.md. */
const ETCD_ENV = { GOGC: '200' };
/** V8 would let a heap grow by nine tenths before it collects all of it: docs/scale.md. */
const NODE_FLAGS = ['--max-old-space-size=8192', '--heap-growing-percent=80'];
/** Without the ports that `newPlace` would give, so that several benches and tests may run side by side. */
const PLACE_NUMBER = 18;

interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** HOST:PORT that says whether it is ready; etcd has none. */
  readonly admin?: string;
}

export class Plane {
  readonly #place: Place;
  readonly #commands: Record<PlaneRole, Command>;
  readonly #running = new Map<PlaneRole, ChildProcess>();
  /** HOST:PORT of the api. */
  readonly api: string;

  private constructor(place: Place, commands: Record<PlaneRole, Command>, api: string) {
    this.#place = place;
    this.#commands = commands;
    this.api = api;
  }

  /**
   * @param profiles a directory for CPU profiles of the roles, written when they end
   * @throws the signal's reason, after ending what was started
   */
  static async start(profiles: string | undefined, signal: AbortSignal): Promise<Plane> {
    const place = { ...newPlace(PLACE_NUMBER), portBase: await freeBase() };
    const tls = join(place.dataDirectory, 'tls');
    mkdirSync(tls, { recursive: true });
    Object.assign(place.env, { BERTH_TLS_DIR: tls });
    await certificates(place);
    const ofEtcd = [place.portBase + 2, place.portBase + 3];
    const at = async (): Promise<string> => {
      let port = await freePort();
      while (ofEtcd.includes(port)) port = await freePort();
      return `127.0.0.1:${port}`;
    };
    const [api, scheduler] = [await at(), await at()];
    const { program, args: etcd } = etcdCommand(place, tls);
    const state = ['--etcd', `127.0.0.1:${place.portBase + 2}`];
    const role = async (name: string, ...args: string[]): Promise<Command> => {
      const admin = await at();
      const node = [...NODE_FLAGS];
      if (profiles !== undefined) node.push('--cpu-prof', `--cpu-prof-dir=${profiles}/${name}`);
      const all = [...node, BERTH, name, '--admin', admin, ...state, ...args];
      return { program: process.execPath, args: all, admin };
    };
    const audit = ['--audit-log', join(place.dataDirectory, 'audit.log'), '--audit-writes-only'];
    const commands = {
      etcd: { program, args: [...etcd, ...ETCD_FLAGS], env: ETCD_ENV },
      api: await role('api', '--listen', api, '--aws-listen', 'off', ...audit),
      scheduler: await role('scheduler', '--listen', scheduler),
      controller: await role('controller'),
    };
    const plane = new Plane(place, commands, api);
    try {
      await abortable(plane.#start(ROLES), signal);
    } catch (error) {
      const logs = ROLES.map((role) => `end of the log of ${role}:\n${plane.log(role)}`);
      await plane.end(signal.aborted);
      throw signal.aborted ? error : new Error(logs.join('\n'), { cause: error });
    }
    return plane;
  }

  get authority(): Authority {
    return { certificate: this.#pem('ca.crt'), key: this.#pem('ca.key') };
  }

  /** As an administrator. The caller closes it. */
  connect(): Connection {
    const tls = {
      certificate: this.#pem('admin.crt'),
      key: this.#pem('admin.key'),
      authority: this.#pem('ca.crt'),
    };
    return connect({ addresses: [this.api], tls });
  }

  pid(role: PlaneRole): number | undefined {
    return this.#running.get(role)?.pid;
  }

  /** The end of what a role has logged, for errors. */
  log(role: PlaneRole): string {
    return readFileSync(this.#logFile(role), 'utf8').slice(-4_000);
  }

  /** All but etcd, at once, in order. Resolves when they have ended. */
  async stopRoles(): Promise<void> {
    await Promise.all(ROLES.slice(1).map((role) => this.#stop(role, END_MS)));
  }

  /** All but etcd. Resolves when each says that it is ready. */
  async startRoles(): Promise<void> {
    await this.#start(ROLES.slice(1));
  }

  /** Of each role that answers: the longest time in ms that its loop stood still, since it was last asked. */
  async stalls(): Promise<readonly (readonly [PlaneRole, number])[]> {
    const asked = ROLES.map(async (role) => {
      const { admin } = this.#commands[role];
      if (admin === undefined || !this.#running.has(role)) return [];
      const answer = await fetch(`http://${admin}/metrics`, {
        signal: AbortSignal.timeout(STALL_ANSWER_MS),
      });
      const seconds = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(await answer.text())?.[1];
      return [[role, Number(seconds) * 1000] as const];
    });
    return (await Promise.allSettled(asked)).flatMap((each) =>
      each.status === 'fulfilled' ? each.value : [],
    );
  }

  /** @param quickly without waiting for long for those that would leave in order */
  async end(quickly = false): Promise<void> {
    const within = quickly ? QUICK_END_MS : END_MS;
    await Promise.all(ROLES.slice(1).map((role) => this.#stop(role, within)));
    await this.#stop('etcd', within);
    this.#place.remove();
  }

  async #start(roles: readonly PlaneRole[]): Promise<void> {
    await Promise.all(
      roles.map(async (role) => {
        const { program, args, env, admin } = this.#commands[role];
        const log = openSync(this.#logFile(role), 'a');
        const child = spawn(program, args, {
          cwd: ROOT,
          env: { ...this.#place.env, ...env },
          stdio: ['ignore', log, log],
        });
        closeSync(log);
        this.#running.set(role, child);
        if (admin === undefined) return;
        await eventually(`${role} is ready`, READY_MS, async () => {
          return (
            this.#ended() !== undefined || (await fetch(`http://${admin}/readyz`)).ok || undefined
          );
        });
        const ended = this.#ended();
        if (ended) throw new Error(`${ended} has ended: ${this.log(ended)}`);
      }),
    );
  }

  /** One that should run and does not. */
  #ended(): PlaneRole | undefined {
    return ROLES.find((role) => (this.#running.get(role)?.exitCode ?? null) !== null);
  }

  async #stop(role: PlaneRole, withinMs: number): Promise<void> {
    const child = this.#running.get(role);
    this.#running.delete(role);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    const limit = setTimeout(() => child.kill('SIGKILL'), withinMs);
    await exit;
    clearTimeout(limit);
  }

  #logFile(role: PlaneRole): string {
    return join(this.#place.dataDirectory, `${role}.log`);
  }

  #pem(name: string): string {
    return readFileSync(join(this.#place.dataDirectory, 'tls', name), 'utf8');
  }
}

/** Two and three above it are etcd's ports. */
async function freeBase(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (await isFree(port + 1)) return port - 2;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
