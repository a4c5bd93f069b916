// What the scheduler is asked for when a deployment starts tasks; the same for the controller that asks in earnest,
// and for whoever explains or predicts. Pure.
import type {
  DeploymentRecord,
  PlacementConstraint,
  PlaceRequest,
  ServiceRecord,
  TaskDefinitionRecord,
} from '../generated/messages.ts';
import { taskTags } from '../resources/task-tags.ts';
import { ZONE } from './rebalancing.ts';
import type { Start } from './step.ts';

/** The most that the scheduler takes at once. */
const MOST_TASKS = 1000;

export interface PlaceRequestInput {
  readonly cluster: string;
  readonly name: string;
  /** Absent: the record was deleted. */
  readonly service: ServiceRecord | undefined;
  readonly deployments: readonly DeploymentRecord[];
  /** The one that the start names. */
  readonly definition: TaskDefinitionRecord | undefined;
  readonly start: Pick<Start, 'deploymentId' | 'taskDefinition' | 'count' | 'hostIds' | 'zone'>;
  /** Of the view that the start was decided on. */
  readonly revision: number;
}

export function placeRequest(input: PlaceRequestInput): PlaceRequest {
  const { cluster, name, service, start, revision } = input;
  const launch = service?.launch;
  return {
    cluster,
    taskDefinition: start.taskDefinition,
    count: Math.min(start.count, MOST_TASKS),
    owner: start.deploymentId,
    viewRevision: revision,
    group: `service:${name}`,
    startedBy: start.deploymentId,
    service: name,
    placementConstraints: [...(service?.placementConstraints ?? []), ...inZone(start.zone)],
    placementStrategy: service?.placementStrategy ?? [],
    tags: taskTags({
      cluster,
      service: name,
      propagate: launch?.propagateTags,
      definition: input.definition?.tags,
      ofService: service?.tags,
      managed: launch?.enableECSManagedTags,
    }),
    loadBalanced: isBalanced(input),
    hostIds: (start.hostIds ?? []).slice(0, MOST_TASKS),
    launchType: launch?.launchType,
    capacityProviderStrategy: launch?.capacityProviderStrategy ?? [],
    enableExecuteCommand: launch?.enableExecuteCommand,
    platformVersion: launch?.platformVersion,
  };
}

function inZone(zone: string | undefined): PlacementConstraint[] {
  return zone === undefined
    ? []
    : [{ type: 'memberOf', expression: `attribute:${ZONE} == ${JSON.stringify(zone)}` }];
}

function isBalanced({ service, deployments, start }: PlaceRequestInput): boolean {
  const deployment = deployments.find(({ id }) => id === start.deploymentId);
  return (deployment?.loadBalancers ?? service?.loadBalancers ?? []).length > 0;
}
