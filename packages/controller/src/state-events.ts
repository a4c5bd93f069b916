// Keeps a record of what became of tasks and hosts: that a task runs, is to stop or has stopped and why, that a host came, went or
// drains. Told when it happens; of what happened while nobody led, the newest state of each task is told when the next term begins.
import { Latch } from '@berth/control/latch.ts';
import type { PlannedEvent } from '@berth/model/deployment/actions.ts';
import type { EventShape } from '@berth/model/events/shapes.ts';
import type { HostRecord, TaskRecord, TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change, State } from '@berth/store/state.ts';
import type { Put } from '@berth/store/store.ts';

import type { TermContext } from './context.ts';
import { hostShape, taskShape } from './event-facts.ts';
import { inTurns, picked } from './turns.ts';
import { eventPut, packed } from './writes.ts';

const MOST_WAITING = 2_000;
const AT_ONCE = 100;
const RETRY_MS = 1_000;
/** What happened longer ago, before the term, is not told any more. */
const MISSED_MS = 10 * 60_000;

export class StateEvents {
  readonly #context: TermContext;
  readonly #waiting: Put[] = [];
  readonly #news = new Latch();
  /** Until what was missed has been told: the states of tasks that were seen to come. */
  #noted: Set<string> | undefined = new Set();

  constructor(context: TermContext) {
    this.#context = context;
  }

  /** @param state as it is after the change */
  note(change: Change, state: State): void {
    if (this.#noted && change.collection === 'taskStatus' && change.after) {
      this.#noted.add(statusKey(change.after.value as TaskStatusRecord));
    }
    for (const happening of happenings(change, state)) this.#tell(happening, state);
  }

  /** What became of tasks while nobody led, as far as no event says so. Changes are noted meanwhile. */
  async #noteMissed(signal: AbortSignal): Promise<void> {
    const { cache, clock } = this.#context;
    const pass = missed(cache, { noted: this.#noted, now: clock.now() });
    for (const happening of await inTurns(pass, clock, signal)) this.#tell(happening, cache);
  }

  #tell({ cluster, event, task, host }: Happening, state: State): void {
    const { nextEventId, realm, clock, metrics, eventBudget } = this.#context;
    if (task && !eventBudget.allows(cluster)) return;
    if (this.#waiting.length >= MOST_WAITING) {
      metrics.eventDropped();
      return;
    }
    const around = { realm, now: clock.now() };
    let shape: EventShape | undefined;
    if (task) shape = taskShape(state, task, around);
    else if (host) shape = hostShape(state, host, around);
    this.#waiting.push(eventPut(cluster, event, { nextEventId, ...around }, shape));
    this.#news.set();
  }

