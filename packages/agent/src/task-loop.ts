// The owner of one task: nobody else changes its memory or touches its containers. A loop that takes in what
// was ordered and observed, concludes, keeps it on disk, reports, and begins the next operation; then waits
// until something has changed. Its operations run beside it, at most one a container, so that an exit is
// noticed while an image is being pulled.
import type { Clock } from '@berth/control/clock.ts';
import { Latch } from '@berth/control/latch.ts';
import type { Logger } from '@berth/control/logger.ts';
import { childScope, type Scope } from '@berth/control/scope.ts';
import type { TaskRecord, TaskStatusRecord } from '@berth/model/generated/messages.ts';

import { nextStep, type Step } from './next-step.ts';
import { settle } from './settle.ts';
import {
  containerNamed,
  observed,
  updateContainer,
  type ContainerMemory,
  type TaskMemory,
} from './task-memory.ts';
import {
  perform,
  type DriverOperation,
  type OperationContext,
  type Workshop,
} from './task-operations.ts';
import { taskStatus, type TaskPhase } from './task-status.ts';
import { retryDelayMs, type DriverStep } from './transition-policy.ts';

export interface TaskLoopOptions {
  readonly memory: TaskMemory;
  readonly workshop: Workshop;
  readonly logger: Logger;
  /** Resolves when the memory is on disk. */
  readonly save: (memory: TaskMemory) => Promise<void>;
  readonly report: (status: TaskStatusRecord) => void;
  /** False until the control plane has confirmed what this host should run. */
  readonly mayStart: () => boolean;
}

interface BusyOperation {
  readonly kind: DriverOperation['kind'];
  readonly scope: Scope;
  readonly stopping: Scope;
  waitsForPorts: boolean;
}

const PHASE_OF: Readonly<Record<DriverOperation['kind'], TaskPhase>> = {
  look: 'WAITING',
  pull: 'PULLING',
  create: 'CREATING',
  start: 'STARTING',
  stop: 'STARTING',
};

export class TaskLoop {
  readonly #options: TaskLoopOptions;
  readonly #clock: Clock;
  readonly #changed = new Latch();
  readonly #busy = new Map<string, BusyOperation>();
  /** How often a step has failed on a container since it last succeeded. */
  readonly #failures = new Map<`${DriverStep} ${string}`, number>();
  readonly #runningSince = new Map<string, number>();
  /** Containers that are to be looked at. */
  #dirty: Set<string>;
  #observeFailures = 0;
  #memory: TaskMemory;
  #saved: TaskMemory | undefined;
  #published: string | undefined;
  #hurry: { readonly timeoutSeconds: number } | undefined;

  constructor(options: TaskLoopOptions) {
    this.#options = options;
    this.#clock = options.workshop.clock;
    this.#memory = options.memory;
    this.#dirty = new Set(options.memory.containers.map(({ name }) => name));
    // What a former life has reported is not news.
    if (options.memory.sequence > 0) this.#published = this.#content();
  }

  get memory(): TaskMemory {
    return this.#memory;
  }

  /** A newer order for the same task. */
  order(task: TaskRecord): void {
    this.#memory = { ...this.#memory, task };
    this.#changed.set();
  }

  /** Something may have happened to a container, or to any of them. */
  touch(containerName?: string): void {
    const names = this.#memory.containers.map(({ name }) => name);
    for (const name of names) {
      if (containerName === undefined || name === containerName) this.#dirty.add(name);
    }
    this.#changed.set();
  }

  /** Report again, under a sequence above the given one. */
  republish(above: number): void {
    this.#memory = { ...this.#memory, sequence: Math.max(this.#memory.sequence, above) };
    this.#published = undefined;
    this.#changed.set();
  }

