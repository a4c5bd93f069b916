// What is just allowed, and what stands besides in the other tables: limits at their edge, defaults, clusters and resources that there
// are not, for each operation. Source: ECS reference, sections 1.5, 1.7, 2 and 3.
import {
  type ContainerDefinition,
  type RegisterTaskDefinitionCommandInput,
  waitUntilServicesStable,
} from '@aws-sdk/client-ecs';

import { eventually } from '../e2e/cluster.ts';
import { type Case, type Ground, conformance, kept, pages } from './cases.ts';
import { ABSENT, ANY, RECENT } from './match.ts';

const ARN = 'arn:aws:ecs:us-east-1:000000000000';
const INVALID = 'InvalidParameterException';
const NO_CLUSTER = { fails: 'ClusterNotFoundException', message: /^Cluster not found\./ } as const;

const MAIN: ContainerDefinition = { name: 'main', image: 'web', memory: 64 };

const tags = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value: 'x' }));

const registered = (what: string, container: ContainerDefinition, more: object = {}): Case => ({
  name: `RegisterTaskDefinition with ${what}`,
  call: async ({ ecs }) => {
    const { taskDefinition } = await ecs.registerTaskDefinition({
      family: 'edge',
      containerDefinitions: [{ ...MAIN, ...container }],
      ...more,
    });
    return taskDefinition;
  },
  gives: { containerDefinitions: [container], ...more },
});

const refused = (
  what: string,
  container: ContainerDefinition,
  message: RegExp,
  more: Partial<RegisterTaskDefinitionCommandInput> = {},
): Case => ({
  name: `RegisterTaskDefinition with ${what}`,
  call: ({ ecs }) =>
    ecs.registerTaskDefinition({
      family: 'refused',
      containerDefinitions: [{ ...MAIN, ...container }],
      ...more,
    }),
  fails: 'ClientException',
  message,
});

const health = (change: object) => ({
  healthCheck: { command: ['CMD-SHELL', 'true'], ...change },
});

const AWSLOGS = { 'awslogs-group': '/shop/web', 'awslogs-region': 'us-east-1' };

