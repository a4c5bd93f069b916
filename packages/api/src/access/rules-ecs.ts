// Permissions for the methods of service Ecs. Source: ECS reference, section 12.2.
import type {
  CapacityProviderStrategyItem,
  ContainerDefinition,
  Tag,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { parseEcsReference, parseTaskSetReference } from '@berth/model/resources/reference.ts';
import { taskSetKey } from '@berth/model/resources/task-set.ts';
import { collections } from '@berth/store/keys.ts';

import { type Lookup, lookUpHost, lookUpService, lookUpTask } from '../operations/lookup.ts';
import { DEFAULT_CLUSTER, type Place, findCluster, findDefinition } from '../operations/resolve.ts';
import {
  type Conditions,
  type Need,
  type Resource,
  type Rules,
  passRoles,
  requestTags,
  resourceTags,
} from './rule.ts';

const TAGS = ['aws:resourcetag/', 'ecs:resourcetag/'];
const TASKS = 'ecs-tasks.amazonaws.com';

const need = (
  action: string,
  { arn: resource, tags }: Resource,
  conditions: Conditions = {},
): Need => ({
  action: `ecs:${action}`,
  resource,
  conditions: { ...resourceTags(tags, TAGS), ...conditions },
});

/** Actions that are on no resource. */
const anywhere = (action: string, conditions: Conditions = {}): Need[] => [
  { action: `ecs:${action}`, resource: '*', conditions },
];

/** On each of these; a request that names nothing is about anything. */
const each = (
  action: string,
  texts: readonly string[],
  find: (text: string) => Resource,
): Need[] =>
  texts.length === 0 ? anywhere(action) : texts.map((text) => need(action, find(text)));

const untagged = (text: string): Resource => ({ arn: text, tags: [] });

/** Tags that are given at creation need a permission of their own. */
function tagging(creation: string, resource: string, tags: readonly Tag[]): Need[] {
  if (tags.length === 0) return [];
  const conditions = { ...requestTags(tags), 'ecs:createaction': creation };
  return [{ action: 'ecs:TagResource', resource, conditions }];
}

function cluster(place: Place, text: string | undefined): Resource & { readonly name: string } {
  const asked = text === undefined || text === '' ? DEFAULT_CLUSTER : text;
  const name = parseEcsReference(place.realm, 'cluster', asked)?.name;
  const tags = findCluster(place, asked)?.value.tags ?? [];
  return name === undefined
    ? { arn: asked, tags, name: asked }
    : { arn: arn.cluster(place.realm, name), tags, name };
}

/** The cluster that a request means as a whole: the one that it names, else the one that its ARNs name. */
function within(
  { realm }: Place,
  asked: string | undefined,
  kind: Scoped,
  references: readonly string[],
): string {
  const named = references.map((text) => parseEcsReference(realm, kind, text)?.cluster);
  return asked || (named.find((name) => name !== undefined) ?? DEFAULT_CLUSTER);
}

type Scoped = 'service' | 'task' | 'container-instance';

/** Something inside a cluster; an ARN says itself in which. What is not there has the name that it is called by. */
function inside<T extends { readonly tags?: readonly Tag[] }>(
  place: Place,
  kind: Scoped,
  within: string | undefined,
  text: string,
  find: (state: Place['state'], cluster: string, name: string) => Lookup<T>,
  id: (item: T) => string,
): Resource {
  const reference = parseEcsReference(place.realm, kind, text);
  if (!reference) return { arn: text === '' ? '*' : text, tags: [] };
  const { name } = cluster(place, reference.cluster ?? within);
  const found = find(place.state, name, reference.name);
  const item = found.kind === 'found' ? found.item.value : undefined;
  const last = item ? id(item) : reference.name;
  const make = kind === 'service' ? arn.service : kind === 'task' ? arn.task : arn.host;
  return { arn: make(place.realm, name, last), tags: item?.tags ?? [] };
}

const service = (place: Place, within: string | undefined, text: string): Resource =>
  inside(place, 'service', within, text, lookUpService, ({ name }) => name);
const task = (place: Place, within: string | undefined, text: string): Resource =>
  inside(place, 'task', within, text, lookUpTask, ({ id }) => id);
const host = (place: Place, within: string | undefined, text: string): Resource =>
  inside(place, 'container-instance', within, text, lookUpHost, ({ id }) => id);

/** The revision that is meant: the newest ACTIVE one of a bare family. */
function definition(place: Place, text: string): Resource {
  const found = findDefinition(place, text)?.value;
  if (found) {
    const name = `${found.family}:${found.revision}`;
    return { arn: arn.taskDefinition(place.realm, name), tags: found.tags };
  }
  const name = parseEcsReference(place.realm, 'task-definition', text)?.name;
  return { arn: name === undefined ? text : arn.taskDefinition(place.realm, name), tags: [] };
}

function provider({ state, realm }: Place, text: string): Resource {
  const name = text.startsWith('arn:') ? (text.split('/').at(-1) ?? '') : text;
  const found =
    name === '' || name.includes('/') ? undefined : state.get(collections.capacityProviders, name);
  if (found) return { arn: arn.capacityProvider(realm, name), tags: found.value.tags };
  return { arn: text.startsWith('arn:') ? text : arn.capacityProvider(realm, text), tags: [] };
}

/** By ARN, of any kind that has tags. */
function anything(place: Place, text: string): Resource {
  const kind = /^arn:[^:]*:ecs:[^:]*:[^:]*:([a-z-]+)\//.exec(text)?.[1];
  switch (kind) {
    case 'cluster':
      return cluster(place, text);
    case 'service':
      return service(place, undefined, text);
    case 'task':
      return task(place, undefined, text);
    case 'container-instance':
      return host(place, undefined, text);
    case 'task-definition':
      return definition(place, text);
    case 'capacity-provider':
      return provider(place, text);
    case 'task-set':
      return taskSet(place, '', '', text);
    default:
      return { arn: text, tags: [] };
  }
}

/** Of a service, by id or ARN. */
function taskSet(place: Place, asked: string, service: string, text: string): Resource {
  const { realm, state } = place;
  const reference = parseTaskSetReference(realm, text);
  if (!reference) return { arn: text === '' ? '*' : text, tags: [] };
  const { id } = reference;
  const within = reference.cluster ?? asked;
  const of = reference.service ?? parseEcsReference(realm, 'service', service)?.name ?? service;
  const { name } = cluster(place, within);
  const known = of === '' || of.includes('/') ? [] : [name, of, taskSetKey(id)];
  const found = known.length > 0 ? state.get(collections.taskSets, ...known) : undefined;
  return { arn: arn.taskSet(realm, name, of, id), tags: found?.value.tags ?? [] };
}

interface InService {
  readonly cluster: string;
  readonly service: string;
}

/** All of a service, or one that has no id yet. */
function taskSetsIn(place: Place, { cluster: asked, service: text }: InService): Resource {
  const where = within(place, asked, 'service', [text]);
  const named = parseEcsReference(place.realm, 'service', text);
  const { name } = cluster(place, named?.cluster ?? where);
  return untagged(arn.taskSet(place.realm, name, named?.name ?? text, 'ecs-svc/*'));
}

function ofService(place: Place, asked: string, text: string): Conditions {
  const where = within(place, asked, 'service', [text]);
  return { ...inCluster(place, where), 'ecs:service': service(place, where, text).arn };
}

function taskSets(
  action: string,
  place: Place,
  request: InService,
  texts: readonly string[],
): Need[] {
  const where = within(place, request.cluster, 'service', [request.service]);
  return texts.map((text) =>
    need(
      action,
      taskSet(place, where, request.service, text),
      ofService(place, request.cluster, request.service),
    ),
  );
}

const inCluster = (place: Place, text: string | undefined): Conditions => ({
  'ecs:cluster': cluster(place, text).arn,
});

function launch(
  place: Place,
  request: {
    readonly taskDefinition?: string | undefined;
    readonly capacityProviderStrategy?: readonly CapacityProviderStrategyItem[] | undefined;
    readonly enableExecuteCommand?: boolean | undefined;
    readonly enableECSManagedTags?: boolean | undefined;
    readonly propagateTags?: string | undefined;
  },
): Conditions {
  const { taskDefinition, capacityProviderStrategy = [] } = request;
  const providers = capacityProviderStrategy.map(({ capacityProvider }) => capacityProvider);
  return {
    'ecs:task-definition':
      taskDefinition === undefined || taskDefinition === ''
        ? undefined
        : definition(place, taskDefinition).arn,
    'ecs:capacity-provider': providers.length > 0 ? providers : undefined,
    'ecs:enable-execute-command': String(request.enableExecuteCommand ?? false),
    'ecs:enable-ecs-managed-tags': String(request.enableECSManagedTags ?? false),
    'ecs:propagate-tags': request.propagateTags,
  };
}

function tasks(
  action: string,
  place: Place,
  asked: string | undefined,
  texts: readonly string[],
): Need[] {
  const where = within(place, asked, 'task', texts);
  if (texts.length === 0) return anywhere(action, inCluster(place, where));
  return texts.map((text) => need(action, task(place, where, text), inCluster(place, where)));
}

function hosts(
  action: string,
  place: Place,
  asked: string | undefined,
  texts: readonly string[],
): Need[] {
  const where = within(place, asked, 'container-instance', texts);
  if (texts.length === 0) return anywhere(action, inCluster(place, where));
  return texts.map((text) => need(action, host(place, where, text), inCluster(place, where)));
}

function services(
  action: string,
  place: Place,
  asked: string | undefined,
  texts: readonly string[],
  conditions: Conditions = {},
): Need[] {
  const where = within(place, asked, 'service', texts);
  if (texts.length === 0) return anywhere(action, inCluster(place, where));
  return texts.map((text) =>
    need(action, service(place, where, text), { ...inCluster(place, where), ...conditions }),
  );
}

function clusters(action: string, place: Place, texts: readonly string[]): Need[] {
  const named = texts.length > 0 ? texts : [DEFAULT_CLUSTER];
  return named.map((text) => need(action, cluster(place, text)));
}

/** Attributes name their hosts one by one, or the request names one for all. */
function attributeHosts(
  action: string,
  place: Place,
  request: {
    readonly cluster?: string | undefined;
    readonly host: string;
    readonly attributes: readonly { readonly targetId?: string | undefined }[];
  },
): Need[] {
  const named = request.attributes.map(({ targetId }) => targetId || request.host);
  return hosts(action, place, request.cluster, [...new Set(named)]);
}

function privileged(containers: readonly ContainerDefinition[]): string {
  return String(containers.some((container) => container.privileged === true));
}

export const ecsRules: Rules<'Ecs'> = {
  CreateCluster: (request, place) => [
    ...anywhere('CreateCluster', requestTags(request.tags)),
    ...tagging('CreateCluster', cluster(place, request.clusterName).arn, request.tags),
  ],
  DescribeClusters: (request, place) => clusters('DescribeClusters', place, request.clusters),
  ListClusters: () => anywhere('ListClusters'),
  DeleteCluster: (request, place) => clusters('DeleteCluster', place, [request.cluster]),
  UpdateCluster: (request, place) => clusters('UpdateCluster', place, [request.cluster]),
  UpdateClusterSettings: (request, place) =>
    clusters('UpdateClusterSettings', place, [request.cluster]),
  PutClusterCapacityProviders: (request, place) => [
    need('PutClusterCapacityProviders', cluster(place, request.cluster), {
      'ecs:capacity-provider': request.capacityProviders,
    }),
  ],

  CreateCapacityProvider: (request, place) => [
    need('CreateCapacityProvider', provider(place, request.name), requestTags(request.tags)),
    ...tagging('CreateCapacityProvider', provider(place, request.name).arn, request.tags),
  ],
  DescribeCapacityProviders: (request, place) =>
    each('DescribeCapacityProviders', request.capacityProviders, (text) => provider(place, text)),
  UpdateCapacityProvider: (request, place) => [
    need('UpdateCapacityProvider', provider(place, request.name)),
  ],
  DeleteCapacityProvider: (request, place) => [
    need('DeleteCapacityProvider', provider(place, request.capacityProvider)),
  ],

  RegisterTaskDefinition: (request, place) => {
    const resource = arn.taskDefinition(place.realm, `${request.family}:*`);
    return [
      need(
        'RegisterTaskDefinition',
        { arn: resource, tags: [] },
        {
          ...requestTags(request.tags),
          'ecs:privileged': privileged(request.containerDefinitions),
          'ecs:task-cpu': request.cpu,
          'ecs:task-memory': request.memory,
          'ecs:compute-compatibility':
            request.requiresCompatibilities.length > 0
              ? request.requiresCompatibilities
              : undefined,
        },
      ),
      ...tagging('RegisterTaskDefinition', resource, request.tags),
      ...passRoles([request.taskRoleArn, request.executionRoleArn], place.realm.account, TASKS),
    ];
  },
  DescribeTaskDefinition: () => anywhere('DescribeTaskDefinition'),
  DeregisterTaskDefinition: () => anywhere('DeregisterTaskDefinition'),
  ListTaskDefinitions: () => anywhere('ListTaskDefinitions'),
  ListTaskDefinitionFamilies: () => anywhere('ListTaskDefinitionFamilies'),
  DeleteTaskDefinitions: (request, place) =>
    each('DeleteTaskDefinitions', request.taskDefinitions, (text) => definition(place, text)),

  CreateService: (request, place) => {
    const made = service(place, request.cluster, request.serviceName);
    return [
      need('CreateService', made, {
        ...inCluster(place, request.cluster),
        ...launch(place, request),
        ...requestTags(request.tags),
      }),
      ...tagging('CreateService', made.arn, request.tags),
      ...passRoles([request.role], place.realm.account, 'ecs.amazonaws.com'),
    ];
  },
  UpdateService: (request, place) =>
    services(
      'UpdateService',
      place,
      request.cluster,
      [request.service],
      launch(place, {
        ...request,
        capacityProviderStrategy: request.capacityProviderStrategy?.items,
      }),
    ),
  DeleteService: (request, place) =>
    services('DeleteService', place, request.cluster, [request.service]),
  DescribeServices: (request, place) =>
    services('DescribeServices', place, request.cluster, request.services),
  ListServices: (request, place) => anywhere('ListServices', inCluster(place, request.cluster)),
  ListServiceDeployments: (request, place) =>
    services('ListServiceDeployments', place, request.cluster, [request.service]),
  DescribeServiceDeployments: (request) =>
    each('DescribeServiceDeployments', request.serviceDeploymentArns, untagged),
  DescribeServiceRevisions: (request) =>
    each('DescribeServiceRevisions', request.serviceRevisionArns, untagged),
  StopServiceDeployment: (request) => [
    need('StopServiceDeployment', untagged(request.serviceDeploymentArn)),
  ],
  ContinueServiceDeployment: (request) => [
    need('ContinueServiceDeployment', untagged(request.serviceDeploymentArn)),
  ],

  CreateTaskSet: (request, place) => {
    const made = taskSetsIn(place, request);
    const { taskDefinition, capacityProviderStrategy } = request;
    const launched = launch(place, { taskDefinition, capacityProviderStrategy });
    return [
      need('CreateTaskSet', made, {
        ...ofService(place, request.cluster, request.service),
        'ecs:task-definition': launched['ecs:task-definition'],
        'ecs:capacity-provider': launched['ecs:capacity-provider'],
        ...requestTags(request.tags),
      }),
      ...tagging('CreateTaskSet', made.arn, request.tags),
    ];
  },
  UpdateTaskSet: (request, place) => taskSets('UpdateTaskSet', place, request, [request.taskSet]),
  DeleteTaskSet: (request, place) => taskSets('DeleteTaskSet', place, request, [request.taskSet]),
  DescribeTaskSets: (request, place) =>
    request.taskSets.length > 0
      ? taskSets('DescribeTaskSets', place, request, request.taskSets)
      : [
          need(
            'DescribeTaskSets',
            taskSetsIn(place, request),
            ofService(place, request.cluster, request.service),
          ),
        ],
  // The service is what it changes.
  UpdateServicePrimaryTaskSet: (request, place) =>
    services('UpdateServicePrimaryTaskSet', place, request.cluster, [request.service]),

  RunTask: (request, place) => [
    need('RunTask', definition(place, request.taskDefinition), {
      ...inCluster(place, request.cluster),
      ...launch(place, { ...request, taskDefinition: undefined }),
      ...requestTags(request.tags),
    }),
    ...taskTags('RunTask', place, request),
    ...overriddenRoles(place, request),
  ],
  StartTask: (request, place) => {
    const { containerInstances } = request;
    const where = within(place, request.cluster, 'container-instance', containerInstances);
    return [
      need('StartTask', definition(place, request.taskDefinition), {
        ...inCluster(place, where),
        ...launch(place, { ...request, taskDefinition: undefined }),
        ...requestTags(request.tags),
        'ecs:container-instances': containerInstances.map((text) => host(place, where, text).arn),
      }),
      ...taskTags('StartTask', place, { ...request, cluster: where }),
      ...overriddenRoles(place, request),
    ];
  },
  StopTask: (request, place) => tasks('StopTask', place, request.cluster, [request.task]),
  DescribeTasks: (request, place) => tasks('DescribeTasks', place, request.cluster, request.tasks),
  ListTasks: (request, place) =>
    request.containerInstance === undefined
      ? anywhere('ListTasks', inCluster(place, request.cluster))
      : hosts('ListTasks', place, request.cluster, [request.containerInstance]),
  GetTaskProtection: (request, place) =>
    tasks('GetTaskProtection', place, request.cluster, request.tasks),
  UpdateTaskProtection: (request, place) =>
    tasks('UpdateTaskProtection', place, request.cluster, request.tasks),

  ListHosts: (request, place) => clusters('ListContainerInstances', place, [request.cluster ?? '']),
  DescribeHosts: (request, place) =>
    hosts('DescribeContainerInstances', place, request.cluster, request.hosts),
  UpdateHostsState: (request, place) =>
    hosts('UpdateContainerInstancesState', place, request.cluster, request.hosts),
  DeregisterHost: (request, place) => {
    const where = within(place, request.cluster, 'container-instance', [request.host]);
    return clusters('DeregisterContainerInstance', place, [where]);
  },
  PutAttributes: (request, place) => attributeHosts('PutAttributes', place, request),
  DeleteAttributes: (request, place) => attributeHosts('DeleteAttributes', place, request),
  ListAttributes: (request, place) => clusters('ListAttributes', place, [request.cluster ?? '']),
  RegisterHost: (request, place) => {
    const again = request.host === undefined ? [] : [request.host];
    const made = cluster(place, within(place, request.cluster, 'container-instance', again));
    const tagged = arn.host(place.realm, made.name, '*');
    return [
      need('RegisterContainerInstance', made, requestTags(request.tags)),
      ...tagging('RegisterContainerInstance', tagged, request.tags),
    ];
  },

  TagResource: (request, place) => [
    need('TagResource', anything(place, request.resourceArn), requestTags(request.tags)),
  ],
  UntagResource: (request, place) => [
    need('UntagResource', anything(place, request.resourceArn), {
      'aws:tagkeys': request.tagKeys,
    }),
  ],
  ListTagsForResource: (request, place) => [
    need('ListTagsForResource', anything(place, request.resourceArn)),
  ],

  ListAccountSettings: () => anywhere('ListAccountSettings'),
  PutAccountSetting: (request) =>
    anywhere('PutAccountSetting', { 'ecs:account-setting': request.name }),
  PutAccountSettingDefault: (request) =>
    anywhere('PutAccountSettingDefault', { 'ecs:account-setting': request.name }),
  DeleteAccountSetting: (request) =>
    anywhere('DeleteAccountSetting', { 'ecs:account-setting': request.name }),
};

interface Launch {
  readonly cluster?: string | undefined;
  readonly tags: readonly Tag[];
  readonly overrides?:
    | {
        readonly taskRoleArn?: string | undefined;
        readonly executionRoleArn?: string | undefined;
      }
    | undefined;
}

function taskTags(action: string, place: Place, { cluster: text, tags }: Launch): Need[] {
  return tagging(action, arn.task(place.realm, cluster(place, text).name, '*'), tags);
}

function overriddenRoles(place: Place, { overrides }: Launch): Need[] {
  const roles = [overrides?.taskRoleArn, overrides?.executionRoleArn];
  return passRoles(roles, place.realm.account, TASKS);
}
