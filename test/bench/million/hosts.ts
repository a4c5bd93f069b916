// The simulated hosts, spread over a few load processes.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { Authority } from '@berth/rpc/authority.ts';

import type { HostsCount, HostsOrder } from './host-process.ts';

const END_MS = 10_000;
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning', '--max-old-space-size=1024'];
const FILE = fileURLToPath(new URL('host-process.ts', import.meta.url));

export interface HostsOptions {
  readonly authority: Authority;
  readonly api: readonly string[];
  readonly hosts: number;
  readonly processes: number;
  /** Of each host. */
  readonly cpu: number;
  readonly memory: number;
}

export class Hosts {
  readonly #children: readonly ChildProcess[];

  constructor(processes: number, execArgv: readonly string[]) {
    this.#children = Array.from({ length: processes }, () =>
      fork(FILE, { execArgv: [...NODE_FLAGS, ...execArgv] }),
    );
  }

  get pids(): readonly (number | undefined)[] {
    return this.#children.map(({ pid }) => pid);
  }

  /** Resolves when all of them dial. */
  async begin({ hosts, processes, ...options }: HostsOptions): Promise<void> {
    const all = Array.from({ length: hosts }, (_, number) => number);
    await this.#each((child) => ({
      of: 'begin',
      plan: { ...options, numbers: all.filter((number) => number % processes === child) },
    }));
  }

  async count(): Promise<HostsCount> {
    return sum(await this.#each(() => ({ of: 'count' })));
  }

  /** Switch so many off, of those that run the most. @returns how many tasks they ran */
  async lose(count: number): Promise<number> {
    const { length } = this.#children;
    const share = (child: number): number => Math.floor((count + length - 1 - child) / length);
    const { lost } = sum(await this.#each((child) => ({ of: 'lose', count: share(child) })));
    return lost;
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exit = once(child, 'exit');
        const limit = setTimeout(() => child.kill('SIGKILL'), END_MS);
        if (child.connected) child.disconnect();
        await exit;
        clearTimeout(limit);
      }),
    );
  }

  #each(order: (child: number) => HostsOrder): Promise<HostsCount[]> {
    return Promise.all(
      this.#children.map(async (child, index) => {
        const answer = once(child, 'message', { signal: AbortSignal.timeout(120_000) });
        child.send(order(index));
        return ((await answer) as [HostsCount])[0];
      }),
    );
  }
}

function sum(counts: readonly HostsCount[]): HostsCount {
  return counts.reduce((a, b) => ({
    connected: a.connected + b.connected,
    running: a.running + b.running,
    stopped: a.stopped + b.stopped,
    lost: a.lost + b.lost,
  }));
}