conformance('ECS over the SDK: limits of task definitions', [
  registered('a name of 255 characters', { name: 'x'.repeat(255) }),
  refused('a name of 256 characters', { name: 'x'.repeat(256) }, /name/),
  refused('a name with a dot', { name: 'a.b' }, /name/),
  registered('6 MiB of memory', { memory: 6 }),
  registered('a reservation alone', { memory: undefined, memoryReservation: 6 }),
  registered('the ports 1 and 65535', {
    portMappings: [
      { containerPort: 1, hostPort: 0, protocol: 'tcp' },
      { containerPort: 65_535, hostPort: 65_535, protocol: 'udp' },
    ],
  }),
  refused(
    'a protocol that there is not',
    { portMappings: [{ containerPort: 1, protocol: 'sctp' as 'tcp' }] },
    /sctp/,
  ),
  refused('port 0', { portMappings: [{ containerPort: 0 }] }, /containerPort/),
  refused('a CPU of -1', { cpu: -1 }, /cpu/),
  registered(
    'the shortest health check',
    health({ interval: 5, timeout: 2, retries: 1, startPeriod: 0 }),
  ),
  registered(
    'the longest health check',
    health({ interval: 300, timeout: 60, retries: 10, startPeriod: 300 }),
  ),
  registered('a health check of which nothing is said', {
    healthCheck: { command: ['CMD', 'true'], interval: 30, timeout: 5, retries: 3 },
  }),
  refused('a health check every 301 seconds', health({ interval: 301 }), /interval/),
  refused('a health check that takes 61 seconds', health({ timeout: 61 }), /timeout/),
  refused('a health check that takes a second', health({ timeout: 1 }), /timeout/),
  refused('a health check that is tried 11 times', health({ retries: 11 }), /retries/),
  refused('a health check that is never tried', health({ retries: 0 }), /retries/),
  refused(
    'a health check that begins after 301 seconds',
    health({ startPeriod: 301 }),
    /startPeriod/,
  ),
  refused('a health check without a command', { healthCheck: { command: [] } }, /command/),
  refused(
    'a health check whose command is neither CMD nor CMD-SHELL',
    { healthCheck: { command: ['true'] } },
    /CMD/,
  ),
  refused('an image of 256 characters', { image: 'x'.repeat(256) }, /image/),
  refused(
    'a limit that there is not',
    { ulimits: [{ name: 'beer' as 'cpu', softLimit: 1, hardLimit: 1 }] },
    /beer/,
  ),
  refused(
    'a soft limit above the hard one',
    { ulimits: [{ name: 'nofile', softLimit: 2, hardLimit: 1 }] },
    /softLimit|soft/,
  ),
  registered('the log driver awslogs, which is kept', {
    logConfiguration: { logDriver: 'awslogs', options: AWSLOGS },
  }),
  refused(
    'awslogs without a group',
    { logConfiguration: { logDriver: 'awslogs', options: { 'awslogs-region': 'x' } } },
    /awslogs-group/,
  ),
  refused(
    'an option that awslogs does not have',
    { logConfiguration: { logDriver: 'awslogs', options: { ...AWSLOGS, 'max-file': '3' } } },
    /max-file/,
  ),
  refused(
    'a log driver of another service',
    { logConfiguration: { logDriver: 'splunk' } },
    /splunk/,
  ),
  refused(
    'a wait for a container that there is not',
    { dependsOn: [{ containerName: 'other', condition: 'START' }] },
    /other/,
  ),
  refused(
    'a condition that there is not',
    { dependsOn: [{ containerName: 'main', condition: 'LATER' as 'START' }] },
    /LATER/,
  ),
  refused(
    'an environment without a name',
    { environment: [{ name: '', value: 'x' }] },
    /environment/,
  ),
  registered('the least CPU of a task', {}, { cpu: '128', memory: '64' }),
  refused('less CPU than a task may have', {}, /^Invalid 'cpu' setting for task/, {
    cpu: '127',
    memory: '64',
  }),
  refused('a network mode that there is not', {}, /mesh/, { networkMode: 'mesh' as 'host' }),
  refused('a compatibility that there is not', {}, /MOON/, {
    requiresCompatibilities: ['MOON' as 'EC2'],
  }),
  refused('distinct instances', {}, /distinctInstance|memberOf/, {
    placementConstraints: [{ type: 'distinctInstance' as 'memberOf' }],
  }),
  refused('eleven constraints', {}, /placementConstraints|constraints/, {
    placementConstraints: Array.from({ length: 11 }, () => ({
      type: 'memberOf' as const,
      expression: 'attribute:a == b',
    })),
  }),
  registered('a family of 255 characters', {}, { family: 'f'.repeat(255) }),
  {
    name: 'RegisterTaskDefinition with fifty tags',
    call: ({ ecs }) =>
      ecs.registerTaskDefinition({
        family: 'tagged',
        containerDefinitions: [MAIN],
        tags: tags(50),
      }),
    gives: { tags: tags(50) },
  },
  refused('51 tags', {}, /tags/, { tags: tags(51) }),
  {
    name: 'DeregisterTaskDefinition of what is INACTIVE changes nothing',
    call: async ({ ecs }) => {
      const first = await ecs.deregisterTaskDefinition({ taskDefinition: 'tagged:1' });
      const again = await ecs.deregisterTaskDefinition({ taskDefinition: 'tagged:1' });
      const at = (answer: typeof first) => answer.taskDefinition?.deregisteredAt?.getTime();
      return [again.taskDefinition?.status, at(again) === at(first)];
    },
    gives: ['INACTIVE', true],
  },
  {
    name: 'DescribeTaskDefinition of a family without an ACTIVE revision',
    call: ({ ecs }) => ecs.describeTaskDefinition({ taskDefinition: 'tagged' }),
    fails: 'ClientException',
    message: /^Unable to describe task definition\./,
  },
  {
    name: 'RunTask of what is INACTIVE',
    call: async ({ ecs, plane }) => {
      await plane.host();
      return ecs.runTask({ taskDefinition: 'tagged:1' });
    },
    fails: INVALID,
    message: /inactive/i,
  },
  {
    name: 'UpdateService to what is INACTIVE',
    call: async ({ ecs }) => {
      await ecs.createService({ serviceName: 's', taskDefinition: 'edge', desiredCount: 0 });
      return ecs.updateService({ service: 's', taskDefinition: 'tagged:1' });
    },
    fails: INVALID,
    message: /inactive/i,
  },
  {
    name: 'ListTaskDefinitionFamilies without a status has those without ACTIVE revisions too',
    call: async ({ ecs }) => {
      const all = await ecs.listTaskDefinitionFamilies({});
      const active = await ecs.listTaskDefinitionFamilies({ status: 'ACTIVE' });
      const every = await ecs.listTaskDefinitionFamilies({ status: 'ALL', familyPrefix: 't' });
      const has = (list: typeof all) => list.families?.includes('tagged');
      return [has(all), has(active), every.families, every.nextToken];
    },
    gives: [true, false, ['tagged'], undefined],
  },
  {
    name: 'DeleteTaskDefinitions of what a service has',
    call: async ({ ecs }) => {
      const { service } = await ecs
        .describeServices({ services: ['s'] })
        .then(({ services }) => ({ service: services?.[0] }));
      const taskDefinition = service?.taskDefinition ?? '';
      await ecs.deregisterTaskDefinition({ taskDefinition });
      await ecs.deleteTaskDefinitions({ taskDefinitions: [taskDefinition] });
      return ecs.describeTaskDefinition({ taskDefinition });
    },
    gives: { taskDefinition: { status: 'DELETE_IN_PROGRESS', deleteRequestedAt: RECENT } },
  },
]);

