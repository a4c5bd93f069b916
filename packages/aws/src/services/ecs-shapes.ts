// What ECS's answers show although it is empty, and the few members whose values differ between ECS and Berth.
// Source: ECS reference, section 1.1 (lists that clients index without asking) and 5.2.
import { listsOfOutputs } from '../mapping/direct.ts';
import type { Fixes, Shown } from '../mapping/messages.ts';
import { ecs } from '../models/services.ts';
import type { Plain } from '../wire/json-input.ts';

const LISTS: Readonly<Record<string, string>> = {
  Cluster: 'statistics tags settings capacityProviders defaultCapacityProviderStrategy',
  Service:
    'events deployments loadBalancers serviceRegistries placementConstraints placementStrategy',
  TaskSet: 'loadBalancers serviceRegistries',
  Task: 'containers attachments attributes tags',
  Container: 'networkBindings networkInterfaces',
  TaskOverride: 'containerOverrides inferenceAcceleratorOverrides',
  TaskDefinition: 'volumes placementConstraints requiresAttributes compatibilities',
  ContainerDefinition: 'environment mountPoints volumesFrom portMappings systemControls',
  ContainerInstance: 'registeredResources remainingResources attributes attachments tags',
  CapacityProvider: 'tags',
  ServiceDeployment: 'sourceServiceRevisions',
};

export const SHOWN: Shown = {
  lists: { ...listsOfOutputs(ecs), ...LISTS },
  texts: { Tag: 'value', KeyValuePair: 'value', Setting: 'value', ClusterSetting: 'value' },
};

/** The fields of binpack are lower case in requests and upper case in answers; both are taken. */
const BINPACK = /^(cpu|memory)$/i;

export const REQUEST_FIXES: Fixes = {
  PlacementStrategy: (strategy) =>
    mapText(strategy, 'field', BINPACK, (text) => text.toLowerCase()),
};

export const ANSWER_FIXES: Fixes = {
  // Of other controllers services have none to show.
  Service: (service) =>
    (service['deploymentController'] as Plain | undefined)?.['type'] === 'EXTERNAL'
      ? { taskSets: [], ...service }
      : service,
  PlacementStrategy: (strategy) =>
    mapText(strategy, 'field', BINPACK, (text) => text.toUpperCase()),
};

function mapText(
  structure: Plain,
  member: string,
  matching: RegExp,
  change: (text: string) => string,
): Plain {
  const text = structure[member];
  return typeof text === 'string' && matching.test(text)
    ? { ...structure, [member]: change(text) }
    : structure;
}
