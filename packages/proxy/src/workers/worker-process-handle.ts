// One worker process, as the primary sees it: what it was last heard to say, and whether it still lives.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { GroupTraffic } from '@berth/model/generated/messages.ts';
import type { MetricObject } from 'prom-client';

import type { News, Order } from './messages.ts';
import { WORKER_FLAGS } from './worker-flags.ts';

export interface HandleEvents {
  onNews(worker: WorkerHandle, news: News, socket: object | undefined): void;
  /** Once, last. */
  onExit(worker: WorkerHandle, how: string): void;
}

export type WorkerPhase =
  /** Has not applied a table yet. */
  | 'starting'
  /** May route requests. */
  | 'serving'
  /** Was told to end; its open requests may. */
  | 'ending'
  | 'gone';

const PROGRAM = fileURLToPath(new URL('./worker-process.ts', import.meta.url));

let numbers = 0;

export class WorkerHandle {
  readonly number: number;
  readonly slot: number;
  readonly startedAt: number;
  phase: WorkerPhase = 'starting';
  /** The number of the update by which it routes at least; -1: it has not been told any. */
  applied = -1;
  /** It has applied its first table. */
  ready = false;
  settled = false;
  problems: readonly string[] = [];
  traffic: readonly GroupTraffic[] = [];
  metrics: readonly MetricObject[] = [];
  /** The newest order to count that it has answered. */
  counted = 0;
  /** It was one whose requests may have been routed when it went. */
  hasCounted = false;
  /** It has told all that it counted, and counts no more. */
  countedLast = false;
  /** Pings since the last answer. */
  unanswered = 0;
  readonly #child: ChildProcess;

  constructor(slot: number, now: number, events: HandleEvents) {
    this.number = numbers += 1;
    this.slot = slot;
    this.startedAt = now;
    this.#child = fork(PROGRAM, [], {
      serialization: 'advanced',
      execArgv: [...WORKER_FLAGS],
    });
    const over = (how: string): void => {
      if (this.phase === 'gone') return;
      this.hasCounted = this.counts;
      this.phase = 'gone';
      events.onExit(this, how);
    };
    this.#child.on('message', (news, socket: object | undefined) => {
      this.unanswered = 0;
      if (this.phase !== 'gone') events.onNews(this, news as News, socket);
    });
    this.#child.once('exit', (code, signal) => over(signal ?? `exit code ${code}`));
    this.#child.on('error', (error) => {
      // Either it could not be started, or it was not reached, in which case its end follows.
      if (this.#child.pid === undefined) over(error.message);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Its requests may be routed: it counts. */
  get counts(): boolean {
    return this.phase === 'serving' || this.phase === 'ending';
  }

  tell(order: Order, socket?: object): void {
    if (this.phase === 'gone' || !this.#child.connected) return;
    this.#child.send(order, socket as never, (error) => {
      // It ends; `exit` follows.
      if (error !== null) this.unanswered += 1;
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
