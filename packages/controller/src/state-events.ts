// Tells in the event stream what happens to tasks and hosts: state changes that nobody planned a message for. They are
// history, not state: when etcd is slow they wait, and beyond a limit they are dropped and counted.
import { Channel } from '@berth/control/channel.ts';
import type { PlannedEvent } from '@berth/model/deployment/actions.ts';
import type { HostRecord, TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change, State } from '@berth/store/state.ts';

import type { TermContext } from './context.ts';
import { eventPut, packed } from './writes.ts';

const MOST_WAITING = 10_000;
const MOST_AT_ONCE = 100;

interface StateEvent {
  readonly cluster: string;
  readonly event: PlannedEvent;
}

/** Follow the state until the term ends. Never throws. */
export async function tellStateEvents(context: TermContext, signal: AbortSignal): Promise<void> {
  const { cache, logger, metrics } = context;
  const waiting = new Channel<StateEvent>(MOST_WAITING);
  const unsubscribe = cache.subscribe(({ changes }) => {
    for (const event of changes.flatMap((change) => eventsOf(change, cache))) {
      if (!waiting.offer(event)) metrics.eventDropped();
    }
  });
  const close = (): void => waiting.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    const batch: StateEvent[] = [];
    for await (const event of waiting) {
      batch.push(event);
      if (waiting.size > 0 && batch.length < MOST_AT_ONCE) continue;
      await write(context, batch.splice(0), signal).catch((error: unknown) => {
        if (!signal.aborted) logger.warn({ err: error }, 'events of state changes were lost');
      });
      if (signal.aborted) return;
    }
  } finally {
    signal.removeEventListener('abort', close);
    unsubscribe();
  }
}

async function write(
  { store, leadership, nextEventId, clock }: TermContext,
  events: readonly StateEvent[],
  signal: AbortSignal,
): Promise<void> {
  const now = clock.now();
  const writes = events.map(({ cluster, event }) => ({
    puts: [eventPut(cluster, event, { nextEventId, now })],
  }));
  for (const transaction of packed(writes, [leadership.guard])) {
    await store.commit(transaction, signal);
  }
}

function eventsOf(change: Change, state: State): StateEvent[] {
  const [first = '', second = ''] = change.parts;
  if (change.collection === 'taskStatus' && change.after) {
    const before = change.before?.value as TaskStatusRecord | undefined;
    return taskEvents(state, before, change.after.value as TaskStatusRecord);
  }
  if (change.collection === 'sessions' && first === 'host') {
    if (change.before && change.after) return [];
    const what = change.after ? 'is connected' : 'is disconnected';
    return hostEvents(state, second, what);
  }
  if (change.collection === 'hosts' && change.before && change.after) {
    const { status } = change.before.value as HostRecord;
    const now = change.after.value as HostRecord;
    return status === now.status ? [] : hostEvents(state, now.id, `is ${now.status}`);
  }
  return [];
}

function taskEvents(
  state: State,
  before: TaskStatusRecord | undefined,
  { id, cluster, lastStatus, stoppedReason, containers }: TaskStatusRecord,
): StateEvent[] {
  const settled = lastStatus === 'RUNNING' || lastStatus === 'STOPPED';
  if (!settled || before?.lastStatus === lastStatus) return [];
  const service = state.get(collections.tasks, cluster, id)?.value.service;
  const exits = containers.flatMap(({ name, exitCode, reason }) =>
    exitCode === undefined && reason === undefined
      ? []
      : [
          `${name}: ${[exitCode === undefined ? '' : `exit code ${exitCode}`, reason ?? ''].filter(Boolean).join(', ')}`,
        ],
  );
  const why = lastStatus === 'STOPPED' ? [stoppedReason, ...exits].filter(Boolean).join('; ') : '';
  const message = `(task ${id}) is ${lastStatus}${why ? `: ${why}` : ''}`;
  return [{ cluster, event: { kind: 'task', subject: id, service, message } }];
}

function hostEvents(state: State, id: string, what: string): StateEvent[] {
  for (const { value } of state.list(collections.hosts)) {
    if (value.id !== id) continue;
    const message = `(container-instance ${id}) (host ${value.name}) ${what}`;
    return [{ cluster: value.cluster, event: { kind: 'host', subject: id, message } }];
  }
  return [];
}
