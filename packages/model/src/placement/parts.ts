// Prepares a request for the planner: one part for each capacity provider that shares its tasks, and the seed
// that decides between hosts that are equally good. Pure.
import { BerthError } from '../errors.ts';
import type {
  PlacementConstraint,
  PlaceRequest,
  TaskDefinitionRecord,
  TaskRecord,
  TaskStatusRecord,
} from '../generated/messages.ts';
import { providerExpression } from '../resources/capacity-provider.ts';
import { hashText } from './hash.ts';
import { shareOut } from './provider-shares.ts';
import { placementSpec } from './spec.ts';
import type { PlacementSpec } from './spec.ts';

/** One part of a request: all of its tasks that go to the hosts of one provider. */
export interface Part {
  readonly request: PlaceRequest;
  readonly spec: PlacementSpec;
  readonly provider: string | undefined;
}

/** What a request has to be looked at beside. */
export interface PartSources {
  /** The definition that the request names; absent: there is none. */
  readonly definition: TaskDefinitionRecord | undefined;
  /** Tasks of the request's service, stopped ones too; none for a request of no service. */
  readonly tasks: Iterable<{
    readonly task: TaskRecord;
    readonly status?: TaskStatusRecord | undefined;
  }>;
}

/**
 * The request in as many parts as providers share its tasks; hosts that are named are the share already.
 * @throws BerthError as `specOf` does; InvalidParameterException for a strategy that gives nobody a share
 */
export function partsOf(request: PlaceRequest, sources: PartSources): Part[] {
  const { capacityProviderStrategy: strategy, count, hostIds } = request;
  const { definition } = sources;
  if (strategy.length === 0 || hostIds.length > 0) {
    return [{ request, spec: specOf(request, definition), provider: undefined }];
  }
  const shares = shareOut(strategy, runningByProvider(sources), count);
  if (shares.length === 0) {
    throw new BerthError(
      'InvalidParameterException',
      'The request for placement has a bad capacityProviderStrategy: found no weight above 0, expected at least one.',
    );
  }
  return shares.map(({ provider, count: own }) => {
    const placementConstraints = [...request.placementConstraints, ...constraintsOf(provider)];
    const part = { ...request, count: own, placementConstraints };
    return { request: part, spec: specOf(part, definition), provider };
  });
}

/** Of the request's service; other tasks of a call are none of its concern. */
function runningByProvider({ tasks }: PartSources): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { task, status } of tasks) {
    const { capacityProviderName: name, desiredStatus } = task;
    if (name === undefined || desiredStatus !== 'RUNNING' || status?.lastStatus === 'STOPPED')
      continue;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function constraintsOf(provider: string): PlacementConstraint[] {
  const expression = providerExpression(provider);
  return expression === undefined ? [] : [{ type: 'memberOf', expression }];
}

/** What of a request says which hosts it may have. */
export type Wanted = Pick<
  PlaceRequest,
  | 'taskDefinition'
  | 'overrides'
  | 'group'
  | 'service'
  | 'placementConstraints'
  | 'placementStrategy'
  | 'hostIds'
>;

/**
 * What the request asks of hosts.
 * @param definition the one that it names
 * @throws BerthError ClientException when there is no such task definition; InvalidParameterException for a
 * placement rule that can't be read
 */
export function specOf(
  request: Wanted,
  definition: TaskDefinitionRecord | undefined,
): PlacementSpec {
  if (!definition) {
    throw new BerthError('ClientException', 'TaskDefinition not found.', {
      details: { taskDefinition: request.taskDefinition },
    });
  }
  return placementSpec({
    definition,
    overrides: request.overrides,
    group: request.group,
    ofService: request.service !== undefined,
    placementConstraints: request.placementConstraints,
    placementStrategy: request.placementStrategy,
    hostIds: request.hostIds,
  });
}

/**
 * The seed of a part: a function of what is asked and of what was there, so that a prediction draws the lots that the
 * scheduler will draw. It differs from call to call: a task that failed is not tried on the same of many equal hosts for ever.
 * @param before how many tasks the owner had when it asked, stopped ones included
 */
export function seedOf({ request, provider }: Part, before: number): number {
  const { cluster, service, group, taskDefinition, owner } = request;
  const whose = service === undefined ? owner : `${group}/${taskDefinition}`;
  return hashText(JSON.stringify([cluster, whose, provider ?? '', before]));
}
