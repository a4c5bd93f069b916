// A lab with a service under load, in which one fault after the other is measured. The lab is shared by all faults of a run; each
// leaves it as it found it.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { readMessage } from '@berth/cli/json-file.ts';
import { type Lab, openLab } from '@berth/cli/lab/lab.ts';
import type { LabOptions } from '@berth/cli/lab/plan.ts';
import type { Api } from '@berth/cli/connection.ts';

import { type Measuring, type Row, measureUnderLoad } from './measure.ts';
import { SERVICE, type Watcher, watch } from './watcher.ts';

/** Of the sample service. */
export const DEFINITION = fileURLToPath(new URL('../../deploy/sample/hello.json', import.meta.url));
const STEADY_MS = 90_000;
const TASKS = 6;

export class Ground {
  readonly lab: Lab;
  readonly api: Api;
  readonly watcher: Watcher;
  readonly rows: Row[] = [];
  readonly requestsPerSecond: number;

  private constructor(lab: Lab, api: Api, watcher: Watcher, requestsPerSecond: number) {
    this.lab = lab;
    this.api = api;
    this.watcher = watcher;
    this.requestsPerSecond = requestsPerSecond;
  }

  static async open(
    options: Partial<LabOptions>,
    requestsPerSecond: number,
    signal?: AbortSignal,
  ): Promise<Ground> {
    const lab = await openLab({ ...options, ...(signal ? { signal } : {}) });
    try {
      const api = await lab.connect();
      const watcher = await watch(lab);
      const ground = new Ground(lab, api, watcher, requestsPerSecond);
      await ground.#deploy();
      return ground;
    } catch (error) {
      await lab.down();
      throw error;
    }
  }

  async #deploy(): Promise<void> {
    const { ecs, loadBalancing } = this.api;
    const { cluster, httpPort } = this.lab.plan;
    await ecs.RegisterTaskDefinition(
      await readMessage('RegisterTaskDefinitionRequest', DEFINITION),
    );
    await loadBalancing.CreateTargetGroup({
      name: SERVICE,
      healthCheck: {
        path: '/hello/health',
        intervalSeconds: 5,
        timeoutSeconds: 2,
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 2,
      },
      attributes: { 'deregistration_delay.timeout_seconds': '15' },
    });
    const { listener } = await loadBalancing.CreateListener({
      port: httpPort,
      defaultActions: [
        { type: 'forward', forward: { targetGroups: [{ targetGroupArn: SERVICE }] } },
      ],
    });
    if (!listener) throw new Error('the api answered without a listener');
    await ecs.CreateService({
      cluster,
      serviceName: SERVICE,
      taskDefinition: SERVICE,
      desiredCount: TASKS,
      placementStrategy: [{ type: 'spread', field: 'instanceId' }],
      loadBalancers: [{ targetGroupArn: SERVICE, containerName: SERVICE, containerPort: 8080 }],
    });
    await this.steady();
  }

  /** Wait until everything is as it was asked to be. @param without nodes that can't be. @returns ms */
  async steady(without: readonly string[] = [], withinMs = STEADY_MS): Promise<number> {
    return await this.watcher.until('the cluster is at rest', withinMs, () =>
      this.watcher.unrest(without),
    );
  }

  /** Replace all tasks; resolves when that has begun, and has been seen to be wanted. */
  async deploy(): Promise<void> {
    const { api, lab, watcher } = this;
    const { cluster } = lab.plan;
    const { service } = await api.ecs.UpdateService({
      cluster,
      service: SERVICE,
      forceNewDeployment: true,
    });
    const id = service?.deployments[0]?.id;
    await watcher.until('the deployment is seen', STEADY_MS, () =>
      watcher.deploymentId() === id ? undefined : 'another one is wanted',
    );
  }

  /** Deploy if need be until every host has its share of the tasks. */
  async spread(): Promise<void> {
    await this.steady();
    const hosts = this.lab.select('hosts').length;
    const used = new Set(
      this.watcher
        .tasks()
        .flatMap(({ task, status }) => (status?.lastStatus === 'RUNNING' ? task.hostId : [])),
    );
    if (used.size === hosts) return;
    await this.deploy();
    await this.steady();
  }

  /** What must not change where nothing touches the tasks: their containers' processes, and what is wanted of them. */
  untouched(): string {
    const { lab, watcher } = this;
    const pids = lab.select('hosts').flatMap(({ name }) => lab.pids(name, 'containers'));
    // Records of tasks that ended long ago are dropped in time.
    const tasks = watcher.tasks().filter(({ task }) => task.desiredStatus === 'RUNNING');
    return [...tasks.map(({ task }) => task.id), ...serverProcesses(pids)].sort().join('\n');
  }

  /** Measure one fault under load: what it did is kept in `rows`. */
  async measure(fault: string, run: (measuring: Measuring) => Promise<void>): Promise<Row> {
    const urls = this.lab.plan.proxyUrls.map((url) => `${url}/hello`);
    const { requestsPerSecond, watcher } = this;
    const broken = watcher.invariants.violations.length;
    const { row, failure } = await measureUnderLoad({ urls, requestsPerSecond }, fault, run);
    this.rows.push(row);
    if (failure !== undefined) throw failure;
    const found = watcher.invariants.violations.slice(broken);
    if (found.length > 0) throw new Error(`${fault}: ${found.join('\n')}`);
    return row;
  }

  /** After a fault that failed: whatever is broken is mended. */
  async restore(): Promise<void> {
    const { lab } = this;
    await lab.heal();
    lab.select('all').forEach(({ name }) => void lab.resume(name));
    await lab.freeDisk('hosts');
    for (const { node, processes } of await lab.status()) {
      const dead = processes.some(({ state }) => state === 'dead');
      if (dead) await lab.restart(node.name);
    }
    await this.steady();
  }

  async close(): Promise<readonly string[]> {
    await this.watcher.close();
    this.api.close();
    return await this.lab.down();
  }
}

/** Health checks come and go in a container; its server stays. */
function serverProcesses(pids: readonly number[]): string[] {
  return pids.flatMap((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words.some((word) => word.endsWith('server.mjs')) ? `pid ${pid}` : [];
    } catch {
      return []; // it has ended
    }
  });
}