  /** Write them until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, store, leadership } = this.#context;
    try {
      await this.#noteMissed(signal);
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error }, 'what tasks did before can not be told');
    } finally {
      this.#noted = undefined;
    }
    while (!signal.aborted) {
      try {
        await this.#news.take(signal);
        while (this.#waiting.length > 0) {
          const puts = this.#waiting.slice(0, AT_ONCE);
          const writes = puts.map((put) => ({ puts: [put] }));
          for (const one of packed(writes, [leadership.guard])) await store.commit(one, signal);
          this.#waiting.splice(0, puts.length);
        }
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ err: error, waiting: this.#waiting.length }, 'events wait to be written');
        await clock.sleep(RETRY_MS, signal).catch(() => undefined);
        this.#news.set();
      }
    }
  }
}

interface Happening {
  readonly cluster: string;
  readonly event: PlannedEvent;
  readonly task?: TaskRecord;
  readonly host?: HostRecord;
}

/** What a change means to people; nothing for most. */
export function happenings(change: Change, state: State): Happening[] {
  const [first = '', second = ''] = change.parts;
  switch (change.collection) {
    case 'taskStatus':
      return ofStatus(change, state);
    case 'tasks':
      return ofTask(change);
    case 'hosts':
      return ofHost(change);
    case 'sessions': {
      // Both: a new connection took the place of the old one.
      if (first !== 'host' || (change.before && change.after)) return [];
      const what = change.after ? 'is connected' : 'is disconnected';
      return Array.from(state.hostsById(second), ({ value }) => hostHappening(value, what));
    }
    default:
      return [];
  }
}

function ofStatus(change: Change, state: State): Happening[] {
  const before = change.before?.value as TaskStatusRecord | undefined;
  const after = change.after?.value as TaskStatusRecord | undefined;
  if (!after || before?.lastStatus === after.lastStatus) return [];
  const task = state.get(collections.tasks, after.cluster, after.id)?.value;
  const message = task && transition(task, after);
  return message === undefined ? [] : [taskHappening(task as TaskRecord, message)];
}

/** Tasks of services are told of when they are placed, with why. */
function ofTask({ before, after }: Change): Happening[] {
  const task = after?.value as TaskRecord | undefined;
  if (!task) return [];
  if (!before) {
    if (task.service !== undefined) return [];
    const where = `was placed on (container-instance ${task.hostId})`;
    return [taskHappening(task, `(task ${task.id}) of ${task.taskDefinition} ${where}`)];
  }
  const asked = (before.value as TaskRecord).desiredStatus;
  if (asked === task.desiredStatus || task.desiredStatus !== 'STOPPED') return [];
  const why = task.stoppedReason === undefined ? '' : `: ${task.stoppedReason}`;
  return [taskHappening(task, `(task ${task.id}) is to stop${why}`)];
}

function ofHost({ before, after }: Change): Happening[] {
  const was = before?.value as HostRecord | undefined;
  const is = after?.value as HostRecord | undefined;
  if (!is) return was ? [hostHappening(was, 'is deregistered')] : [];
  if (!was) return [hostHappening(is, 'is registered')];
  if (was.status !== is.status) return [hostHappening(is, `is ${is.status}`)];
  if (was.agentVersion === is.agentVersion) return [];
  return [hostHappening(is, `has agent ${is.agentVersion}`)];
}

function taskHappening(task: TaskRecord, message: string): Happening {
  const { cluster, id, service } = task;
  return { cluster, event: { kind: 'task', subject: id, service, message }, task };
}

function hostHappening(host: HostRecord, what: string): Happening {
  const { id, cluster, name } = host;
  const message = `(container-instance ${id}) (${name}) ${what}`;
  return { cluster, event: { kind: 'host', subject: id, message }, host };
}

interface Known {
  /** By `statusKey`. */
  readonly noted: ReadonlySet<string> | undefined;
  readonly now: number;
}

/**
 * Tasks that came to run or stopped a short time ago, and neither an event says so nor was it noted; of more than can be told,
 * some. Undefined where others may have their turn.
 */
function* missed(
  state: State,
  { noted, now }: Known,
): Generator<Happening | undefined, void, undefined> {
  const told = new Set<string>();
  for (const { value } of state.list(collections.events)) {
    if (value.kind === 'task') told.add(`${value.subject} ${statusTold(value.message)}`);
  }
  let left = MOST_WAITING;
  const statuses = yield* picked(state.list(collections.taskStatus), ({ value }) => {
    const { lastStatus, startedAt = 0, stoppedAt = 0 } = value;
    if (left === 0 || now - Math.max(startedAt, stoppedAt) > MISSED_MS) return false;
    if (lastStatus !== 'RUNNING' && lastStatus !== 'STOPPED') return false;
    const key = statusKey(value);
    if (told.has(key) || noted?.has(key) === true) return false;
    left -= 1;
    return true;
  });
  for (const { value: status } of statuses) {
    const task = state.get(collections.tasks, status.cluster, status.id)?.value;
    const message = task && transition(task, status);
    if (message !== undefined) yield taskHappening(task as TaskRecord, message);
  }
}

function statusKey({ id, lastStatus }: TaskStatusRecord): string {
  return `${id} ${lastStatus}`;
}

function statusTold(message: string): string {
  return /\) (?:is (RUNNING) on|has (STOPPED))/.exec(message)?.slice(1).join('') ?? '';
}

/** What a change of status means to people; undefined for those of passing interest. */
export function transition(task: TaskRecord, status: TaskStatusRecord): string | undefined {
  if (status.lastStatus === 'RUNNING') {
    return `(task ${task.id}) is RUNNING on (container-instance ${task.hostId})`;
  }
  if (status.lastStatus !== 'STOPPED') return undefined;
  const code = task.stopCode ?? status.stopCode;
  const reason = task.stoppedReason ?? status.stoppedReason;
  const containers = status.containers
    .filter(({ exitCode, reason: why }) => exitCode !== undefined || why !== undefined)
    .map(({ name, exitCode, reason: why }) => {
      const exited = exitCode === undefined ? '' : ` exited with code ${exitCode}`;
      return `(container ${name})${exited}${why === undefined ? '' : ` ${why}`}`;
    });
  const why = [code, reason, ...containers].filter((each) => each !== undefined);
  return `(task ${task.id}) has STOPPED${why.length > 0 ? `: ${why.join('; ')}` : ''}`;
}