const noCluster = (name: string, call: (on: Ground) => Promise<unknown>): Case => ({
  name: `${name} in a cluster that there is not`,
  call,
  ...NO_CLUSTER,
});

const TASK = '0'.repeat(32);

conformance('ECS over the SDK: what there is not', [
  noCluster('DescribeTasks', ({ ecs }) => ecs.describeTasks({ cluster: 'none', tasks: [TASK] })),
  noCluster('ListTasks', ({ ecs }) => ecs.listTasks({ cluster: 'none' })),
  noCluster('StartTask', ({ ecs }) =>
    ecs.startTask({ cluster: 'none', taskDefinition: 'web', containerInstances: [TASK] }),
  ),
  noCluster('GetTaskProtection', ({ ecs }) =>
    ecs.getTaskProtection({ cluster: 'none', tasks: [TASK] }),
  ),
  noCluster('UpdateTaskProtection', ({ ecs }) =>
    ecs.updateTaskProtection({ cluster: 'none', tasks: [TASK], protectionEnabled: true }),
  ),
  noCluster('ListServices', ({ ecs }) => ecs.listServices({ cluster: 'none' })),
  noCluster('UpdateService', ({ ecs }) => ecs.updateService({ cluster: 'none', service: 's' })),
  noCluster('DeleteService', ({ ecs }) => ecs.deleteService({ cluster: 'none', service: 's' })),
  noCluster('ListServiceDeployments', ({ ecs }) =>
    ecs.listServiceDeployments({ cluster: 'none', service: 's' }),
  ),
  noCluster('ListContainerInstances', ({ ecs }) => ecs.listContainerInstances({ cluster: 'none' })),
  noCluster('DescribeContainerInstances', ({ ecs }) =>
    ecs.describeContainerInstances({ cluster: 'none', containerInstances: [TASK] }),
  ),
  noCluster('UpdateContainerInstancesState', ({ ecs }) =>
    ecs.updateContainerInstancesState({
      cluster: 'none',
      containerInstances: [TASK],
      status: 'DRAINING',
    }),
  ),
  noCluster('DeregisterContainerInstance', ({ ecs }) =>
    ecs.deregisterContainerInstance({ cluster: 'none', containerInstance: TASK }),
  ),
  noCluster('PutAttributes', ({ ecs }) =>
    ecs.putAttributes({
      cluster: 'none',
      attributes: [{ name: 'a', targetType: 'container-instance', targetId: TASK }],
    }),
  ),
  noCluster('DeleteAttributes', ({ ecs }) =>
    ecs.deleteAttributes({
      cluster: 'none',
      attributes: [{ name: 'a', targetType: 'container-instance', targetId: TASK }],
    }),
  ),
  noCluster('ListAttributes', ({ ecs }) =>
    ecs.listAttributes({ cluster: 'none', targetType: 'container-instance' }),
  ),
  noCluster('UpdateClusterSettings', ({ ecs }) =>
    ecs.updateClusterSettings({
      cluster: 'none',
      settings: [{ name: 'containerInsights', value: 'enabled' }],
    }),
  ),
  noCluster('PutClusterCapacityProviders', ({ ecs }) =>
    ecs.putClusterCapacityProviders({
      cluster: 'none',
      capacityProviders: [],
      defaultCapacityProviderStrategy: [],
    }),
  ),
  {
    name: 'DeleteAttributes of a host that there is not',
    call: async ({ ecs }) => {
      await ecs.createCluster({});
      return ecs.deleteAttributes({
        attributes: [{ name: 'a', targetType: 'container-instance', targetId: TASK }],
      });
    },
    fails: 'TargetNotFoundException',
  },
  {
    name: 'ListAttributes without saying of what',
    call: ({ ecs }) => ecs.listAttributes({ targetType: undefined }),
    fails: INVALID,
    message: /[tT]argetType/,
  },
  {
    name: 'ListAttributes of something else',
    call: ({ ecs }) => ecs.listAttributes({ targetType: 'task' as 'container-instance' }),
    fails: INVALID,
    message: /targetType/,
  },
  {
    name: 'GetTaskProtection of a task that there is not',
    call: ({ ecs }) => ecs.getTaskProtection({ cluster: 'default', tasks: [TASK] }),
    gives: {
      protectedTasks: [],
      failures: [{ arn: `${ARN}:task/default/${TASK}`, reason: 'MISSING' }],
    },
  },
  {
    name: 'GetTaskProtection of 101',
    call: ({ ecs }) =>
      ecs.getTaskProtection({
        cluster: 'default',
        tasks: Array.from({ length: 101 }, (_, index) => String(index).padStart(32, '0')),
      }),
    fails: INVALID,
    message: /tasks/,
  },
  {
    name: 'UpdateCapacityProvider of what AWS has',
    call: ({ ecs }) =>
      ecs.updateCapacityProvider({
        name: 'FARGATE',
        autoScalingGroupProvider: { managedDraining: 'DISABLED' },
      }),
    fails: 'ClientException',
  },
  {
    name: 'DeleteCapacityProvider of what AWS has',
    call: ({ ecs }) => ecs.deleteCapacityProvider({ capacityProvider: 'FARGATE' }),
    fails: 'ClientException',
  },
  {
    name: 'DeleteCapacityProvider of one that there is not',
    call: ({ ecs }) => ecs.deleteCapacityProvider({ capacityProvider: 'none' }),
    fails: 'ClientException',
    message: /^The specified capacity provider/,
  },
  {
    name: 'DeleteCapacityProvider that nobody has',
    call: async ({ ecs }) => {
      await ecs.createCapacityProvider({
        name: 'short',
        autoScalingGroupProvider: {
          autoScalingGroupArn:
            'arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:x:autoScalingGroupName/short',
        },
      });
      const { capacityProvider } = await ecs.deleteCapacityProvider({ capacityProvider: 'short' });
      const left = await ecs.describeCapacityProviders({ capacityProviders: ['short'] });
      return { capacityProvider, left };
    },
    gives: {
      capacityProvider: {
        name: 'short',
        status: /^(ACTIVE|INACTIVE)$/,
        updateStatus: 'DELETE_COMPLETE',
      },
      left: { capacityProviders: [{ name: 'short', status: 'INACTIVE' }], failures: [] },
    },
  },
  {
    name: 'PutClusterCapacityProviders with empty lists clears them',
    call: async ({ ecs }) => {
      await ecs.putClusterCapacityProviders({
        cluster: 'default',
        capacityProviders: ['FARGATE'],
        defaultCapacityProviderStrategy: [{ capacityProvider: 'FARGATE', weight: 1 }],
      });
      return ecs.putClusterCapacityProviders({
        cluster: 'default',
        capacityProviders: [],
        defaultCapacityProviderStrategy: [],
      });
    },
    gives: { cluster: { capacityProviders: [], defaultCapacityProviderStrategy: [] } },
  },
  {
    name: 'PutClusterCapacityProviders of one that there is not',
    call: ({ ecs }) =>
      ecs.putClusterCapacityProviders({
        cluster: 'default',
        capacityProviders: ['none'],
        defaultCapacityProviderStrategy: [],
      }),
    fails: INVALID,
    message: /none/,
  },
  {
    name: 'CreateCluster with 51 tags',
    call: ({ ecs }) => ecs.createCluster({ clusterName: 'tagged', tags: tags(51) }),
    fails: INVALID,
    message: /tags/,
  },
  {
    name: 'ListClusters in pages of 0',
    call: ({ ecs }) => ecs.listClusters({ maxResults: 0 }),
    fails: INVALID,
    message: /maxResults/,
  },
  {
    name: 'TagResource of a task that there is not',
    call: ({ ecs }) =>
      ecs.tagResource({ resourceArn: `${ARN}:task/default/${TASK}`, tags: tags(1) }),
    fails: 'ResourceNotFoundException',
  },
  {
    name: 'UntagResource without keys',
    call: ({ ecs }) =>
      ecs.untagResource({ resourceArn: `${ARN}:cluster/default`, tagKeys: undefined }),
    fails: INVALID,
    message: /[tT]agKeys/,
  },
]);

