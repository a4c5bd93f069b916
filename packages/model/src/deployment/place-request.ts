// What the scheduler is asked for when a deployment starts tasks; the same for the controller that asks in earnest,
// and for whoever explains or predicts. Pure.
import type {
  DeploymentRecord,
  PlacementConstraint,
  PlaceRequest,
  ServiceRecord,
  TaskDefinitionRecord,
  TaskSetRecord,
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
  /** The one that the start is for; absent: it is for a deployment. */
  readonly taskSet?: TaskSetRecord | undefined;
  /** The one that the start names. */
  readonly definition: TaskDefinitionRecord | undefined;
  readonly start: Pick<Start, 'deploymentId' | 'taskDefinition' | 'count' | 'hostIds' | 'zone'>;
  /** Of the view that the start was decided on. */
  readonly revision: number;
}

export function placeRequest(input: PlaceRequestInput): PlaceRequest {
  const { cluster, name, service, taskSet, start, revision } = input;
  // What is said of tags stands with the service, how to launch with the set.
  const { enableECSManagedTags, propagateTags } = service?.launch ?? {};
  const launch = taskSet
    ? {
        ...taskSet.launch,
        capacityProviderStrategy: taskSet.launch?.capacityProviderStrategy ?? [],
      }
    : service?.launch;
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
      propagate: propagateTags,
      definition: input.definition?.tags,
      ofService: service?.tags,
      managed: enableECSManagedTags,
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

function isBalanced({ service, taskSet, deployments, start }: PlaceRequestInput): boolean {
  if (taskSet) return taskSet.loadBalancers.length > 0;
  const deployment = deployments.find(({ id }) => id === start.deploymentId);
  return (deployment?.loadBalancers ?? service?.loadBalancers ?? []).length > 0;
}
