// Keeps the open ports in step with the routing table. A port that can't be had is tried again and again and
// never disturbs the others; a port that is no longer in the table ends what is open on it first.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';

import type { Front } from './fronts.ts';
import type { Ports } from './ports.ts';

export interface ListenerSetOptions {
  readonly address: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly create: (port: number) => Front;
  readonly ports: Ports;
  readonly retryMs: number;
  /** How long requests on a removed listener may take to end. */
  readonly removalGraceMs: number;
}

interface Entry {
  front: Front;
  readonly stopping: AbortController;
  open: boolean;
  problem: string | undefined;
}

export class ListenerSet {
  readonly #options: ListenerSetOptions;
  readonly #entries = new Map<number, Entry>();
  readonly #closing = new Set<Promise<void>>();
  /** For good: tables go on coming while what is in flight ends, and must open nothing. */
  #closed = false;

  constructor(options: ListenerSetOptions) {
    this.#options = options;
  }

  /** Opens and closes what differs; does not wait for it. */
  apply(ports: ReadonlySet<number>): void {
    if (this.#closed) return;
    for (const [port, entry] of this.#entries) {
      if (ports.has(port)) continue;
      this.#entries.delete(port);
      this.#close(entry, this.#options.removalGraceMs);
    }
    for (const port of ports) {
      if (this.#entries.has(port)) continue;
      const front = this.#options.create(port);
      const entry = { front, stopping: new AbortController(), open: false, problem: undefined };
      this.#entries.set(port, entry);
      this.#open(port, entry).catch(() => undefined);
    }
  }

  async #open(port: number, entry: Entry): Promise<void> {
    const { address, ports, logger, clock, retryMs, create } = this.#options;
    while (!entry.stopping.signal.aborted) {
      try {
        await entry.front.open(address, ports);
        entry.open = true;
        entry.problem = undefined;
        if (entry.stopping.signal.aborted) this.#close(entry, 0);
        logger.info({ port, address }, 'listening');
        return;
      } catch (error) {
        const problem = explain(error, address, port);
        if (entry.problem !== problem) logger.error({ port, address, err: error }, problem);
        entry.problem = problem;
        await clock.sleep(retryMs, entry.stopping.signal);
        entry.front = create(port);
      }
    }
  }

  #close(entry: Entry, graceMs: number): void {
    entry.stopping.abort(new Error('the listener is removed'));
    const closed = entry.front.close(graceMs).finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  /** Why a port is not open, one text a port that should be. */
  problems(): string[] {
    return [...this.#entries.values()]
      .map((entry) => entry.problem)
      .filter((problem) => problem !== undefined);
  }

  /** True when each port of the table is open or has failed at least once. */
  get settled(): boolean {
    return [...this.#entries.values()].every((entry) => entry.open || entry.problem !== undefined);
  }

  get connections(): number {
    let sum = 0;
    for (const { front } of this.#entries.values()) sum += front.connections;
    return sum;
  }

  /** Where a port of the table is really listened on; undefined while it is not. */
  actualPort(port: number): number | undefined {
    const entry = this.#entries.get(port);
    return entry?.open === true ? entry.front.actualPort : undefined;
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    for (const entry of this.#entries.values()) this.#close(entry, graceMs);
    this.#entries.clear();
    await Promise.all(this.#closing);
  }
}

function explain(error: unknown, address: string, port: number): string {
  const code = (error as NodeJS.ErrnoException).code;
  const what = `Can't listen on ${address}:${port}`;
  if (code === 'EADDRINUSE') return `${what}: another process has this port; it is tried again`;
  if (code === 'EACCES') return `${what}: ports below 1024 need root or CAP_NET_BIND_SERVICE`;
  if (code === 'EADDRNOTAVAIL') return `${what}: this machine does not have the address`;
  return `${what}: ${error instanceof Error ? error.message : String(error)}`;
}