  /** End the task whatever was ordered. */
  stop(stopCode: string, reason: string): void {
    if (!this.#memory.stop) {
      const stop = { stopCode, reason, at: this.#clock.now() };
      this.#memory = { ...this.#memory, stop };
    }
    this.#changed.set();
  }

  /** End the task at once, all containers together, each within the given seconds. */
  hurry(timeoutSeconds: number, stopCode: string, reason: string): void {
    this.#hurry = { timeoutSeconds };
    for (const operation of this.#busy.values()) {
      if (operation.kind === 'stop') operation.scope.abort(new Error('to be stopped sooner'));
    }
    this.stop(stopCode, reason);
  }

  /** Until the task has stopped or the signal is aborted; then its operations are given up and its containers left alone. */
  async run(signal: AbortSignal): Promise<void> {
    const scope = childScope(signal);
    try {
      for (;;) {
        await this.#turn(scope.signal);
        const step = this.#nextStep();
        if (step.kind === 'finished') return;
        if (step.kind === 'wait') await this.#wait(step.ms, scope.signal);
        else this.#begin(step, scope.signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      scope.abort(new Error('the task loop has ended'));
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    await this.#observe(signal);
    signal.throwIfAborted();
    this.#memory = settle(this.#memory, {
      now: this.#clock.now(),
      busy: new Set(this.#busy.keys()),
      runningForMs: this.#runningForMs(),
    });
    if (this.#memory.stop) this.#interrupt();
    const status = this.#unreported();
    await this.#saveOrComplain();
    if (status) this.#options.report(status);
  }

  #nextStep(): Step {
    return nextStep(this.#memory, {
      busy: new Set(this.#busy.keys()),
      runningForMs: this.#runningForMs(),
      mayStart: this.#options.mayStart(),
      hurry: this.#hurry,
    });
  }

  /** Ask the engine about the containers in question. A silent engine changes nothing that is known. */
  async #observe(signal: AbortSignal): Promise<void> {
    const { runtime } = this.#options.workshop;
    let failed = false;
    for (const name of [...this.#dirty]) {
      const container = containerNamed(this.#memory, name);
      const operation = this.#busy.get(name)?.kind;
      if (operation && operation !== 'stop') continue; // looked at when it is over
      this.#dirty.delete(name);
      const { runtimeId, phase } = container;
      if (runtimeId === undefined || phase === 'STOPPED') continue;
      try {
        const facts = await runtime.inspect(runtimeId, signal);
        this.#take(name, (known) => observed(known, facts, this.#clock.now()));
      } catch (error) {
        this.#dirty.add(name);
        failed = true;
        this.#options.logger.warn(
          { container: name, err: error },
          'a container could not be inspected',
        );
      }
    }
    this.#observeFailures = failed ? this.#observeFailures + 1 : 0;
  }

  #take(name: string, change: (known: ContainerMemory) => ContainerMemory): void {
    const before = containerNamed(this.#memory, name);
    const after = change(before);
    this.#memory = updateContainer(this.#memory, name, after);
    if (after.bindings !== before.bindings) {
      this.#options.workshop.ports.hold(this.#memory.task.id, after.bindings);
    }
    if (after.phase === 'RUNNING' && !this.#runningSince.has(name)) {
      const already = Math.max(0, this.#clock.now() - (after.startedAt ?? this.#clock.now()));
      this.#runningSince.set(name, this.#clock.monotonic() - already);
    }
    if (after.phase !== before.phase) {
      const transition = `${before.phase}->${after.phase}`;
      const { exitCode, reason } = after;
      this.#options.logger.info(
        { container: name, transition, exitCode, reason },
        'container changed',
      );
    }
  }

  #runningForMs(): ReadonlyMap<string, number> {
    const now = this.#clock.monotonic();
    return new Map([...this.#runningSince].map(([name, since]) => [name, now - since]));
  }

  #begin(step: DriverOperation, signal: AbortSignal): void {
    const scope = childScope(signal);
    const stopping = childScope(scope.signal);
    const operation: BusyOperation = { kind: step.kind, scope, stopping, waitsForPorts: false };
    this.#busy.set(step.container, operation);
    if (step.kind === 'pull') {
      this.#memory = {
        ...this.#memory,
        pullStartedAt: this.#memory.pullStartedAt ?? this.#clock.now(),
      };
    }
    const context = this.#context(step.container, operation);
    void perform(step, this.#options.workshop, context)
      .catch((error: unknown) => {
        this.#options.logger.error({ container: step.container, err: error }, 'an operation broke');
      })
      .finally(() => {
        stopping.abort();
        scope.abort();
        this.#busy.delete(step.container);
        if (step.kind === 'pull') this.#pullEnded(step.container);
        this.touch(step.container);
      });
  }

  #pullEnded(name: string): void {
    if (containerNamed(this.#memory, name).phase === 'NONE') return;
    this.#memory = { ...this.#memory, pullStoppedAt: this.#clock.now() };
  }

  #context(name: string, operation: BusyOperation): OperationContext {
    return {
      logger: this.#options.logger,
      signal: operation.scope.signal,
      stopping: operation.stopping.signal,
      memory: () => this.#memory,
      container: () => containerNamed(this.#memory, name),
      commit: (change) => {
        this.#take(name, (known) => ({ ...known, ...change }));
        this.#changed.set();
      },
      save: () => this.#save(),
      waitFor: (what) => {
        operation.waitsForPorts = what === 'PORTS';
        this.#changed.set();
      },
      countFailure: (step) => {
        const count = (this.#failures.get(`${step} ${name}`) ?? 0) + 1;
        this.#failures.set(`${step} ${name}`, count);
        return count;
      },
      countSuccess: (step) => this.#failures.delete(`${step} ${name}`),
    };
  }

  /** A task that stops needs no pull and no port any more. */
  #interrupt(): void {
    for (const { stopping, kind } of this.#busy.values()) {
      if (kind !== 'stop') stopping.abort(new Error('the task is to stop'));
    }
  }

  /** @returns what has to be reported, under a new sequence */
  #unreported(): TaskStatusRecord | undefined {
    const { host } = this.#options.workshop;
    const content = this.#content();
    if (content === this.#published) return undefined;
    this.#published = content;
    this.#memory = { ...this.#memory, sequence: this.#memory.sequence + 1 };
    return taskStatus(this.#memory, host.id, this.#phase());
  }

  #content(): string {
    const { host } = this.#options.workshop;
    return JSON.stringify(taskStatus({ ...this.#memory, sequence: 0 }, host.id, this.#phase()));
  }

  #phase(): TaskPhase {
    const [operation] = this.#busy.values();
    return !operation || operation.waitsForPorts ? 'WAITING' : PHASE_OF[operation.kind];
  }

  async #save(): Promise<void> {
    const memory = this.#memory;
    if (memory === this.#saved) return;
    await this.#options.save(memory);
    this.#saved = memory;
  }

  /** A full disk must not keep a task from being observed, reported and stopped. Nothing is created without a record. */
  async #saveOrComplain(): Promise<void> {
    try {
      await this.#save();
    } catch (error) {
      this.#options.logger.error({ err: error }, 'the memory of a task could not be written');
    }
  }

  async #wait(ms: number | undefined, signal: AbortSignal): Promise<void> {
    const again = this.#observeFailures > 0 ? retryDelayMs(this.#observeFailures) : undefined;
    const limit = Math.min(ms ?? Infinity, again ?? Infinity);
    if (limit === Infinity) {
      await this.#changed.take(signal);
      return;
    }
    const timer = childScope(signal);
    try {
      await Promise.race([
        this.#changed.take(timer.signal),
        this.#clock.sleep(limit, timer.signal),
      ]);
    } finally {
      timer.abort(new Error('the wait is over'));
    }
  }
}