async function ground({ ecs, plane, kept: keep }: Ground): Promise<void> {
  await ecs.registerTaskDefinition({
    family: 'web',
    containerDefinitions: [MAIN],
    tags: [{ key: 'from', value: 'definition' }],
  });
  const { id } = await plane.host({ attributes: [{ name: 'zone', value: 'a' }] });
  keep['host'] = `${ARN}:container-instance/default/${id}`;
}

const memberOf = { type: 'memberOf', expression: 'attribute:zone == a' } as const;
const spread = { type: 'spread', field: 'host' } as const;

const runs = (what: string, input: object, gives: object): Case => ({
  name: `RunTask ${what}`,
  call: async ({ ecs }) => {
    const { tasks, failures } = await ecs.runTask({ taskDefinition: 'web', ...input });
    return { task: tasks?.[0], count: tasks?.length, failures };
  },
  gives: { task: gives, failures: [] },
});

const refusedService = (what: string, input: object, message: RegExp, fails = INVALID): Case => ({
  name: `CreateService ${what}`,
  call: ({ ecs }) =>
    ecs.createService({ serviceName: 'x', taskDefinition: 'web', desiredCount: 0, ...input }),
  fails,
  message,
});

const listLimit = (operation: string, call: (on: Ground, maxResults: number) => Promise<unknown>) =>
  [0, 101].map((maxResults): Case => ({
    name: `${operation} in pages of ${maxResults}`,
    call: (on) => call(on, maxResults),
    fails: INVALID,
    message: /maxResults/,
  }));

