// Puts together, for each task, the one change of its record that a plan wants, and the targets' actions with
// the words for them. Pure.
import type { Action } from './actions.ts';
import { serviceEvent, stoppedReason, text } from './events.ts';
import { endedPatch, stopPatch, type TaskPatch } from './patch.ts';
import type { Stop } from './step.ts';
import type { TargetsPlan } from './targets.ts';
import { standingsOf } from './standing.ts';
import type { ServiceView, TaskView } from './view.ts';

export interface PatchesInput {
  readonly view: ServiceView;
  readonly stops: readonly Stop[];
  /** Ids of tasks that pass to `deploymentId`; none where it is absent. */
  readonly adopting: readonly string[];
  /** Whose doing the stops are; absent: of each task's own task set. */
  readonly deploymentId: string | undefined;
  readonly targets: TargetsPlan;
  readonly now: number;
}

/** By task id. */
export type Patches = ReadonlyMap<string, TaskPatch>;

export function patchesOf(input: PatchesInput): Patches {
  const { view, stops, adopting, deploymentId, targets, now } = input;
  const patches = new Map<string, TaskPatch>();
  const add = (id: string, patch: TaskPatch): void => {
    patches.set(id, { ...patches.get(id), ...patch });
  };
  for (const id of adopting) if (deploymentId !== undefined) add(id, { owner: deploymentId });
  for (const [id, open] of targets.release) add(id, open);
  for (const { of, sickness } of stops) {
    const reason = sickness
      ? stoppedReason.unhealthy(sickness)
      : stoppedReason.scaling(deploymentId ?? of.task.owner);
    add(of.task.id, stopPatch('ServiceSchedulerInitiated', reason, now));
  }
  for (const [index, standing] of standingsOf(view, now).entries()) {
    if (standing !== 'stopped' && standing !== 'lost') continue;
    const of = view.tasks[index] as TaskView;
    const { id, hostId, desiredStatus } = of.task;
    if (desiredStatus === 'STOPPED') continue;
    if (standing === 'stopped') add(id, endedPatch(of, now));
    else add(id, stopPatch('TerminationNotice', stoppedReason.hostLost(hostId), now));
  }
  return patches;
}

/** Each order to stop is told of, with why. */
export function patchActions(patches: Patches, service: string | undefined): Action[] {
  return [...patches].flatMap(([taskId, patch]): Action[] => {
    const change: Action = { kind: 'patchTask', taskId, patch };
    if (patch.desiredStatus === undefined) return [change];
    const message = `(task ${taskId}) stops: ${patch.stopCode ?? 'no code'}: ${patch.stoppedReason ?? 'no reason given'}`;
    return [
      change,
      { kind: 'addEvent', event: { kind: 'task', subject: taskId, service, message } },
    ];
  });
}

export function targetActions(targets: TargetsPlan): Action[] {
  return [
    ...[...targets.register, ...targets.drain].map((target): Action => ({
      kind: 'putTarget',
      target,
    })),
    ...targets.remove.map((target): Action => ({ kind: 'removeTarget', target })),
  ];
}

/** An event of the service itself, or, where one is given, of its task set. */
export function tell(view: Pick<ServiceView, 'name'>, message: string, taskSet?: string): Action {
  return {
    kind: 'addEvent',
    event: {
      kind: 'service',
      subject: view.name,
      service: view.name,
      message: serviceEvent(view.name, message, taskSet),
    },
  };
}

/** Messages of a service about its targets and stopped tasks. */
export function targetMessages({ register, drain }: TargetsPlan): string[] {
  const draining = new Set(drain.map(({ taskId }) => taskId)).size;
  return [
    ...byGroup(register).map(([group, count]) => text.registered(count, group)),
    ...(draining > 0 ? [text.draining(draining)] : []),
    ...byGroup(drain).map(([group, count]) => text.deregistered(count, group)),
  ];
}

export function stopMessages(stops: readonly Stop[]): string[] {
  const byZone = new Map<string, string[]>();
  for (const { of, rebalancedFrom: zone } of stops) {
    if (zone !== undefined) byZone.set(zone, [...(byZone.get(zone) ?? []), of.task.id]);
  }
  const others = stops.filter(({ rebalancedFrom }) => rebalancedFrom === undefined);
  const running = others.filter((stop) => stop.running).map(({ of }) => of.task.id);
  const pending = others.length - running.length;
  return [
    ...[...byZone].map(([zone, ids]) => text.stoppedInZone(ids, zone)),
    ...(running.length > 0 ? [text.stoppedRunning(running)] : []),
    ...(pending > 0 ? [text.stoppedPending(pending)] : []),
  ];
}

function byGroup(targets: readonly { readonly group: string }[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { group } of targets) counts.set(group, (counts.get(group) ?? 0) + 1);
  return [...counts];
}
