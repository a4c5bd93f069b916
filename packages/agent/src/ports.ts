// The host's ports. The agent hands them out itself, the longest unused first, from a range below the kernel's
// ephemeral one, and not again while any proxy may still send to the former owner.
// Source: brief 3; ECS reference, section 3.4; pitfalls D14, D15.
import type { Clock } from '@berth/control/clock.ts';
import type { NetworkBinding, PortMapping } from '@berth/model/generated/messages.ts';

export type Protocol = 'tcp' | 'udp';

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface PortsOptions {
  readonly range: PortRange;
  readonly clock: Clock;
  /** Does anything on the host listen there? */
  readonly inUse: (port: number, protocol: Protocol) => Promise<boolean>;
  /** Ports in the order of their last use, from an earlier life. */
  readonly used: readonly number[];
}

export type Allocation =
  | { readonly kind: 'allocated'; readonly bindings: readonly NetworkBinding[] }
  /** A fixed port still belongs to another task. */
  | { readonly kind: 'held'; readonly port: number }
  /** No dynamic port is free. */
  | { readonly kind: 'exhausted' };

/** How long a port rests that was given back or found taken. */
const QUARANTINE_MS = 60_000;
const BIND_IP = '0.0.0.0';
/** How many are remembered over a restart. */
const MAX_REMEMBERED = 2_000;

type PortKey = `${number}/${Protocol}`;

export class Ports {
  readonly #options: PortsOptions;
  /** Every port of the range, the longest unused first. */
  readonly #order: Set<number>;
  readonly #used: Set<number>;
  readonly #owners = new Map<PortKey, string>();
  readonly #resting = new Map<number, number>();
  /** One allocation at a time, so that no two see the same port free. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PortsOptions) {
    const { first, last } = options.range;
    this.#options = options;
    this.#used = new Set(options.used.filter((port) => port >= first && port <= last));
    this.#order = new Set();
    for (let port = first; port <= last; port += 1)
      if (!this.#used.has(port)) this.#order.add(port);
    for (const port of this.#used) this.#order.add(port);
  }

  /** Ports of the range in the order of their last use, the newest last; for the next life. */
  get used(): readonly number[] {
    return [...this.#used].slice(-MAX_REMEMBERED);
  }

  get heldCount(): number {
    return this.#owners.size;
  }

  ownerOf(port: number, protocol: Protocol): string | undefined {
    return this.#owners.get(`${port}/${protocol}`);
  }

  /** Take what a task already has. */
  hold(taskId: string, bindings: readonly NetworkBinding[]): void {
    for (const { hostPort, protocol } of bindings) this.#take(taskId, hostPort, protocol);
  }

  /** Give back all ports of a task. */
  release(taskId: string): void {
    for (const [key, owner] of this.#owners) if (owner === taskId) this.#free(key);
  }

  /** Give back some ports that a task found taken by something else. */
  releaseTaken(taskId: string, bindings: readonly NetworkBinding[]): void {
    for (const { hostPort, protocol } of bindings) {
      const key: PortKey = `${hostPort}/${protocol}`;
      if (this.#owners.get(key) === taskId) this.#free(key);
    }
  }

  /**
   * Ports for one container of a task: all or none.
   * @param hostNetwork the container has the host's own ports
   */
  async allocate(
    taskId: string,
    mappings: readonly PortMapping[],
    hostNetwork: boolean,
  ): Promise<Allocation> {
    const mine = this.#turn.then(() => this.#allocate(taskId, mappings, hostNetwork));
    this.#turn = mine.catch(() => undefined);
    return await mine;
  }

  async #allocate(
    taskId: string,
    mappings: readonly PortMapping[],
    hostNetwork: boolean,
  ): Promise<Allocation> {
    const bindings: NetworkBinding[] = [];
    for (const mapping of mappings) {
      const protocol = mapping.protocol ?? 'tcp';
      const fixed = hostNetwork ? mapping.containerPort : (mapping.hostPort ?? 0);
      const hostPort = fixed > 0 ? fixed : await this.#nextFree(protocol, bindings);
      if (hostPort === undefined) return { kind: 'exhausted' };
      const owner = this.ownerOf(hostPort, protocol);
      if (owner !== undefined && owner !== taskId) return { kind: 'held', port: hostPort };
      const { containerPort } = mapping;
      bindings.push({ bindIp: BIND_IP, containerPort, hostPort, protocol });
    }
    this.hold(taskId, bindings);
    return { kind: 'allocated', bindings };
  }

  async #nextFree(
    protocol: Protocol,
    chosen: readonly NetworkBinding[],
  ): Promise<number | undefined> {
    const now = this.#options.clock.monotonic();
    for (const port of this.#order) {
      if (this.#isHeld(port) || chosen.some(({ hostPort }) => hostPort === port)) continue;
      const restsUntil = this.#resting.get(port);
      if (restsUntil !== undefined && restsUntil > now) continue;
      this.#resting.delete(port);
      if (!(await this.#options.inUse(port, protocol))) return port;
    }
    return undefined;
  }

  #isHeld(port: number): boolean {
    return this.#owners.has(`${port}/tcp`) || this.#owners.has(`${port}/udp`);
  }

  #take(taskId: string, port: number, protocol: Protocol): void {
    this.#owners.set(`${port}/${protocol}`, taskId);
    this.#touch(port);
  }

  #free(key: PortKey): void {
    const port = Number(key.split('/')[0]);
    this.#owners.delete(key);
    this.#resting.set(port, this.#options.clock.monotonic() + QUARANTINE_MS);
    this.#touch(port);
  }

  #touch(port: number): void {
    const { first, last } = this.#options.range;
    if (port < first || port > last) return;
    for (const list of [this.#order, this.#used]) {
      list.delete(port);
      list.add(port);
    }
  }
}
