// A Docker Swarm in a lab of its own: three managers that run no tasks, five workers, and HAProxy where our proxies would be.
// The engines are those of the lab, the image and the load are ours. What is asked is asked of the managers' own command line.
import { type Lab, openLab } from '@berth/cli/lab/lab.ts';
import type { LabOptions } from '@berth/cli/lab/plan.ts';

import { type Measuring, type Row, measureUnderLoad } from '../measure.ts';
import { startHaproxy } from './haproxy.ts';

const MANAGERS = ['h1', 'h2', 'h3'];
const SWARM_PORT = 2377;
const SERVICE = 'hello';
/** One worker is left, so that a task may move and a new one may start before the old one ends. */
export const TASKS = 4;
const STEADY_MS = 120_000;
const POLL_MS = 200;
const COMMAND_MS = 10_000;

/** The control plane and the agents of Berth are ended at once; only the hosts' engines are used. */
const SIZE: Partial<LabOptions> = {
  ...{ name: 'swarm', hosts: 8, servers: 1, etcd: 1, proxies: 2 },
  // A swarm refuses engines with it.
  liveRestore: false,
};

export interface SwarmTask {
  readonly id: string;
  readonly node: string;
  readonly state: string;
}

export class Swarm {
  readonly lab: Lab;
  readonly rows: Row[] = [];
  readonly requestsPerSecond: number;

  private constructor(lab: Lab, requestsPerSecond: number) {
    this.lab = lab;
    this.requestsPerSecond = requestsPerSecond;
  }

  static async open(requestsPerSecond: number, signal?: AbortSignal): Promise<Swarm> {
    const lab = await openLab({ ...SIZE, ...(signal ? { signal } : {}) });
    const swarm = new Swarm(lab, requestsPerSecond);
    try {
      await swarm.#gather();
      await swarm.#deploy();
      return swarm;
    } catch (error) {
      await lab.down();
      throw error;
    }
  }

  workers(): readonly string[] {
    return this.lab
      .select('hosts')
      .map(({ name }) => name)
      .filter((name) => !MANAGERS.includes(name));
  }

