// Checks a request for tasks and prepares it for the planner.
import { BerthError } from '@berth/model/errors.ts';
import type { PlacementConstraint, PlaceRequest } from '@berth/model/generated/messages.ts';
import { shareOut } from '@berth/model/placement/provider-shares.ts';
import { placementSpec } from '@berth/model/placement/spec.ts';
import type { PlacementSpec } from '@berth/model/placement/spec.ts';
import { providerExpression } from '@berth/model/resources/capacity-provider.ts';
import { parseDefinitionName } from '@berth/model/resources/task-definition.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

export const MAX_COUNT = 1000;

/** @throws BerthError InvalidParameterException that names the field, what was found and what was expected */
export function checkRequest(request: PlaceRequest): void {
  const { count, viewRevision } = request;
  for (const field of ['cluster', 'owner', 'group'] as const) {
    const value = request[field];
    if (value === '' || value.length > 255) {
      throw invalid(field, `${value.length} characters`, '1 to 255 characters');
    }
  }
  if (request.cluster.includes('/'))
    throw invalid('cluster', request.cluster, 'a name without "/"');
  if (count < 1 || count > MAX_COUNT) throw invalid('count', String(count), `1 to ${MAX_COUNT}`);
  if (viewRevision < 0) throw invalid('viewRevision', String(viewRevision), 'an etcd revision');
}

function invalid(field: string, found: string, expected: string): BerthError {
  return new BerthError(
    'InvalidParameterException',
    `The request for placement has a bad ${field}: found ${found}, expected ${expected}.`,
  );
}

/** One part of a request: all of its tasks that go to the hosts of one provider. */
export interface Part {
  readonly request: PlaceRequest;
  readonly spec: PlacementSpec;
  readonly provider: string | undefined;
}

/**
 * The request in as many parts as providers share its tasks; hosts that are named are the share already.
 * @throws BerthError as `specOf` does; InvalidParameterException for a strategy that gives nobody a share
 */
export function partsOf(request: PlaceRequest, state: State): Part[] {
  const { capacityProviderStrategy: strategy, count, hostIds } = request;
  if (strategy.length === 0 || hostIds.length > 0) {
    return [{ request, spec: specOf(request, state), provider: undefined }];
  }
  const shares = shareOut(strategy, runningByProvider(request, state), count);
  if (shares.length === 0) {
    throw invalid('capacityProviderStrategy', 'no weight above 0', 'at least one');
  }
  return shares.map(({ provider, count: own }) => ({
    request: { ...request, count: own },
    spec: specOf(request, state, provider),
    provider,
  }));
}

/** Of the request's service; other tasks of a call are none of its concern. */
function runningByProvider(
  { cluster, service }: PlaceRequest,
  state: State,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  if (service === undefined) return counts;
  for (const { value } of state.tasksByService(cluster, service)) {
    const { capacityProviderName: name, desiredStatus } = value;
    const status = state.get(collections.taskStatus, cluster, value.id)?.value.lastStatus;
    if (name === undefined || desiredStatus !== 'RUNNING' || status === 'STOPPED') continue;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function constraintsOf(provider: string | undefined): PlacementConstraint[] {
  const expression = provider === undefined ? undefined : providerExpression(provider);
  return expression === undefined ? [] : [{ type: 'memberOf', expression }];
}

/**
 * What the request asks of hosts, by the task definition that it names.
 * @param provider whose hosts
 * @throws BerthError ClientException when there is no such task definition; InvalidParameterException for a
 * placement rule that can't be read
 */
export function specOf(request: PlaceRequest, state: State, provider?: string): PlacementSpec {
  const { family, revision } = parseDefinitionName(request.taskDefinition) ?? {};
  const definition =
    family !== undefined && revision !== undefined
      ? state.get(collections.taskDefinitions, family, String(revision))
      : undefined;
  if (!definition) {
    throw new BerthError('ClientException', 'TaskDefinition not found.', {
      details: { taskDefinition: request.taskDefinition },
    });
  }
  return placementSpec({
    definition: definition.value,
    overrides: request.overrides,
    group: request.group,
    ofService: request.service !== undefined,
    placementConstraints: [...request.placementConstraints, ...constraintsOf(provider)],
    placementStrategy: request.placementStrategy,
    hostIds: request.hostIds,
  });
}
