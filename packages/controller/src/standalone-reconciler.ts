// One task that belongs to no service: its record follows what happens to it.
import type { Verdict } from '@berth/control/reconciler.ts';
import { planStandalone } from '@berth/model/deployment/standalone.ts';
import type { TaskRecord, TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { commitAll, type TermContext } from './context.ts';
import { readHosts, readTask } from './read-view.ts';
import { actionWrite, packed } from './writes.ts';

/** Keys of tasks outside of services for which something may have to be done. */
export function* standaloneKeys(state: State): Generator<string, void, undefined> {
  for (const { value: task } of state.list(collections.tasks)) {
    if (task.service !== undefined) continue;
    const status = state.get(collections.taskStatus, task.cluster, task.id)?.value;
    if (!isSettled(task, status)) yield `${task.cluster}/${task.id}`;
  }
}

function isSettled(task: TaskRecord, status: TaskStatusRecord | undefined): boolean {
  return (
    task.desiredStatus === 'STOPPED' &&
    status?.lastStatus === 'STOPPED' &&
    !task.drainBeforeStop &&
    !task.holdPorts
  );
}

/** @throws BerthError Unavailable and others: try again later */
export async function reconcileStandalone(
  key: string,
  context: TermContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { cache, clock, observations, hostLostAfterMs, leadership, nextEventId, realm } = context;
  const [cluster = '', id = ''] = key.split('/');
  const stored = cache.get(collections.tasks, cluster, id);
  if (!stored || stored.value.service !== undefined) return {};
  const now = clock.now();
  const around = {
    hosts: readHosts(cache, cluster, [stored.value.hostId], context),
    proxies: observations.proxies(cache),
    groups: new Map(),
    hostLostAfterMs,
  };
  const plan = planStandalone(readTask(cache, stored, observations), around, now);
  const writes = plan.actions.map((action) =>
    actionWrite(cache, cluster, action, { guard: leadership.guard, nextEventId, realm, now }),
  );
  // A refusal means that the record changed: its change has put the key into the queue again.
  await commitAll(context, packed(writes, [leadership.guard]), signal);
  return { wakeAt: plan.wakeAt };
}
