// What the stored records of a task say that it holds on its host.
import type { TaskRecord, TaskStatusRecord } from '../generated/messages.ts';
import type { Charge } from './ledger.ts';

/**
 * What a task holds now; undefined where it holds nothing any more. Capacity is released by fact, when
 * the task is reported STOPPED, not when someone asked it to stop; its host ports only when no proxy may still send to
 * them either. Pure.
 */
export function chargeOf(
  task: TaskRecord,
  status: TaskStatusRecord | undefined,
): Charge | undefined {
  const { hostId, group } = task;
  const ports = task.reserved?.ports ?? [];
  const portsUdp = task.reserved?.portsUdp ?? [];
  if (status?.lastStatus === 'STOPPED') {
    if (!task.holdPorts || ports.length + portsUdp.length === 0) return undefined;
    return { hostId, group, running: false, cpu: 0, memory: 0, ports, portsUdp };
  }
  return {
    hostId,
    group,
    running: task.desiredStatus === 'RUNNING',
    cpu: task.reserved?.cpu ?? 0,
    memory: task.reserved?.memory ?? 0,
    ports,
    portsUdp,
    gpuIds: task.reserved?.gpuIds ?? [],
  };
}

/** Do both hold the same on the same host? Pure. */
export function sameCharge(a: Charge, b: Charge): boolean {
  return (
    a.hostId === b.hostId &&
    a.group === b.group &&
    a.running === b.running &&
    a.cpu === b.cpu &&
    a.memory === b.memory &&
    sameList(a.ports, b.ports) &&
    sameList(a.portsUdp, b.portsUdp) &&
    sameList(a.gpuIds ?? [], b.gpuIds ?? [])
  );
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
