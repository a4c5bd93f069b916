// Checks a request for tasks and prepares it for the planner.
import { BerthError } from '@berth/model/errors.ts';
import type { PlaceRequest } from '@berth/model/generated/messages.ts';
import { placementSpec } from '@berth/model/placement/spec.ts';
import type { PlacementSpec } from '@berth/model/placement/spec.ts';
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

/**
 * What the request asks of hosts, by the task definition that it names.
 * @throws BerthError ClientException when there is no such task definition; InvalidParameterException for a
 * placement rule that can't be read
 */
export function specOf(request: PlaceRequest, state: State): PlacementSpec {
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
    placementConstraints: request.placementConstraints,
    placementStrategy: request.placementStrategy,
    hostIds: request.hostIds,
  });
}