  async #gather(): Promise<void> {
    const { lab } = this;
    await lab.kill('servers,etcd,proxies');
    await lab.kill('hosts', 'agent');
    const at = (name: string): string => lab.node(name).address;
    const [first = '', ...others] = MANAGERS;
    const own = (name: string): string[] => [
      ...['--advertise-addr', at(name), '--listen-addr', `${at(name)}:${SWARM_PORT}`],
    ];
    await this.docker(first, 'swarm', 'init', '--availability', 'drain', ...own(first));
    const token = (role: string): Promise<string> =>
      this.docker(first, 'swarm', 'join-token', '--quiet', role);
    const join = async (name: string, role: string): Promise<void> => {
      const availability = role === 'manager' ? 'drain' : 'active';
      const how = ['--availability', availability, '--token', (await token(role)).trim()];
      await this.docker(name, 'swarm', 'join', ...how, ...own(name), `${at(first)}:${SWARM_PORT}`);
    };
    for (const name of others) await join(name, 'manager');
    for (const name of this.workers()) await join(name, 'worker');
  }

  async #deploy(): Promise<void> {
    const { lab } = this;
    const [manager = ''] = MANAGERS;
    const port = lab.plan.httpPort;
    await this.docker(
      ...([manager, 'service', 'create', '--detach', '--quiet', '--name', SERVICE] as const),
      ...['--replicas', String(TASKS), '--no-resolve-image', '--endpoint-mode', 'dnsrr'],
      ...['--publish', `mode=host,target=8080,published=${port}`],
      ...['--health-cmd', '/bin/wget -q -O - http://127.0.0.1:8080/hello/health'],
      ...['--health-interval', '5s', '--health-timeout', '2s', '--health-retries', '2'],
      ...['--stop-grace-period', '20s', '--update-parallelism', '1'],
      ...['--update-order', 'start-first', '--update-monitor', '5s', 'berth/hello:1'],
    );
    const workers = this.workers().map((name) => lab.node(name));
    for (const node of lab.select('proxies')) await startHaproxy(lab, node, workers);
    await this.steady();
  }

  /** Run a command of docker's on a node. @returns its output. @throws Error with what it said */
  async docker(node: string, ...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.lab.exec(node, ['docker', ...words], {
      timeoutMs: 3 * COMMAND_MS,
    });
    if (code !== 0) throw new Error(`docker ${words.join(' ')} on ${node}: ${stderr.trim()}`);
    return stdout;
  }

  /** Ask the managers, one after the other, but those. */
  async ask(without: readonly string[], ...words: readonly string[]): Promise<string> {
    let failure: unknown;
    for (const manager of MANAGERS.filter((name) => !without.includes(name))) {
      const { code, stdout, stderr } = await this.lab.exec(manager, ['docker', ...words], {
        timeoutMs: COMMAND_MS,
      });
      if (code === 0) return stdout;
      failure = new Error(`docker ${words.join(' ')} on ${manager}: ${stderr.trim()}`);
    }
    throw failure;
  }

  /** Those that are wanted to run. */
  async tasks(without: readonly string[] = []): Promise<readonly SwarmTask[]> {
    const format = '{{.ID}} {{.Node}} {{.CurrentState}}';
    const filter = 'desired-state=running';
    const text = await this.ask(
      without,
      ...['service', 'ps', SERVICE, '--filter', filter, '--format', format, '--no-trunc'],
    );
    return lines(text).map((line) => {
      const [id = '', node = '', state = ''] = line.split(' ');
      return { id, node, state };
    });
  }

  /** Status and manager's status of each node: "Ready", "Down"; "Leader", "Reachable", "". */
  async nodes(
    without: readonly string[] = [],
  ): Promise<ReadonlyMap<string, { readonly status: string; readonly manager: string }>> {
    const format = '{{.Hostname}},{{.Status}},{{.ManagerStatus}}';
    const text = await this.ask(without, 'node', 'ls', '--format', format);
    return new Map(
      lines(text).map((line) => {
        const [name = '', status = '', manager = ''] = line.split(',');
        return [name, { status, manager }];
      }),
    );
  }

  async leader(without: readonly string[] = []): Promise<string | undefined> {
    const all = [...(await this.nodes(without))];
    return all.find(([, { manager }]) => manager === 'Leader')?.[0];
  }

  /** Wait for it; a manager that can't answer is asked again. */
  async until(what: string, missing: () => Promise<string | undefined>): Promise<void> {
    const begin = performance.now();
    for (;;) {
      const last = await missing().catch((error: unknown) => String(error));
      if (last === undefined) return;
      if (performance.now() - begin > STEADY_MS) {
        throw new Error(`not within ${STEADY_MS} ms: ${what}; at last: ${last}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** As many tasks as wanted run, none of them on those nodes. */
  async running(without: readonly string[] = []): Promise<void> {
    await this.until('all tasks run', async () => {
      const tasks = await this.tasks(without);
      const there = tasks.filter(
        ({ node, state }) => state === 'Running' && !without.includes(node),
      );
      return there.length === TASKS && tasks.length === TASKS
        ? undefined
        : `${there.length} of ${TASKS} tasks run`;
    });
  }

  /** All nodes are ready, all managers reachable, and all tasks run. */
  async steady(): Promise<void> {
    await this.until('the swarm is at rest', async () => {
      for (const [name, { status, manager }] of await this.nodes()) {
        if (status !== 'Ready') return `${name} is ${status}`;
        if (manager === 'Unreachable') return `${name} is ${manager}`;
      }
      return undefined;
    });
    await this.running();
    // The task on a host that was lost has ended there too, and HAProxy has found all of them.
    await this.until('each proxy reaches a task', async () => {
      for (const url of this.lab.plan.proxyUrls) {
        const { status } = await fetch(`${url}/hello`, { signal: AbortSignal.timeout(5_000) });
        if (status !== 200) return `${url} answers ${status}`;
      }
      return undefined;
    });
  }

  /** Replace all tasks; resolves when that has begun. */
  async update(): Promise<void> {
    await this.ask([], 'service', 'update', '--detach', '--quiet', '--force', SERVICE);
  }

  async updated(): Promise<void> {
    await this.until('the update is through', async () => {
      const format = '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}';
      const state = await this.ask([], 'service', 'inspect', SERVICE, '--format', format);
      return state.trim() === 'completed' ? undefined : `the update is ${state.trim()}`;
    });
  }

  /** A change is accepted by another manager than those. */
  async change(without: readonly string[]): Promise<void> {
    const label = `chaos=${Date.now()}`;
    await this.until('a change is accepted', async () => {
      const words = ['--detach', '--quiet', '--label-add', label, SERVICE];
      await this.ask(without, 'service', 'update', ...words);
      return undefined;
    });
  }

  async measure(fault: string, run: (measuring: Measuring) => Promise<void>): Promise<Row> {
    const { requestsPerSecond } = this;
    const urls = this.lab.plan.proxyUrls.map((url) => `${url}/hello`);
    const { row, failure } = await measureUnderLoad({ urls, requestsPerSecond }, fault, run);
    this.rows.push(row);
    if (failure !== undefined) throw failure;
    return row;
  }

  /** After a fault that failed: whatever is broken is mended. */
  async restore(): Promise<void> {
    const { lab } = this;
    await lab.heal();
    lab.select('hosts').forEach(({ name }) => void lab.resume(name));
    for (const { node, processes } of await lab.status()) {
      const engine = processes.find(({ name }) => name === 'engine');
      if (engine?.state === 'dead') await lab.restart(node.name, 'engine');
      if (this.workers().includes(node.name)) {
        await this.ask([], 'node', 'update', '--availability', 'active', node.name);
      }
    }
    await this.steady();
  }

  async close(): Promise<readonly string[]> {
    return await this.lab.down();
  }
}

function lines(text: string): string[] {
  return text.split('\n').filter(Boolean);
}
