// What the scheduler's answer to a start means for the service: who is told, and what counts against the
// deployment. Pure. Source: ECS reference, sections 6.6 and 6.11.
import type {
  DeploymentRecord,
  ServiceDeploymentsRecord,
  UnplacedTask,
} from '../generated/messages.ts';
import type { PlannedEvent } from './actions.ts';
import { announce } from './announcements.ts';
import { PLACEMENT } from './concerns.ts';
import { serviceEvent, text } from './events.ts';
import type { Start } from './step.ts';

export interface Placement {
  readonly start: Start;
  /** The tasks that were placed. */
  readonly taskIds: readonly string[];
  readonly unplaced: readonly UnplacedTask[];
  /** The scheduler refused the request as a whole, with these words. */
  readonly problem?: string | undefined;
  /** Some task of the deployment was pending or running when the start was planned. */
  readonly underWay: boolean;
  /** It was tried because its time had come, not because capacity changed: only then a refusal counts. */
  readonly due: boolean;
}

export interface PlacementNews {
  readonly record: ServiceDeploymentsRecord;
  readonly events: readonly PlannedEvent[];
}

/** @param record as it is stored now */
export function afterPlacement(
  record: ServiceDeploymentsRecord,
  placement: Placement,
  now: number,
): PlacementNews {
  const { start, taskIds, unplaced, problem } = placement;
  const messages: string[] = [];
  if (taskIds.length > 0) {
    messages.push(
      start.zone === undefined
        ? text.started(taskIds, Math.min(start.replacing, taskIds.length))
        : text.startedInZone(taskIds, start.zone),
    );
  }
  const concerns = unplaced.map((each) => ({
    key: PLACEMENT + (each.closestReason ?? 'none'),
    message: start.zone === undefined ? text.unplaced(each) : text.unplacedInZone(start.zone),
  }));
  if (problem !== undefined) {
    concerns.push({ key: `${PLACEMENT}refused`, message: text.refused(problem) });
  }
  const said = announce(
    record.announced,
    concerns,
    (key) => key.startsWith(PLACEMENT) && taskIds.length > 0,
    now,
  );
  const taskSet = record.taskSets.find(({ id }) => id === start.deploymentId)?.id;
  const told = [
    ...messages.map((message) => serviceEvent(record.service, message, taskSet)),
    ...said.messages.map((message) => serviceEvent(record.service, message)),
  ];
  return {
    record: {
      ...record,
      announced: said.announced,
      deployments: record.deployments.map((deployment) =>
        deployment.id === start.deploymentId && refusalCounts(deployment, placement)
          ? { ...deployment, failedTasks: deployment.failedTasks + 1 }
          : deployment,
      ),
    },
    events: told.map((message) => ({
      kind: 'service',
      subject: record.service,
      service: record.service,
      message,
    })),
  };
}

/** A refusal counts once, not once a task, and only while the deployment has nothing to hope for. */
function refusalCounts(deployment: DeploymentRecord, placement: Placement): boolean {
  return (
    placement.taskIds.length === 0 &&
    !placement.underWay &&
    placement.due &&
    deployment.rolloutState === 'IN_PROGRESS' &&
    !deployment.reachedRunning
  );
}
