// The keyspace of etcd. Only this file builds or parses keys. A collection is one kind of record below
// `/berth/v1/`; its one writing role is named beside it. Reading is free to all of the control plane.
import type { MessageName } from '@berth/model/generated/messages.ts';

export const ROOT = '/berth/v1/';

export interface Collection<N extends MessageName = MessageName> {
  /** The first segment of its keys. */
  readonly name: string;
  /** The message of `state.proto` that its values are. */
  readonly message: N;
  /** How many segments follow the name. */
  readonly depth: number;
}

function collection<N extends MessageName>(name: string, message: N, depth: number): Collection<N> {
  return { name, message, depth };
}

export const collections = {
  /** C - api */
  clusters: collection('clusters', 'ClusterRecord', 1),
  /** NAME - api */
  capacityProviders: collection('capacity-providers', 'CapacityProviderRecord', 1),
  /** WHOM/NAME - api */
  accountSettings: collection('account-settings', 'AccountSettingRecord', 2),
  /** F - api */
  taskDefinitionFamilies: collection('task-definition-families', 'TaskDefinitionFamilyRecord', 1),
  /** F/R - api */
  taskDefinitions: collection('task-definitions', 'TaskDefinitionRecord', 2),
  /** C/S - api */
  services: collection('services', 'ServiceRecord', 2),
  /** C/S - controller */
  deployments: collection('deployments', 'ServiceDeploymentsRecord', 2),
  /** C/S/ID - api; deleted by controller */
  taskSets: collection('task-sets', 'TaskSetRecord', 3),
  /** NAME, percent-encoded - api */
  alarms: collection('alarms', 'AlarmRecord', 1),
  /** C/S/ID - controller */
  serviceDeployments: collection('service-deployments', 'ServiceDeploymentRecord', 3),
  /** C/S/ID - controller */
  serviceRevisions: collection('service-revisions', 'ServiceRevisionRecord', 3),
  /** C/REVISION - api, for agents; deleted by controller */
  imagePins: collection('image-pins', 'ImagePinsRecord', 2),
  /** C/H - api */
  hosts: collection('hosts', 'HostRecord', 2),
  /** C/H - api; deleted by controller */
  deregisteredHosts: collection('deregistered-hosts', 'HostRecord', 2),
  /** C/T - scheduler creates; controller and api set desired status; controller deletes */
  tasks: collection('tasks', 'TaskRecord', 2),
  /** C/ID - scheduler; deleted by controller */
  placementDecisions: collection('placement-decisions', 'PlacementDecisionRecord', 2),
  /** C/T - api, for the agent */
  taskStatus: collection('task-status', 'TaskStatusRecord', 2),
  /** NAME - api */
  loadBalancers: collection('load-balancers', 'LoadBalancerRecord', 1),
  /** ID - api, and controller for those of ACME */
  certificates: collection('certificates', 'CertificateRecord', 1),
  /** C/S - api */
  scalableTargets: collection('scalable-targets', 'ScalableTargetRecord', 2),
  /** C/S/NAME - api */
  scalingPolicies: collection('scaling-policies', 'ScalingPolicyRecord', 3),
  /** C/S/NAME - api */
  scheduledActions: collection('scheduled-actions', 'ScheduledActionRecord', 3),
  /** settings - api */
  acme: collection('acme', 'AcmeSettingsRecord', 1),
  /** TOKEN - controller */
  acmeChallenges: collection('acme-challenges', 'AcmeChallengeRecord', 1),
  /** NAME - api */
  trustStores: collection('trust-stores', 'TrustStoreRecord', 1),
  /** NAME - api */
  secrets: collection('secrets', 'SecretRecord', 1),
  /** NAME - api */
  users: collection('users', 'UserRecord', 1),
  /** ID - api */
  accessKeys: collection('access-keys', 'AccessKeyRecord', 1),
  /** ID - api */
  accessKeyUses: collection('access-key-uses', 'AccessKeyUseRecord', 1),
  /** NAME - api */
  policies: collection('policies', 'PolicyRecord', 1),
  /** NAME - api */
  roles: collection('roles', 'RoleRecord', 1),
  /** G/ID:PORT - api */
  targetRegistrations: collection('target-registrations', 'TargetRegistrationRecord', 2),
  /** G - api */
  targetGroups: collection('target-groups', 'TargetGroupRecord', 1),
  /** G/X - controller */
  targets: collection('targets', 'TargetRecord', 2),
  /** G/X/P - api, for the proxy, under the replica's lease */
  targetHealth: collection('target-health', 'TargetHealthRecord', 3),
  /** L - api */
  listeners: collection('listeners', 'ListenerRecord', 1),
  /** PORT - api, with the listener that has it */
  listenerPorts: collection('listener-ports', 'ListenerPortRecord', 1),
  /** L/R - api */
  rules: collection('rules', 'RuleRecord', 2),
  /** L/R, R `default` for default actions - controller; deleted by api with a person's change of the rule */
  trafficWeights: collection('traffic-weights', 'TrafficWeightsRecord', 2),
  /** NAME, percent-encoded - api */
  logGroups: collection('log-groups', 'LogGroupRecord', 1),
  /** host/H and proxy/P - api, under the replica's lease */
  sessions: collection('sessions', 'SessionRecord', 2),
  /** ROLE - candidates */
  leader: collection('leader', 'LeaderRecord', 1),
  /** C/ULID - controller, scheduler and api */
  events: collection('events', 'EventRecord', 2),
  /** C - controller */
  eventHorizons: collection('event-horizons', 'EventHorizonRecord', 1),
  /** NAME - api */
  eventSinks: collection('event-sinks', 'EventSinkRecord', 1),
  /** NAME - controller */
  eventSinkCursors: collection('event-sink-cursors', 'EventSinkCursorRecord', 1),
  /** NAME/ULID - controller */
  eventDeadLetters: collection('event-dead-letters', 'EventDeadLetterRecord', 2),
  /** C/S/ID - controller */
  deploymentCertificates: collection('deployment-certificates', 'DeploymentCertificateRecord', 3),
} as const;

export type CollectionName = keyof typeof collections;

const byName = new Map<string, Collection>(
  Object.values(collections).map((item) => [item.name, item]),
);

/** The key of one record. @throws Error when a part is empty, holds a slash, or the count is wrong */
export function keyOf(of: Collection, ...parts: readonly string[]): string {
  if (parts.length !== of.depth) {
    throw new Error(`a key of ${of.name} has ${of.depth} parts, not ${parts.length}`);
  }
  return ROOT + of.name + joined(of, parts);
}

/** The prefix of all records whose key starts with these parts. */
export function prefixOf(of: Collection, ...parts: readonly string[]): string {
  return `${ROOT}${of.name}${joined(of, parts)}/`;
}

function joined(of: Collection, parts: readonly string[]): string {
  for (const part of parts) {
    if (part === '' || part.includes('/')) {
      throw new Error(`"${part}" can't be part of a key of ${of.name}`);
    }
  }
  return parts.map((part) => `/${part}`).join('');
}

export interface ParsedKey {
  readonly collection: Collection;
  readonly parts: readonly string[];
}

/** What a key names; undefined for a key that is not of this keyspace. */
export function parseKey(key: string): ParsedKey | undefined {
  if (!key.startsWith(ROOT)) return undefined;
  const [name = '', ...parts] = key.slice(ROOT.length).split('/');
  const found = byName.get(name);
  if (found?.depth !== parts.length || parts.includes('')) return undefined;
  return { collection: found, parts };
}
