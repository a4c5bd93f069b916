// All tasks of this host: one loop each, what the control plane orders, what the engine shows, what may be
// forgotten. Containers that carry our labels and that nobody ordered are removed, but only once the control
// plane has said what it wants.
import { childScope, type Scope } from '@berth/control/scope.ts';
import type { Logger } from '@berth/control/logger.ts';
import type {
  AgentChanges,
  AgentWelcome,
  AssignedTask,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';

import { Cleaner } from './cleaner.ts';
import { hostLabels, LABEL } from './labels.ts';
import type { LocalState } from './local-state.ts';
import type { Reporter } from './reporter.ts';
import { expendable } from './retention.ts';
import type { ContainerSummary, RuntimeEvent } from './runtime/runtime.ts';
import { TaskLoop } from './task-loop.ts';
import {
  adopt,
  recalledMemory,
  type ContainerMemory,
  type TaskMemory,
  type TaskStage,
} from './task-memory.ts';
import type { Workshop } from './task-operations.ts';
import { taskStatus } from './task-status.ts';

export interface TasksOptions {
  readonly workshop: Workshop;
  readonly state: LocalState;
  readonly reporter: Reporter;
  readonly logger: Logger;
  /** A loop has broken on something that can't be: a bug. */
  readonly onBroken: (error: unknown) => void;
}

interface Entry {
  readonly loop: TaskLoop;
  readonly scope: Scope;
  /** Resolves when the task has stopped, or the agent ends. */
  readonly ended: Promise<void>;
  /** The control plane has no record of it any more. */
  forgotten: boolean;
  /** Nothing is left of it at the engine. */
  cleaned: boolean;
}

export class Tasks {
  readonly #options: TasksOptions;
  readonly #cleaner: Cleaner;
  readonly #root = childScope();
  readonly #entries = new Map<string, Entry>();
  /** Containers found at the start that no memory speaks of, by task. */
  #orphans = new Map<string, ContainerSummary[]>();
  readonly #erasing = new Set<Promise<void>>();
  #welcomed = false;
  #leaving = false;

  constructor(options: TasksOptions) {
    this.#options = options;
    this.#cleaner = new Cleaner(options.workshop, options.logger, this.#root.signal);
  }

  /** What is remembered and what the engine has, put together; goes on with it. @throws RuntimeError when the engine does not answer */
  async restore(signal: AbortSignal): Promise<void> {
    const { workshop, state, logger } = this.#options;
    const { host, runtime, ports } = workshop;
    const found = await runtime.list(hostLabels(host.cluster, host.id), signal);
    const byTask = groupByTask(found);
    for (const memory of await state.tasks(logger)) {
      const own = byTask.get(memory.task.id) ?? [];
      byTask.delete(memory.task.id);
      if (!portsAreFree(memory)) {
        for (const container of memory.containers) ports.hold(memory.task.id, container.bindings);
      }
      this.#add(adopt(memory, own), own.length === 0);
    }
    this.#orphans = byTask;
    logger.info(
      { remembered: this.#entries.size, unknown: byTask.size, containers: found.length },
      'found what this host runs',
    );
  }

  get welcomed(): boolean {
    return this.#welcomed;
  }

  count(): ReadonlyMap<TaskStage, number> {
    const counts = new Map<TaskStage, number>();
    for (const { loop } of this.#entries.values()) {
      const { stage } = loop.memory;
      counts.set(stage, (counts.get(stage) ?? 0) + 1);
    }
    return counts;
  }

  memoryOf(taskId: string): TaskMemory | undefined {
    return this.#entries.get(taskId)?.loop.memory;
  }

  /** The full set: what this host has beyond it, it stops and forgets. */
  welcome({ tasks }: AgentWelcome): void {
    if (this.#leaving) return;
    this.#welcomed = true;
    const wanted = new Set(tasks.map((assigned) => assigned.task?.id));
    for (const assigned of tasks) this.#assign(assigned);
    for (const id of this.#entries.keys()) if (!wanted.has(id)) this.#forget(id);
    for (const [id, containers] of this.#orphans) {
      if (!wanted.has(id)) this.#cleaner.removeAll(containers);
    }
    this.#orphans.clear();
    for (const { loop } of this.#entries.values()) loop.touch();
  }

  changes({ tasks, removedTaskIds }: AgentChanges): void {
    if (this.#leaving) return;
    for (const assigned of tasks) this.#assign(assigned);
    for (const id of removedTaskIds) this.#forget(id);
  }

  /** Only says where to look. */
  onEvent({ labels }: RuntimeEvent): void {
    const taskId = labels[LABEL.task];
    if (taskId !== undefined) this.#entries.get(taskId)?.loop.touch(labels[LABEL.container]);
  }

  /** The engine's whole list: what events may have missed, and what nobody ordered. */
  onList(summaries: readonly ContainerSummary[]): void {
    const listed = new Map(summaries.map((summary) => [summary.id, summary]));
    for (const { loop } of this.#entries.values()) {
      for (const container of loop.memory.containers) {
        if (differs(container, listed)) loop.touch(container.name);
      }
    }
    if (this.#welcomed && !this.#leaving) {
      this.#cleaner.removeAll(summaries.filter((summary) => this.#isStray(summary)));
      this.#cleaner.stopAll(summaries.filter((summary) => this.#outlives(summary)));
      this.#tidy();
    }
  }

  /** Let go of everything; containers stay as they are. */
  async close(): Promise<void> {
    this.#leaving = true;
    this.#root.abort(new Error('the agent ends'));
    await Promise.allSettled([...this.#entries.values()].map(({ ended }) => ended));
    await Promise.allSettled([...this.#erasing]);
    await this.#cleaner.idle();
  }

  /** Stop all tasks at once and remove what they leave, within `graceMs`. Never throws. */
  async stopAll(graceMs: number, signal: AbortSignal): Promise<void> {
    const { clock, host } = this.#options.workshop;
    this.#leaving = true;
    const limit = childScope(signal);
    const deadline = clock.sleep(graceMs, limit.signal).catch(() => undefined);
    const seconds = Math.max(0, Math.floor((graceMs - REMOVAL_RESERVE_MS) / 1000));
    const reason = `Host (instance ${host.id}) stopped.`;
    for (const { loop } of this.#entries.values()) loop.hurry(seconds, 'TerminationNotice', reason);
    const ended = Promise.allSettled([...this.#entries.values()].map((entry) => entry.ended));
    await Promise.race([ended, deadline]);
    await Promise.race([this.#cleaner.removeHost(), deadline]);
    limit.abort();
    await deadline;
  }

  #assign(assigned: AssignedTask): void {
    const { workshop, logger } = this.#options;
    const { task, status } = assigned;
    if (!task) return;
    const known = this.#entries.get(task.id);
    if (known) {
      known.loop.order(task);
      this.#releasePorts(known);
      this.#reconcileReport(known, status);
      return;
    }
    const recalled = recalledMemory(assigned, workshop.clock.now());
    if (!recalled) {
      logger.error({ taskId: task.id }, 'a task was assigned without its definition');
      return;
    }
    const found = this.#orphans.get(task.id) ?? [];
    this.#orphans.delete(task.id);
    const memory = found.length > 0 ? adopted(assigned, recalled, found) : recalled;
    if (!portsAreFree(memory)) {
      for (const container of memory.containers) workshop.ports.hold(task.id, container.bindings);
    }
    this.#add(memory, found.length === 0);
  }

  /** The stored status is older or newer than what was last said: say it again so that it is taken. */
  #reconcileReport({ loop }: Entry, stored: TaskStatusRecord | undefined): void {
    const { reporter, workshop } = this.#options;
    const { id } = loop.memory.task;
    const newest = reporter.newest(id);
    const told = newest?.sequence ?? loop.memory.sequence;
    if (stored === undefined || stored.sequence < told) reporter.repeat(id);
    if (stored === undefined || stored.sequence <= told) return;
    if (loop.memory.stage !== 'STOPPED') loop.republish(stored.sequence);
    else if (stored.lastStatus !== 'STOPPED') {
      const sequence = stored.sequence + 1;
      const memory = { ...loop.memory, sequence };
      reporter.report(taskStatus(memory, workshop.host.id, 'WAITING'));
    }
  }

  #add(memory: TaskMemory, cleaned: boolean): void {
    const { workshop, state, reporter } = this.#options;
    const { id } = memory.task;
    const scope = childScope(this.#root.signal);
    const logger = this.#options.logger.child({ taskId: id });
    const loop = new TaskLoop({
      memory,
      workshop,
      logger,
      save: (newest) => state.saveTask(newest),
      report: (status) => {
        if (this.#entries.get(id)?.forgotten !== true) reporter.report(status);
      },
      mayStart: () => this.#welcomed && !this.#leaving,
    });
    if (memory.sequence > 0) reporter.report(taskStatus(memory, workshop.host.id, 'WAITING'));
    const ended = loop.run(scope.signal).catch((error: unknown) => {
      logger.error({ err: error }, 'the loop of a task broke');
      this.#options.onBroken(error);
    });
    const entry: Entry = { loop, scope, ended, forgotten: false, cleaned };
    this.#entries.set(id, entry);
    void ended.then(() => {
      this.#afterEnd(entry);
    });
  }

  /** Ports go back when nothing runs on them and no proxy may still send to them. */
  #releasePorts({ loop, forgotten }: Entry): void {
    const { memory } = loop;
    if (memory.stage === 'STOPPED' && (forgotten || portsAreFree(memory))) {
      this.#options.workshop.ports.release(memory.task.id);
    }
  }

  #afterEnd(entry: Entry): void {
    if (entry.loop.memory.stage === 'STOPPED') entry.cleaned = false;
    this.#releasePorts(entry);
    if (entry.forgotten) this.#erase(entry);
  }

  #forget(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry || entry.forgotten) return;
    entry.forgotten = true;
    this.#options.reporter.forget(id);
    if (entry.loop.memory.stage === 'STOPPED') this.#erase(entry);
    else
      entry.loop.stop('TerminationNotice', 'The control plane has no record of this task any more');
  }

  #erase(entry: Entry): void {
    if (entry.loop.memory.stage !== 'STOPPED') return; // the agent ends
    const work = this.#eraseAll(entry).finally(() => this.#erasing.delete(work));
    this.#erasing.add(work);
  }

  /** Nothing of the task stays, here or at the engine. Killed in between, the next welcome begins it again. */
  async #eraseAll(entry: Entry): Promise<void> {
    const { id } = entry.loop.memory.task;
    const { state, workshop, logger } = this.#options;
    await entry.ended;
    if (!(await this.#cleaner.removeTask(id))) return;
    workshop.ports.release(id);
    this.#entries.delete(id);
    try {
      await state.forgetTask(id);
    } catch (error) {
      logger.warn({ taskId: id, err: error }, 'the memory of a task could not be deleted');
    }
  }

  /** Stopped tasks' containers are kept for their logs, within bounds. */
  #tidy(): void {
    const now = this.#options.workshop.clock.now();
    const stopped = [...this.#entries.entries()].flatMap(([id, { loop, cleaned, forgotten }]) =>
      loop.memory.stage === 'STOPPED' && !cleaned && !forgotten
        ? [{ id, stoppedAt: loop.memory.stoppedAt ?? now }]
        : [],
    );
    for (const id of expendable(stopped, now)) {
      const entry = this.#entries.get(id);
      if (!entry) continue;
      entry.cleaned = true;
      void this.#cleaner.removeTask(id);
    }
  }

  /** Its start was said to have failed and had not, or its stop was given up. */
  #outlives({ labels, state }: ContainerSummary): boolean {
    const memory = this.memoryOf(labels[LABEL.task] ?? '');
    const container = memory?.containers.find(({ name }) => name === labels[LABEL.container]);
    return state === 'running' && container?.phase === 'STOPPED';
  }

  /** Ours by its labels, yet of no task that is known, or of a creation that another has replaced. */
  #isStray(summary: ContainerSummary): boolean {
    const entry = this.#entries.get(summary.labels[LABEL.task] ?? '');
    if (!entry) return true;
    const name = summary.labels[LABEL.container];
    const container = entry.loop.memory.containers.find((one) => one.name === name);
    if (!container) return true;
    const attempt = Number(summary.labels[LABEL.attempt] ?? '0');
    return (
      !container.uncertain &&
      container.runtimeId !== undefined &&
      container.runtimeId !== summary.id &&
      attempt < container.attempt
    );
  }
}

/** Of `graceMs`, what the removal of containers and the last reports get. */
const REMOVAL_RESERVE_MS = 3_000;

function portsAreFree(memory: TaskMemory): boolean {
  return memory.stage === 'STOPPED' && !memory.task.holdPorts;
}

/** Its containers are there although its memory is lost: they count, not what was stored about them. */
function adopted(
  assigned: AssignedTask,
  recalled: TaskMemory,
  found: readonly ContainerSummary[],
): TaskMemory {
  const fresh = recalledMemory({ ...assigned, status: undefined }, 0) ?? recalled;
  const { stage, sequence, pullStartedAt, pullStoppedAt, startedAt } = recalled;
  return adopt({ ...fresh, stage, sequence, pullStartedAt, pullStoppedAt, startedAt }, found);
}

function differs(
  container: ContainerMemory,
  listed: ReadonlyMap<string, ContainerSummary>,
): boolean {
  const { runtimeId, phase } = container;
  if (runtimeId === undefined || (phase !== 'CREATED' && phase !== 'RUNNING')) return false;
  const summary = listed.get(runtimeId);
  if (!summary) return true;
  if (summary.state !== (phase === 'RUNNING' ? 'running' : 'created')) return true;
  return summary.health !== container.health || summary.health === 'UNHEALTHY';
}

function groupByTask(found: readonly ContainerSummary[]): Map<string, ContainerSummary[]> {
  const byTask = new Map<string, ContainerSummary[]>();
  for (const summary of found) {
    const taskId = summary.labels[LABEL.task] ?? '';
    byTask.set(taskId, [...(byTask.get(taskId) ?? []), summary]);
  }
  return byTask;
}
