// The record of a task that has just been placed. Pure.
import type { PlaceRequest, TaskRecord } from '../generated/messages.ts';
import type { Assignment } from './plan.ts';
import type { PlacementSpec } from './spec.ts';

export interface TaskMaker {
  readonly request: PlaceRequest;
  readonly spec: PlacementSpec;
  /** The capacity provider of all these tasks; absent: that of their host, where the request has a strategy. */
  readonly provider?: string | undefined;
  readonly epoch: number;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** @param hostProvider the capacity provider that the host belongs to */
export function taskRecord(
  { request, spec, provider, epoch, now }: TaskMaker,
  { taskId, hostId, gpuIds }: Assignment,
  hostProvider?: string,
): TaskRecord {
  const { cpu, memory, ports, portsUdp } = spec.requirements;
  return {
    id: taskId,
    cluster: request.cluster,
    hostId,
    taskDefinition: request.taskDefinition,
    group: request.group,
    startedBy: request.startedBy,
    owner: request.owner,
    service: request.service,
    desiredStatus: 'RUNNING',
    createdAt: now,
    epoch,
    overrides: request.overrides,
    reserved: { cpu, memory, ports, portsUdp, gpuIds },
    tags: request.tags,
    holdPorts: request.loadBalanced,
    drainBeforeStop: request.loadBalanced,
    launchType: request.launchType,
    capacityProviderName:
      request.capacityProviderStrategy.length > 0 ? (provider ?? hostProvider) : undefined,
    enableExecuteCommand: request.enableExecuteCommand,
    platformVersion: request.platformVersion,
  };
}