conformance('ECS over the SDK: limits of tasks', [
  {
    name: 'RunTask without a count runs one',
    call: async (on) => {
      await ground(on);
      return on.ecs.runTask({ taskDefinition: 'web' });
    },
    gives: { tasks: [{ group: 'family:web', startedBy: ABSENT }], failures: [] },
  },
  runs(
    'startedBy with 128 characters',
    { startedBy: 'x'.repeat(128) },
    { startedBy: 'x'.repeat(128) },
  ),
  runs('with a client token of 64 characters', { clientToken: '~'.repeat(64) }, { taskArn: ANY }),
  runs(
    'with ten constraints',
    { placementConstraints: Array.from({ length: 10 }, () => memberOf) },
    { taskArn: ANY },
  ),
  runs(
    'with five strategies',
    { placementStrategy: Array.from({ length: 5 }, () => spread) },
    { taskArn: ANY },
  ),
  runs('with fifty tags', { tags: tags(50) }, { tags: tags(50) }),
  runs(
    'with the tags of its definition',
    { propagateTags: 'TASK_DEFINITION', tags: [{ key: 'own', value: '' }] },
    {
      tags: [ANY, ANY],
    },
  ),
  runs(
    'with the tags of ECS',
    { enableECSManagedTags: true },
    {
      tags: [{ key: 'aws:ecs:clusterName', value: 'default' }],
    },
  ),
  runs(
    'with other sizes than its definition has',
    { overrides: { containerOverrides: [{ name: 'main', cpu: 20, memory: 32 }] } },
    {
      cpu: '20',
      memory: '32',
      overrides: { containerOverrides: [{ name: 'main', cpu: 20, memory: 32 }] },
    },
  ),
  runs('with a reference', { referenceId: 'order-1' }, { taskArn: ANY }),
  {
    name: 'RunTask with a constraint that is none',
    call: ({ ecs }) =>
      ecs.runTask({
        taskDefinition: 'web',
        placementConstraints: [{ type: 'memberOf', expression: 'zone is a' }],
      }),
    fails: INVALID,
    message: /expression/i,
  },
  {
    name: 'StartTask startedBy with 36 characters',
    call: (on) =>
      on.ecs.startTask({
        taskDefinition: 'web',
        containerInstances: [kept(on, 'host')],
        startedBy: 'x'.repeat(36),
      }),
    gives: { tasks: [{ startedBy: 'x'.repeat(36) }], failures: [] },
  },
  {
    name: 'StartTask of what is not registered',
    call: (on) =>
      on.ecs.startTask({ taskDefinition: 'none', containerInstances: [kept(on, 'host')] }),
    fails: 'ClientException',
    message: /^TaskDefinition not found\./,
  },
  {
    name: 'StartTask on hosts that are there and that are not',
    call: (on) =>
      on.ecs.startTask({
        taskDefinition: 'web',
        containerInstances: [TASK, kept(on, 'host')],
        tags: tags(1),
      }),
    gives: { tasks: [{ tags: tags(1) }], failures: [{ reason: 'MISSING' }] },
  },
  {
    name: 'StopTask with a reason of 1024 characters',
    call: async ({ ecs }) => {
      const { taskArns } = await ecs.listTasks({ startedBy: 'x'.repeat(36) });
      return ecs.stopTask({ task: taskArns?.[0], reason: 'r'.repeat(1024) });
    },
    gives: { task: { stoppedReason: 'r'.repeat(1024) } },
  },
  {
    name: 'StopTask takes the tags from the task',
    call: async ({ ecs }) => {
      const { tasks: [task] = [] } = await ecs.runTask({ taskDefinition: 'web', tags: tags(2) });
      const tasks = [task?.taskArn ?? ''];
      await ecs.stopTask({ task: task?.taskArn });
      return eventually('the task has stopped', 15_000, async () => {
        const found = (await ecs.describeTasks({ tasks, include: ['TAGS'] })).tasks?.[0];
        return found?.lastStatus === 'STOPPED' ? found : undefined;
      });
    },
    gives: { tags: [] },
  },
  {
    name: 'StopTask without a task',
    call: ({ ecs }) => ecs.stopTask({ task: undefined }),
    fails: INVALID,
    message: /[tT]ask/,
  },
  {
    name: 'DescribeTasks of what is no id',
    call: ({ ecs }) => ecs.describeTasks({ tasks: ['no such id'] }),
    gives: { tasks: [], failures: [{ reason: 'MISSING' }] },
  },
  {
    name: 'DescribeTasks with an include that there is not',
    call: ({ ecs }) => ecs.describeTasks({ tasks: [TASK], include: ['ALL' as 'TAGS'] }),
    fails: INVALID,
    message: /ALL/,
  },
  {
    name: 'DescribeTasks of a hundred',
    call: ({ ecs }) =>
      ecs
        .describeTasks({
          tasks: Array.from({ length: 100 }, (_, index) => String(index).padStart(32, '0')),
        })
        .then(({ failures }) => failures?.length),
    gives: 100,
  },
  ...listLimit('ListTasks', ({ ecs }, maxResults) => ecs.listTasks({ maxResults })),
  ...listLimit('ListContainerInstances', ({ ecs }, maxResults) =>
    ecs.listContainerInstances({ maxResults }),
  ),
  ...listLimit('ListTaskDefinitionFamilies', ({ ecs }, maxResults) =>
    ecs.listTaskDefinitionFamilies({ maxResults }),
  ),
  ...listLimit('ListAttributes', ({ ecs }, maxResults) =>
    ecs.listAttributes({ targetType: 'container-instance', maxResults }),
  ),
  {
    name: 'ListTasks with a word that is none',
    call: ({ ecs }) => ecs.listTasks({ desiredStatus: 'DONE' as 'STOPPED' }),
    fails: INVALID,
    message: /DONE/,
  },
  {
    name: 'ListTasks with a token that nobody gave',
    call: ({ ecs }) => ecs.listTasks({ nextToken: 'next' }),
    fails: INVALID,
    message: /^Invalid nextToken/,
  },
  {
    name: 'ListTasks: what is stopped between two pages takes no other with it',
    call: async ({ ecs }) => {
      const { taskArns: all = [] } = await ecs.listTasks({});
      const first = await ecs.listTasks({ maxResults: 2 });
      await ecs.stopTask({ task: first.taskArns?.[0] });
      const rest = await pages(async (nextToken) => {
        const page = await ecs.listTasks({
          maxResults: 2,
          nextToken: nextToken ?? first.nextToken,
        });
        return { items: page.taskArns, nextToken: page.nextToken };
      });
      const seen = new Set([...(first.taskArns ?? []), ...rest.flat()]);
      return all.every((task) => seen.has(task));
    },
    gives: true,
  },
]);

