// Keeps a record of what became of tasks and hosts: that a task runs, why it stopped, that a host came, went or
// drains. Told once, when it happens; what happens while nobody leads is in the records themselves.
import { Latch } from '@berth/control/latch.ts';
import type { PlannedEvent } from '@berth/model/deployment/actions.ts';
import type { HostRecord, TaskRecord, TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change, State } from '@berth/store/state.ts';
import type { Put } from '@berth/store/store.ts';

import type { TermContext } from './context.ts';
import { eventPut, packed } from './writes.ts';

const MOST_WAITING = 2_000;
const AT_ONCE = 100;
const RETRY_MS = 1_000;

export class StateEvents {
  readonly #context: TermContext;
  readonly #waiting: Put[] = [];
  readonly #news = new Latch();

  constructor(context: TermContext) {
    this.#context = context;
  }

  /** @param state as it is after the change */
  note(change: Change, state: State): void {
    const { nextEventId, clock, metrics } = this.#context;
    for (const { cluster, event } of happenings(change, state)) {
      if (this.#waiting.length >= MOST_WAITING) metrics.eventDropped();
      else this.#waiting.push(eventPut(cluster, event, { nextEventId, now: clock.now() }));
    }
    if (this.#waiting.length > 0) this.#news.set();
  }

  /** Write them until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, store, leadership } = this.#context;
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
}

/** What a change means to people; nothing for most. */
export function happenings(change: Change, state: State): Happening[] {
  const [first = '', second = ''] = change.parts;
  if (change.collection === 'taskStatus') return ofTask(change, state);
  if (change.collection === 'sessions' && first === 'host') {
    if (change.before && change.after) return []; // a new connection took the place of the old one
    const what = change.after ? 'is connected' : 'is disconnected';
    return Array.from(state.list(collections.hosts), ({ value }) => value)
      .filter(({ id }) => id === second)
      .map((host) => ofHost(host, what));
  }
  if (change.collection === 'hosts' && change.before && change.after) {
    const before = change.before.value as HostRecord;
    const after = change.after.value as HostRecord;
    return before.status === after.status ? [] : [ofHost(after, `is ${after.status}`)];
  }
  return [];
}

function ofTask(change: Change, state: State): Happening[] {
  const before = change.before?.value as TaskStatusRecord | undefined;
  const after = change.after?.value as TaskStatusRecord | undefined;
  if (!after || before?.lastStatus === after.lastStatus) return [];
  const task = state.get(collections.tasks, after.cluster, after.id)?.value;
  const message = task && transition(task, after);
  if (message === undefined) return [];
  const event = { kind: 'task', subject: after.id, service: task?.service, message } as const;
  return [{ cluster: after.cluster, event }];
}

function ofHost({ id, cluster, name }: HostRecord, what: string): Happening {
  const message = `(container-instance ${id}) (${name}) ${what}`;
  return { cluster, event: { kind: 'host', subject: id, message } };
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
