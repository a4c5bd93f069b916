// A whole cluster in one process, on a virtual clock: the roles as they are, on modelled machines, network, engines and etcd.
import type { Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { seededRandom, VirtualClock } from '@berth/control/virtual-clock.ts';
import { messageChain } from '@berth/model/errors.ts';
import { collections, parseKey } from '@berth/store/keys.ts';
import { collectionName } from '@berth/store/record.ts';
import type { Transaction } from '@berth/store/store.ts';

import { Checks } from './checkers.ts';
import { Database, type Observer, type Writer } from './database.ts';
import { Edge } from './edge.ts';
import { HookEndpoint } from './hook-endpoint.ts';
import { Host } from './host.ts';
import { loggerOf } from './logger.ts';
import { Network } from './network.ts';
import { mixed, Process } from './process.ts';
import { Server } from './server.ts';
import { API_PORT } from './settings.ts';
import { Trace } from './trace.ts';
import type { Target } from '@berth/proxy/target.ts';

export interface Size {
  readonly servers: number;
  readonly hosts: number;
  readonly proxies: number;
  readonly families: readonly string[];
  /** Availability zones that its hosts are in; absent: they name none. */
  readonly zones?: number | undefined;
  /** Deployments look at alarms, and these go off. */
  readonly alarms?: boolean | undefined;
}

export interface WorldOptions {
  readonly seed: number;
  readonly size: Size;
  /** Is given each line of the story; absent: only its hash is kept. */
  readonly say?: ((line: string) => void) | undefined;
  /** Also what the roles log. */
  readonly logs?: boolean | undefined;
}

/** A lease that ran out, keepalive and every pause between attempts together. */
const LONGEST_WITHOUT_S = 45;
const ROUTING = new Set([
  'loadBalancers',
  'listeners',
  'rules',
  'trafficWeights',
  'targetGroups',
  'targets',
]);

export class World implements Observer {
  readonly clock = new VirtualClock();
  readonly seed: number;
  readonly families: readonly string[];
  readonly trace: Trace;
  readonly network: Network;
  readonly database: Database;
  readonly servers: readonly Server[];
  readonly hosts: readonly Host[];
  readonly edges: readonly Edge[];
  readonly zoned: boolean;
  readonly alarmed: boolean;
  readonly checks: Checks;
  readonly hooks: HookEndpoint;
  /** Of the last change that proxies have to know of. */
  routingRevision = 0;
  #failure: Error | undefined;
  /** For how many seconds a host or proxy has had no session although it could have one. */
  readonly #without = new Map<string, number>();
  readonly #options: WorldOptions;

  constructor(options: WorldOptions) {
    this.#options = options;
    const { seed, size, say } = options;
    this.seed = seed;
    this.families = size.families;
    this.trace = new Trace(() => this.clock.monotonic(), say);
    const onBug = (error: Error): void => this.fail(error.message, error.cause);
    this.network = new Network({ clock: this.clock, random: this.randomOf('network'), onBug });
    this.database = new Database(this.clock, this.randomOf('etcd'));
    this.checks = new Checks(this);
    this.hooks = new HookEndpoint(this);
    this.database.observe(this);
    const named = <T>(count: number, make: (index: number) => T): T[] =>
      Array.from({ length: count }, (_, at) => make(at + 1));
    this.servers = named(size.servers, (index) => new Server(this, `s${index}`));
    this.hosts = named(size.hosts, (index) => {
      const zone = size.zones === undefined ? undefined : `z${index % size.zones}`;
      return new Host(this, index, zone);
    });
    this.zoned = size.zones !== undefined;
    this.alarmed = size.alarms ?? false;
    this.edges = named(size.proxies, (index) => new Edge(this, index));
  }

  get apiAddresses(): readonly string[] {
    return this.servers.map(({ name }) => `${name}:${API_PORT}`);
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  randomOf(name: string): Random {
    return seededRandom(mixed(this.seed, name));
  }

  process(machine: string, name: string): Process {
    const { clock, seed } = this;
    return new Process({ machine, name, seed, clock, logger: this.#loggerOf(name) });
  }

  #loggerOf(name: string): Logger {
    const { logs = false } = this.#options;
    return loggerOf(name, {
      say: logs ? (who, line) => this.trace.note(who, line) : undefined,
      onBug: (error) => this.fail(error.message),
    });
  }

  /** Something is as it must not be. The first is what counts. */
  fail(what: string, cause?: unknown): void {
    if (this.#failure) return;
    const why = cause === undefined ? '' : `: ${messageChain(cause)}`;
    const at = (this.clock.monotonic() / 1000).toFixed(3);
    this.#failure = new Error(`after ${at} s: ${what}${why}`, cause === undefined ? {} : { cause });
    this.trace.note('checker', `${what}${why}`);
  }

  hostAt(address: string): Host | undefined {
    return this.hosts.find((host) => host.address === address);
  }

  offered(transaction: Transaction, writer: Writer | undefined): void {
    this.checks.offered(transaction, writer);
  }

  committed(transaction: Transaction, writer: Writer | undefined): void {
    const { state } = this.database;
    const changed = [...transaction.puts.map(({ key }) => key), ...transaction.deletes];
    for (const key of changed) {
      const parsed = parseKey(key);
      if (parsed && ROUTING.has(collectionName(parsed.collection)))
        this.routingRevision = state.revision;
    }
    const who = writer ? `${writer.process.name}/${writer.role}` : 'etcd';
    this.trace.note(
      who,
      `${state.revision} +${transaction.puts.map(told).join(' +')} -${transaction.deletes.join(' -')}`,
    );
    this.checks.committed(transaction, writer);
  }

  /** Checked once a second: who can reach the control plane has a session soon. */
  checkSessions(): void {
    for (const { kind, id, machine, up } of this.#clients()) {
      const known = this.database.state.get(collections.sessions, kind, id);
      const can = up && this.servers.some((server) => this.#couldServe(server, machine));
      if (known || !can) this.#without.delete(id);
      else this.#without.set(id, (this.#without.get(id) ?? 0) + 1);
      if ((this.#without.get(id) ?? 0) <= LONGEST_WITHOUT_S) continue;
      this.fail(
        `invariant 9: ${machine} has had no session for ${LONGEST_WITHOUT_S} s though it could have one`,
      );
    }
  }

  *#clients(): Generator<{ kind: string; id: string; machine: string; up: boolean }> {
    for (const { id, name, process, up, hung, engine } of this.hosts) {
      yield { kind: 'host', id, machine: name, up: up && process.runs && !hung && !engine.down };
    }
    for (const { name, process, up } of this.edges) {
      yield { kind: 'proxy', id: name, machine: name, up: up && process.runs };
    }
  }

  /** It has been up and in touch with everything for a while. */
  #couldServe(server: Server, machine: string): boolean {
    const { database, network } = this;
    if (!network.reaches(machine, server.address)) return false;
    return !database.isAway(server.process) && !database.full;
  }

  /** A container has begun to listen on a host: nobody may still send there for another. */
  portsTaken(host: Host): void {
    this.checks.ports(host);
  }

  /** A request was sent to, or was open on, a target where nobody answers. */
  requestLost(edge: Edge, target: Target, how: 'sent' | 'cut off'): void {
    this.checks.requestLost(edge, target, how);
  }
}

/** Sealed secrets hold random keys. */
function told({ key, value }: Transaction['puts'][number]): string {
  return key.includes('/secrets/') ? key : `${key}=${hashed(value)}`;
}

function hashed(value: Buffer): string {
  let hash = 0x811c9dc5;
  for (const byte of value) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16);
}