conformance('ECS over the SDK: limits of services', [
  {
    name: 'CreateService with a name of 255 characters',
    call: async (on) => {
      await ground(on);
      return on.ecs.createService({
        serviceName: 's'.repeat(255),
        taskDefinition: 'web',
        desiredCount: 0,
      });
    },
    gives: {
      service: {
        serviceName: 's'.repeat(255),
        schedulingStrategy: 'REPLICA',
        deploymentConfiguration: { maximumPercent: 200, minimumHealthyPercent: 100 },
        healthCheckGracePeriodSeconds: 0,
        placementConstraints: [],
        placementStrategy: [],
        loadBalancers: [],
        serviceRegistries: [],
        propagateTags: 'NONE',
        enableECSManagedTags: false,
        enableExecuteCommand: false,
      },
    },
  },
  {
    name: 'CreateService with the most that is allowed',
    call: ({ ecs }) =>
      ecs.createService({
        serviceName: 'most',
        taskDefinition: 'web',
        desiredCount: 0,
        clientToken: '!'.repeat(36),
        placementConstraints: Array.from({ length: 10 }, () => memberOf),
        placementStrategy: Array.from({ length: 5 }, () => spread),
        healthCheckGracePeriodSeconds: 2_147_483_647,
        tags: tags(50),
      }),
    gives: { service: { healthCheckGracePeriodSeconds: 2_147_483_647, tags: tags(50) } },
  },
  refusedService(
    'with eleven constraints',
    { placementConstraints: Array.from({ length: 11 }, () => memberOf) },
    /placementConstraints/,
  ),
  refusedService(
    'with six strategies',
    { placementStrategy: Array.from({ length: 6 }, () => spread) },
    /strateg/i,
  ),
  refusedService(
    'with a field of spread that is none',
    { placementStrategy: [{ type: 'spread', field: 'weather' }] },
    /weather|field/,
  ),
  refusedService(
    'with a field of binpack that is none',
    { placementStrategy: [{ type: 'binpack', field: 'host' }] },
    /host|field/,
  ),
  refusedService('with 51 tags', { tags: tags(51) }, /tags/),
  refusedService(
    'with a percentage below 0',
    { deploymentConfiguration: { minimumHealthyPercent: -1 } },
    /minimumHealthyPercent/,
  ),
  refusedService(
    'with a load balancer for a container that there is not',
    {
      loadBalancers: [
        {
          targetGroupArn:
            'arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/g/0123456789abcdef',
          containerName: 'other',
          containerPort: 80,
        },
      ],
    },
    /other|target group/,
  ),
  refusedService(
    'of another account’s definition',
    { taskDefinition: 'arn:aws:ecs:us-east-1:111111111111:task-definition/web:1' },
    /./,
    'ClientException',
  ),
  refusedService('with tags of something else', { propagateTags: 'CLUSTER' }, /CLUSTER/),
  refusedService(
    'with a provider that the cluster does not have',
    { capacityProviderStrategy: [{ capacityProvider: 'FARGATE' }] },
    /^The specified capacity provider strategy cannot contain/,
  ),
  refusedService(
    'with subnets in bridge mode',
    { networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } } },
    /^Network Configuration is not valid/,
  ),
  refusedService('for FARGATE of what is not for it', { launchType: 'FARGATE' }, /FARGATE/),
  refusedService(
    'blue and green without load balancers',
    { deploymentConfiguration: { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 1 } },
    /^deploymentConfiguration\.strategy is "BLUE_GREEN" and loadBalancers is empty/,
  ),
  {
    name: 'DescribeServices shows tags when they are asked for only',
    call: async ({ ecs }) => {
      const without = await ecs.describeServices({ services: ['most'] });
      const { services } = await ecs.describeServices({
        services: [`${ARN}:service/default/most`],
        include: ['TAGS'],
      });
      return [without.services?.[0]?.tags?.length ?? 0, services?.[0]?.tags?.length];
    },
    gives: [0, 50],
  },
  {
    name: 'DescribeServices of one twice shows it once',
    call: ({ ecs }) => ecs.describeServices({ services: ['most', `${ARN}:service/default/most`] }),
    gives: { services: [{ serviceName: 'most' }], failures: [] },
  },
  {
    name: 'UpdateService of the tags that tasks get, and of a grace period of -1',
    call: ({ ecs }) =>
      ecs.updateService({
        service: 'most',
        propagateTags: 'SERVICE',
        healthCheckGracePeriodSeconds: -1,
      }),
    fails: INVALID,
    message: /healthCheckGracePeriodSeconds/,
  },
  {
    name: 'what was refused has changed nothing',
    call: ({ ecs }) => ecs.describeServices({ services: ['most'] }),
    gives: { services: [{ propagateTags: 'NONE', healthCheckGracePeriodSeconds: 2_147_483_647 }] },
  },
  {
    name: 'UpdateService to -1 tasks',
    call: ({ ecs }) => ecs.updateService({ service: 'most', desiredCount: -1 }),
    fails: INVALID,
    message: /desiredCount/,
  },
  {
    name: 'UpdateService of a DAEMON with a count',
    call: async ({ ecs }) => {
      await ecs.createService({
        serviceName: 'daemon',
        taskDefinition: 'web',
        schedulingStrategy: 'DAEMON',
      });
      return ecs.updateService({ service: 'daemon', desiredCount: 1 });
    },
    fails: INVALID,
    message: /desiredCount|daemon/i,
  },
  {
    name: 'DeleteService of a DAEMON needs no force',
    call: ({ ecs }) => ecs.deleteService({ service: 'daemon' }),
    gives: { service: { status: /^(DRAINING|INACTIVE)$/ } },
  },
  {
    name: 'DeleteService of one that there is not',
    call: ({ ecs }) => ecs.deleteService({ service: 'none' }),
    fails: 'ServiceNotFoundException',
    message: /^Service not found\./,
  },
  {
    name: 'DeleteService without a name',
    call: ({ ecs }) => ecs.deleteService({ service: undefined }),
    fails: INVALID,
    message: /[sS]ervice/,
  },
  ...listLimit('ListServices', ({ ecs }, maxResults) => ecs.listServices({ maxResults })),
  ...listLimit('ListServiceDeployments', ({ ecs }, maxResults) =>
    ecs.listServiceDeployments({ service: 'most', maxResults }),
  ),
  {
    name: 'DescribeServiceDeployments of none',
    call: ({ ecs }) => ecs.describeServiceDeployments({ serviceDeploymentArns: [] }),
    fails: INVALID,
  },
  {
    name: 'DescribeServiceRevisions of one that there is not',
    call: ({ ecs }) =>
      ecs.describeServiceRevisions({
        serviceRevisionArns: [`${ARN}:service-revision/default/most/1234567890123456789`],
      }),
    gives: { serviceRevisions: [], failures: [{ reason: 'MISSING' }] },
  },
  {
    name: 'DescribeServiceRevisions of 21',
    call: ({ ecs }) =>
      ecs.describeServiceRevisions({
        serviceRevisionArns: Array.from(
          { length: 21 },
          (_, index) => `${ARN}:service-revision/default/most/${index}`,
        ),
      }),
    fails: INVALID,
  },
  {
    name: 'a deployment that may neither start nor stop a task says so',
    call: async ({ ecs }) => {
      // Without a health check nobody knows for a while whether the task is well.
      await ecs.registerTaskDefinition({
        family: 'checked',
        containerDefinitions: [{ ...MAIN, healthCheck: { command: ['CMD', 'true'] } }],
      });
      await ecs.createService({
        serviceName: 'stuck',
        taskDefinition: 'checked',
        desiredCount: 1,
        deploymentConfiguration: { minimumHealthyPercent: 100, maximumPercent: 100 },
      });
      await waitUntilServicesStable(
        { client: ecs, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
        { services: ['stuck'] },
      );
      await ecs.updateService({ service: 'stuck', forceNewDeployment: true });
      return eventually('the event', 20_000, async () => {
        const { services } = await ecs.describeServices({ services: ['stuck'] });
        return services?.[0]?.events?.find(({ message }) =>
          message?.includes('was unable to stop'),
        );
      });
    },
    gives: {
      id: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      message:
        /^\(service stuck\) was unable to stop or start tasks during a deployment because of the service deployment configuration\. Update the minimumHealthyPercent or maximumPercent value and try again\.$/,
      createdAt: RECENT,
    },
  },
  {
    name: 'UpdateTaskProtection for 1 minute and for 2880, for two hours unless it is said',
    call: async ({ ecs }) => {
      await ecs.createService({ serviceName: 'one', taskDefinition: 'web', desiredCount: 1 });
      const task = await eventually('the service has a task', 15_000, async () => {
        const { taskArns } = await ecs.listTasks({ serviceName: 'one' });
        return taskArns?.[0];
      });
      const minutes = async (expiresInMinutes?: number) => {
        const asked = { cluster: 'default', tasks: [task], protectionEnabled: true };
        const { protectedTasks } = await ecs.updateTaskProtection(
          expiresInMinutes === undefined ? asked : { ...asked, expiresInMinutes },
        );
        const left = (protectedTasks?.[0]?.expirationDate?.getTime() ?? 0) - Date.now();
        return Math.round(left / 60_000);
      };
      return [await minutes(1), await minutes(2880), await minutes()];
    },
    gives: [1, 2880, 120],
  },
]);
