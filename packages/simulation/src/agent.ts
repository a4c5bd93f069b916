// A modelled host agent: a state machine that starts and stops containers that are only numbers, gives out
// host ports, and reports. It never touches the state: the cluster carries its words.
import type { Random } from '@berth/control/clock.ts';
import { invariant } from '@berth/model/assert.ts';
import type { TaskRecord, TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';

import { type Fate, PORT } from './revisions.ts';

const FIRST_PORT = 20_000;
const PORTS = 100;

type Phase = 'pulling' | 'running' | 'stopping' | 'stopped';

interface Local {
  order: TaskRecord | undefined;
  readonly id: string;
  readonly cluster: string;
  readonly fate: Fate;
  phase: Phase;
  /** When the phase ends by itself. */
  until: number;
  port: number | undefined;
  startedAt: number | undefined;
  stoppedAt: number | undefined;
  /** When the container's check gives its first verdict. */
  checkedAt: number;
  stopCode: string | undefined;
  reason: string | undefined;
  /** It ended although nobody had ordered it to. */
  fell: boolean;
  sequence: number;
  reported: number;
}

export interface AgentOptions {
  readonly hostId: string;
  readonly random: Random;
  readonly fateOf: (taskDefinition: string) => Fate;
  /** Throws when a proxy may still send to the port on behalf of another task. */
  readonly onPortTaken: (hostId: string, port: number, taskId: string) => void;
}

export class ModelAgent {
  readonly hostId: string;
  readonly #options: AgentOptions;
  readonly #tasks = new Map<string, Local>();
  readonly #ports = new Map<number, string>();
  connected = true;
  /** Chance of a crash of each running task in each second. */
  crashes = 0;

  constructor(options: AgentOptions) {
    this.hostId = options.hostId;
    this.#options = options;
  }

  /** Take in the full set of orders, as of a session's welcome and changes. */
  order(orders: readonly TaskRecord[], now: number, slow: boolean): void {
    const wanted = new Set(orders.map(({ id }) => id));
    for (const order of orders) {
      const known = this.#tasks.get(order.id);
      if (known) known.order = order;
      else this.#tasks.set(order.id, this.#begin(order, now, slow));
    }
    for (const [id, task] of this.#tasks) if (!wanted.has(id)) task.order = undefined;
  }

  #begin(order: TaskRecord, now: number, slow: boolean): Local {
    const { random } = this.#options;
    const pull = slow ? 30_000 + random() * 60_000 : random() * 8_000;
    return {
      order,
      id: order.id,
      cluster: order.cluster,
      fate: this.#options.fateOf(order.taskDefinition),
      phase: 'pulling',
      until: now + pull,
      port: undefined,
      startedAt: undefined,
      stoppedAt: undefined,
      checkedAt: 0,
      stopCode: undefined,
      reason: undefined,
      fell: false,
      sequence: 1,
      reported: 0,
    };
  }

  tick(now: number): void {
    for (const task of this.#tasks.values()) this.#advance(task, now);
    for (const [port, id] of this.#ports) {
      const task = this.#tasks.get(id);
      const held = task?.order?.holdPorts ?? false;
      if (!task || (task.phase === 'stopped' && !held)) this.#ports.delete(port);
    }
    for (const [id, task] of this.#tasks) {
      if (!task.order && task.phase === 'stopped') this.#tasks.delete(id);
    }
  }

  #advance(task: Local, now: number): void {
    const { random } = this.#options;
    const mayStop =
      !task.order || (task.order.desiredStatus === 'STOPPED' && !task.order.drainBeforeStop);
    if (mayStop && task.phase === 'pulling') this.#stopped(task, now);
    else if (mayStop && task.phase === 'running') {
      this.#move(task, 'stopping', now + random() * 5_000);
    }
    if (now < task.until) return;
    if (task.phase === 'stopping') this.#stopped(task, now);
    else if (task.phase === 'pulling') this.#start(task, now);
    else if (task.phase === 'running' && random() < this.crashes) {
      this.#fall(task, now, 'EssentialContainerExited', 'Essential container in task exited');
    }
    if (
      task.phase === 'running' &&
      task.fate === 'crashing' &&
      now > (task.startedAt ?? 0) + 3_000
    ) {
      this.#fall(task, now, 'EssentialContainerExited', 'Essential container in task exited');
    }
    const { checkedAt } = task;
    if (task.phase === 'running' && checkedAt > 0 && now >= checkedAt) {
      task.checkedAt = 0;
      task.sequence += 1;
    }
  }

  #start(task: Local, now: number): void {
    if (task.fate === 'unstartable') {
      this.#fall(task, now, 'TaskFailedToStart', 'CannotPullContainerError: no such image');
      return;
    }
    const port = this.#takePort(task.id);
    if (port === undefined) return; // waits for one
    task.port = port;
    task.startedAt = now;
    task.checkedAt = now + 2_000 + this.#options.random() * 6_000;
    this.#move(task, 'running', now);
  }

  /** The lowest free port: where the real agent waits as long as it can, this one is as hasty as it may be. */
  #takePort(taskId: string): number | undefined {
    for (let port = FIRST_PORT; port < FIRST_PORT + PORTS; port += 1) {
      if (this.#ports.has(port)) continue;
      this.#options.onPortTaken(this.hostId, port, taskId);
      this.#ports.set(port, taskId);
      return port;
    }
    return undefined;
  }

  #fall(task: Local, now: number, stopCode: string, reason: string): void {
    task.fell = true;
    task.stopCode = stopCode;
    task.reason = reason;
    this.#stopped(task, now);
  }

  #stopped(task: Local, now: number): void {
    task.stoppedAt = now;
    this.#move(task, 'stopped', Number.POSITIVE_INFINITY);
  }

  #move(task: Local, phase: Phase, until: number): void {
    invariant(task.phase !== 'stopped', 'a stopped task moved');
    task.phase = phase;
    task.until = until;
    task.sequence += 1;
  }

  /** Who answers at a port now. */
  listener(port: number): { readonly taskId: string; readonly well: boolean } | undefined {
    const id = this.#ports.get(port);
    const task = id === undefined ? undefined : this.#tasks.get(id);
    if (!task || (task.phase !== 'running' && task.phase !== 'stopping')) return undefined;
    return { taskId: task.id, well: task.phase === 'running' && task.fate !== 'sick' };
  }

  /** Did the task end by itself, or has it never been here? */
  fell(taskId: string): boolean {
    return this.#tasks.get(taskId)?.fell ?? true;
  }

  /** Every task falls, as when the machine is switched off. */
  powerOff(now: number): void {
    for (const task of this.#tasks.values()) {
      if (task.phase !== 'stopped') {
        this.#fall(task, now, 'EssentialContainerExited', 'The host was restarted');
      }
    }
  }

  /** What has not been reported yet; with `all`, everything, as after a new hello. */
  report(all: boolean): TaskStatusRecord[] {
    const news: TaskStatusRecord[] = [];
    for (const task of this.#tasks.values()) {
      if (!task.order || (!all && task.reported === task.sequence)) continue;
      task.reported = task.sequence;
      news.push(this.#status(task));
    }
    return news;
  }

  #status(task: Local): TaskStatusRecord {
    const lastStatus = STATUS[task.phase];
    const checked = task.phase === 'running' && task.checkedAt === 0;
    const health = !checked ? 'UNKNOWN' : task.fate === 'sick' ? 'UNHEALTHY' : 'HEALTHY';
    return complete('TaskStatusRecord', {
      id: task.id,
      cluster: task.cluster,
      hostId: this.hostId,
      lastStatus,
      healthStatus: health,
      startedAt: task.startedAt,
      stoppedAt: task.stoppedAt,
      stopCode: task.stopCode,
      stoppedReason: task.reason,
      sequence: task.sequence,
      containers: [
        {
          name: 'web',
          lastStatus: lastStatus === 'STOPPING' ? 'RUNNING' : lastStatus,
          healthStatus: health,
          healthOutput: health === 'UNHEALTHY' ? 'connection refused' : undefined,
          networkBindings:
            task.port === undefined
              ? []
              : [
                  {
                    bindIp: '0.0.0.0',
                    containerPort: PORT,
                    hostPort: task.port,
                    protocol: 'tcp',
                  },
                ],
        },
      ],
    });
  }
}

const STATUS = {
  pulling: 'PENDING',
  running: 'RUNNING',
  stopping: 'STOPPING',
  stopped: 'STOPPED',
} as const satisfies Record<Phase, TaskStatusRecord['lastStatus']>;
