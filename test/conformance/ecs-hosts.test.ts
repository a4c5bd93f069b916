// Container instances and attributes, tags of everything. Source: ECS reference, sections 1.7, 2.7, 5.6 and 7.
import { eventually } from '../e2e/cluster.ts';
import { type Case, type Ground, conformance, kept, pages } from './cases.ts';
import { ABSENT, ANY, RECENT } from './match.ts';

const ARN = 'arn:aws:ecs:us-east-1:000000000000';
const INVALID = 'InvalidParameterException';
const NOBODY = '0'.repeat(32);
const TOTAL = [
  { name: 'CPU', type: 'INTEGER', integerValue: 2048 },
  { name: 'MEMORY', type: 'INTEGER', integerValue: 3767 },
  { name: 'PORTS', type: 'STRINGSET', stringSetValue: ['22', '8080'] },
  { name: 'PORTS_UDP', type: 'STRINGSET', stringSetValue: [] },
];
const WEB = {
  family: 'web',
  containerDefinitions: [{ name: 'main', image: 'web', memory: 64, cpu: 100 }],
};

async function registered(on: Ground, name: string): Promise<string> {
  const { containerInstance } = await on.ecs.registerContainerInstance({ totalResources: TOTAL });
  return (on.kept[name] = containerInstance?.containerInstanceArn ?? '');
}

const refusedRegistration = (what: string, input: object, message: RegExp): Case => ({
  name: `RegisterContainerInstance ${what}`,
  call: ({ ecs }) => ecs.registerContainerInstance({ totalResources: TOTAL, ...input }),
  fails: INVALID,
  message,
});

conformance('ECS over the SDK: container instances', [
  {
    name: 'RegisterContainerInstance lists the host with what it brings',
    call: async (on) => {
      await on.ecs.createCluster({});
      const answer = await on.ecs.registerContainerInstance({
        totalResources: TOTAL,
        attributes: [{ name: 'rack', value: 'r1' }],
        versionInfo: { agentVersion: '1.2.3', dockerVersion: 'DockerVersion: 28' },
        tags: [{ key: 'team', value: 'a' }],
      });
      on.kept['host'] = answer.containerInstance?.containerInstanceArn ?? '';
      return answer;
    },
    gives: {
      containerInstance: {
        containerInstanceArn: /:container-instance\/default\/[0-9a-f]{32}$/,
        status: 'ACTIVE',
        agentConnected: false,
        runningTasksCount: 0,
        pendingTasksCount: 0,
        registeredAt: RECENT,
        version: ANY,
        versionInfo: { agentVersion: '1.2.3' },
        attributes: [{ name: 'rack', value: 'r1' }],
        attachments: [],
        registeredResources: [
          { name: 'CPU', type: 'INTEGER', integerValue: 2048, longValue: 0, doubleValue: 0 },
          { name: 'MEMORY', type: 'INTEGER', integerValue: 3767 },
          {
            name: 'PORTS',
            type: 'STRINGSET',
            stringSetValue: ['22', '2375', '2376', '8080', '51678', '51679'],
          },
          { name: 'PORTS_UDP', type: 'STRINGSET', stringSetValue: [] },
        ],
        remainingResources: [{ integerValue: 2048 }, { integerValue: 3767 }, ANY, ANY],
      },
    },
  },
  {
    name: 'RegisterContainerInstance with GPUs, named as devices or as a resource',
    call: async ({ ecs }) => {
      const { containerInstance } = await ecs.registerContainerInstance({
        totalResources: [...TOTAL, { name: 'GPU', type: 'STRINGSET', stringSetValue: ['GPU-1'] }],
        platformDevices: [
          { id: 'GPU-1', type: 'GPU' },
          { id: 'GPU-2', type: 'GPU' },
        ],
      });
      const containerInstanceArn = containerInstance?.containerInstanceArn ?? '';
      await ecs.deregisterContainerInstance({ containerInstance: containerInstanceArn });
      return containerInstance;
    },
    gives: {
      registeredResources: [
        ANY,
        ANY,
        ANY,
        ANY,
        { name: 'GPU', type: 'STRINGSET', integerValue: 0, stringSetValue: ['GPU-1', 'GPU-2'] },
      ],
      remainingResources: [ANY, ANY, ANY, ANY, { stringSetValue: ['GPU-1', 'GPU-2'] }],
    },
  },
  refusedRegistration('without memory', { totalResources: TOTAL.slice(0, 1) }, /MEMORY/),
  refusedRegistration('without resources', { totalResources: undefined }, /CPU/),
  refusedRegistration(
    'with a GPU twice',
    { totalResources: [...TOTAL, { name: 'GPU', type: 'STRINGSET', stringSetValue: ['a', 'a'] }] },
    /GPU is "a"; expected ids .*each once/,
  ),
  refusedRegistration(
    'with a device that is no GPU',
    { platformDevices: [{ id: 'n0', type: 'NEURON_DEVICE' }] },
    /NEURON_DEVICE is not supported by Berth/,
  ),
  refusedRegistration(
    'with a port of 70000',
    { totalResources: [...TOTAL.slice(0, 2), { name: 'PORTS', stringSetValue: ['70000'] }] },
    /70000/,
  ),
  {
    name: 'RegisterContainerInstance in a cluster that there is not',
    call: ({ ecs }) => ecs.registerContainerInstance({ cluster: 'none', totalResources: TOTAL }),
    fails: 'ClusterNotFoundException',
    message: /^Cluster not found\./,
  },
  {
    name: 'RegisterContainerInstance again, the same',
    call: async (on) => {
      const { containerInstance } = await on.ecs.registerContainerInstance({
        containerInstanceArn: kept(on, 'host'),
        totalResources: TOTAL,
        attributes: [{ name: 'rack', value: 'r1' }],
      });
      return containerInstance?.containerInstanceArn === kept(on, 'host');
    },
    gives: true,
  },
  {
    name: 'RegisterContainerInstance again with more memory',
    call: (on) =>
      on.ecs.registerContainerInstance({
        containerInstanceArn: kept(on, 'host'),
        totalResources: [TOTAL[0]!, { ...TOTAL[1]!, integerValue: 9999 }],
      }),
    fails: 'ClientException',
    message: /^Container instance type changes are not supported\./,
  },
  {
    name: 'a host without its agent gets no tasks',
    call: async ({ ecs }) => {
      await ecs.registerTaskDefinition(WEB);
      return ecs.runTask({ taskDefinition: 'web' });
    },
    gives: { tasks: [], failures: [{ arn: ANY, reason: 'AGENT' }] },
  },
  {
    name: 'once its agent is connected the host gets tasks, and keeps its attributes and tags',
    call: async (on) => {
      const id = kept(on, 'host').split('/').at(-1) ?? '';
      await on.plane.host({ id, cpu: 2048, memory: 3767 });
      const { tasks } = await on.ecs.runTask({ taskDefinition: 'web' });
      on.kept['task'] = tasks?.[0]?.taskArn ?? '';
      await eventually('the task runs', 10_000, async () => {
        const { tasks: now } = await on.ecs.describeTasks({ tasks: [kept(on, 'task')] });
        return now?.[0]?.lastStatus === 'RUNNING' ? true : undefined;
      });
      return on.ecs.describeContainerInstances({
        containerInstances: [id],
        include: ['TAGS', 'CONTAINER_INSTANCE_HEALTH'],
      });
    },
    gives: {
      containerInstances: [
        {
          agentConnected: true,
          runningTasksCount: 1,
          attributes: [{ name: 'rack', value: 'r1' }],
          tags: [{ key: 'team', value: 'a' }],
          healthStatus: { overallStatus: 'OK', details: [{ type: 'AGENT_CONNECTIVITY' }] },
          remainingResources: [{ integerValue: 1948 }, { integerValue: 3703 }, ANY, ANY],
        },
      ],
      failures: [],
    },
  },
  {
    name: 'DescribeContainerInstances without include, and what is missing',
    call: (on) =>
      on.ecs.describeContainerInstances({ containerInstances: [kept(on, 'host'), NOBODY] }),
    gives: {
      containerInstances: [{ tags: [], healthStatus: ABSENT }],
      failures: [{ arn: `${ARN}:container-instance/default/${NOBODY}`, reason: 'MISSING' }],
    },
  },
  {
    name: 'DescribeContainerInstances of none',
    call: ({ ecs }) => ecs.describeContainerInstances({ containerInstances: [] }),
    fails: INVALID,
    message: /^Container instances cannot be empty\./,
  },
  {
    name: 'DescribeContainerInstances of 101',
    call: ({ ecs }) =>
      ecs.describeContainerInstances({
        containerInstances: Array.from({ length: 101 }, (_, i) => String(i).padStart(32, '0')),
      }),
    fails: INVALID,
  },
  {
    name: 'ListContainerInstances in pages',
    call: async (on) => {
      await registered(on, 'second');
      await registered(on, 'third');
      const found = await pages(async (nextToken) => {
        const page = await on.ecs.listContainerInstances({ maxResults: 2, nextToken });
        return { items: page.containerInstanceArns, nextToken: page.nextToken };
      });
      return { sizes: found.map((page) => page.length), ids: new Set(found.flat()).size };
    },
    gives: { sizes: [2, 1], ids: 3 },
  },
  {
    name: 'ListContainerInstances by a query',
    call: async (on) => {
      const { containerInstanceArns } = await on.ecs.listContainerInstances({
        filter: 'attribute:rack == r1 and runningTasksCount > 0',
      });
      return containerInstanceArns?.join() === kept(on, 'host');
    },
    gives: true,
  },
  {
    name: 'ListContainerInstances by a query that is none',
    call: ({ ecs }) => ecs.listContainerInstances({ filter: 'attribute:rack ==' }),
    fails: INVALID,
    message: /filter/,
  },
  ...(['DRAINING', 'DEREGISTERING', 'REGISTERING'] as const).map((status): Case => ({
    name: `ListContainerInstances of those that are ${status}`,
    call: ({ ecs }) => ecs.listContainerInstances({ status }),
    gives: { containerInstanceArns: [], nextToken: ABSENT },
  })),
  {
    name: 'UpdateContainerInstancesState drains what it finds',
    call: (on) =>
      on.ecs.updateContainerInstancesState({
        containerInstances: [kept(on, 'second'), NOBODY],
        status: 'DRAINING',
      }),
    gives: {
      containerInstances: [{ status: 'DRAINING' }],
      failures: [{ arn: `${ARN}:container-instance/default/${NOBODY}`, reason: 'MISSING' }],
    },
  },
  {
    name: 'ListContainerInstances of those that drain',
    call: async (on) => {
      const { containerInstanceArns } = await on.ecs.listContainerInstances({ status: 'DRAINING' });
      return containerInstanceArns?.join() === kept(on, 'second');
    },
    gives: true,
  },
  {
    name: 'UpdateContainerInstancesState to what only ECS sets',
    call: (on) =>
      on.ecs.updateContainerInstancesState({
        containerInstances: [kept(on, 'second')],
        status: 'DEREGISTERING',
      }),
    fails: INVALID,
    message: /^Container instance status should be one of \[ACTIVE, ?DRAINING\]/,
  },
  {
    name: 'UpdateContainerInstancesState of eleven',
    call: ({ ecs }) =>
      ecs.updateContainerInstancesState({
        containerInstances: Array.from({ length: 11 }, (_, i) => String(i).padStart(32, '0')),
        status: 'ACTIVE',
      }),
    fails: INVALID,
  },
  {
    name: 'DeregisterContainerInstance with a task on it',
    call: (on) => on.ecs.deregisterContainerInstance({ containerInstance: kept(on, 'host') }),
    fails: INVALID,
    message: /^Found running tasks on the instance\./,
  },
  {
    name: 'the host that was not deregistered is ACTIVE as before',
    call: (on) => on.ecs.describeContainerInstances({ containerInstances: [kept(on, 'host')] }),
    gives: { containerInstances: [{ status: 'ACTIVE' }] },
  },
  {
    name: 'DeregisterContainerInstance of an empty host',
    call: (on) => on.ecs.deregisterContainerInstance({ containerInstance: kept(on, 'second') }),
    gives: { containerInstance: { status: 'INACTIVE', agentConnected: false } },
  },
  {
    name: 'what was deregistered is described as INACTIVE',
    call: (on) => on.ecs.describeContainerInstances({ containerInstances: [kept(on, 'second')] }),
    gives: { containerInstances: [{ status: 'INACTIVE' }], failures: [] },
  },
  {
    name: 'StartTask on what was deregistered',
    call: (on) =>
      on.ecs.startTask({ taskDefinition: 'web', containerInstances: [kept(on, 'second')] }),
    gives: { tasks: [], failures: [{ reason: 'INACTIVE' }] },
  },
  {
    name: 'RegisterContainerInstance of what was deregistered',
    call: (on) =>
      on.ecs.registerContainerInstance({
        containerInstanceArn: kept(on, 'second'),
        totalResources: TOTAL,
      }),
    fails: 'ClientException',
    message: /deregistered/,
  },
  {
    name: 'DeregisterContainerInstance by force: its task is lost',
    call: async (on) => {
      await on.ecs.deregisterContainerInstance({
        containerInstance: kept(on, 'host'),
        force: true,
      });
      return eventually('the task is STOPPED', 10_000, async () => {
        const { tasks } = await on.ecs.describeTasks({ tasks: [kept(on, 'task')] });
        return tasks?.[0]?.lastStatus === 'STOPPED' ? tasks[0] : undefined;
      });
    },
    gives: { stopCode: 'TerminationNotice', stoppedReason: /deregistered/ },
  },
  {
    name: 'DeregisterContainerInstance of a host that there is not',
    call: ({ ecs }) => ecs.deregisterContainerInstance({ containerInstance: NOBODY }),
    fails: INVALID,
    message: /container instance was not found/,
  },
  {
    name: 'UpdateContainerAgent is left out by name',
    call: (on) => on.ecs.updateContainerAgent({ containerInstance: kept(on, 'third') }),
    fails: 'UnsupportedFeatureException',
    message: /^UpdateContainerAgent is not supported by Berth\./,
  },
]);

conformance('ECS over the SDK: attributes', [
  {
    name: 'PutAttributes',
    call: async (on) => {
      await on.ecs.createCluster({});
      return on.ecs.putAttributes({
        attributes: [
          {
            name: 'stack',
            value: 'prod',
            targetType: 'container-instance',
            targetId: await registered(on, 'host'),
          },
          { name: 'bare', targetId: kept(on, 'host') },
        ],
      });
    },
    gives: { attributes: [{ name: 'stack', value: 'prod' }, { name: 'bare' }] },
  },
  {
    name: 'PutAttributes overwrites',
    call: async (on) => {
      await on.ecs.putAttributes({
        attributes: [{ name: 'stack', value: 'test', targetId: kept(on, 'host') }],
      });
      return on.ecs.listAttributes({ targetType: 'container-instance', attributeName: 'stack' });
    },
    gives: {
      attributes: [
        {
          name: 'stack',
          value: 'test',
          targetType: 'container-instance',
          targetId: /:container-instance\/default\//,
        },
      ],
    },
  },
  {
    name: 'ListAttributes by value',
    call: ({ ecs }) =>
      ecs.listAttributes({
        targetType: 'container-instance',
        attributeName: 'stack',
        attributeValue: 'prod',
      }),
    gives: { attributes: [], nextToken: ABSENT },
  },
  {
    name: 'ListAttributes by value alone',
    call: ({ ecs }) =>
      ecs.listAttributes({ targetType: 'container-instance', attributeValue: 'prod' }),
    fails: INVALID,
    message: /attributeName/,
  },
  {
    name: 'ListAttributes in pages',
    call: ({ ecs }) =>
      pages(async (nextToken) => {
        const page = await ecs.listAttributes({
          targetType: 'container-instance',
          maxResults: 1,
          nextToken,
        });
        return { items: page.attributes, nextToken: page.nextToken };
      }),
    gives: [[{ name: 'bare' }], [{ name: 'stack' }]],
  },
  {
    name: 'PutAttributes on a host that there is not',
    call: ({ ecs }) => ecs.putAttributes({ attributes: [{ name: 'a', targetId: NOBODY }] }),
    fails: 'TargetNotFoundException',
  },
  ...['ecs.os-type', 'com.amazonaws.ecs.capability.x'].map((name): Case => ({
    name: `PutAttributes of ${name}, which is not people's own`,
    call: (on) => on.ecs.putAttributes({ attributes: [{ name, targetId: kept(on, 'host') }] }),
    fails: INVALID,
    message: /ecs\./,
  })),
  {
    name: 'PutAttributes of eleven',
    call: (on) =>
      on.ecs.putAttributes({
        attributes: Array.from({ length: 11 }, (_, index) => ({
          name: `a${index}`,
          targetId: kept(on, 'host'),
        })),
      }),
    fails: INVALID,
    message: /attributes/,
  },
  {
    name: 'PutAttributes beyond ten on one host changes nothing',
    call: (on) =>
      on.ecs.putAttributes({
        attributes: Array.from({ length: 9 }, (_, index) => ({
          name: `a${index}`,
          targetId: kept(on, 'host'),
        })),
      }),
    fails: 'AttributeLimitExceededException',
  },
  {
    name: 'DeleteAttributes',
    call: async (on) => {
      await on.ecs.deleteAttributes({
        attributes: [
          { name: 'stack', targetId: kept(on, 'host') },
          { name: 'never', targetId: kept(on, 'host') },
        ],
      });
      return on.ecs.listAttributes({ targetType: 'container-instance' });
    },
    gives: { attributes: [{ name: 'bare', value: ABSENT }] },
  },
]);

const tagsOf = async ({ ecs }: Ground, resourceArn: string) =>
  (await ecs.listTagsForResource({ resourceArn })).tags;

/** Tag, tag again, untag, list. */
const tagging = (kind: string, arnOf: (on: Ground) => string): Case => ({
  name: `TagResource, UntagResource and ListTagsForResource of a ${kind}`,
  call: async (on) => {
    const resourceArn = arnOf(on);
    const tags = [
      { key: 'a', value: '1' },
      { key: 'B c', value: '' },
    ];
    await on.ecs.tagResource({ resourceArn, tags });
    await on.ecs.tagResource({ resourceArn, tags: [{ key: 'a', value: '2' }] });
    const before = await tagsOf(on, resourceArn);
    await on.ecs.untagResource({ resourceArn, tagKeys: ['a', 'unknown'] });
    return [before, await tagsOf(on, resourceArn)];
  },
  gives: [
    [
      { key: 'a', value: '2' },
      { key: 'B c', value: '' },
    ],
    [{ key: 'B c', value: '' }],
  ],
});

const CLUSTER = `${ARN}:cluster/default`;
const refusedTags = (
  what: string,
  tags: { key: string; value: string }[],
  message: RegExp,
): Case => ({
  name: `TagResource ${what}`,
  call: ({ ecs }) => ecs.tagResource({ resourceArn: CLUSTER, tags }),
  fails: INVALID,
  message,
});

conformance('ECS over the SDK: tags', [
  {
    name: 'one of each kind',
    call: async (on) => {
      const { ecs } = on;
      await ecs.createCluster({});
      await ecs.registerTaskDefinition(WEB);
      await ecs.createCapacityProvider({
        name: 'spot',
        autoScalingGroupProvider: { autoScalingGroupArn: 'arn:aws:autoscaling:::group' },
      });
      const { id } = await on.plane.host();
      on.kept['host'] = `${ARN}:container-instance/default/${id}`;
      await ecs.createService({ serviceName: 'web', taskDefinition: 'web', desiredCount: 0 });
      const { tasks } = await ecs.runTask({ taskDefinition: 'web' });
      on.kept['task'] = tasks?.[0]?.taskArn ?? '';
      return tagsOf(on, CLUSTER);
    },
    gives: [],
  },
  tagging('cluster', () => CLUSTER),
  tagging('service', () => `${ARN}:service/default/web`),
  tagging('task definition', () => `${ARN}:task-definition/web:1`),
  tagging('capacity provider', () => `${ARN}:capacity-provider/spot`),
  tagging('container instance', (on) => kept(on, 'host')),
  tagging('task', (on) => kept(on, 'task')),
  refusedTags('with aws:', [{ key: 'AWS:x', value: '' }], /aws:/),
  refusedTags('with a key of 129 characters', [{ key: 'k'.repeat(129), value: '' }], /key/),
  refusedTags('with a value of 257 characters', [{ key: 'k', value: 'v'.repeat(257) }], /value/),
  refusedTags('with a character that is none', [{ key: 'k*', value: '' }], /k\*/),
  refusedTags(
    'with a key twice',
    [
      { key: 'k', value: '1' },
      { key: 'k', value: '2' },
    ],
    /k/,
  ),
  refusedTags('with nothing', [], /[tT]ags/),
  {
    name: 'TagResource with a key of 128 characters and a value of 256',
    call: async (on) => {
      const tags = [{ key: 'k'.repeat(128), value: 'v'.repeat(256) }];
      await on.ecs.tagResource({ resourceArn: CLUSTER, tags });
      return tagsOf(on, CLUSTER);
    },
    gives: [ANY, { key: 'k'.repeat(128), value: 'v'.repeat(256) }],
  },
  {
    name: 'TagResource up to fifty, and not one more',
    call: async (on) => {
      const resourceArn = `${ARN}:service/default/web`;
      const tags = Array.from({ length: 49 }, (_, index) => ({ key: `k${index}`, value: '' }));
      await on.ecs.tagResource({ resourceArn, tags });
      return on.ecs.tagResource({ resourceArn, tags: [{ key: 'more', value: '' }] });
    },
    fails: INVALID,
    message: /50/,
  },
  {
    name: 'TagResource of what is no ARN',
    call: ({ ecs }) => ecs.tagResource({ resourceArn: 'default', tags: [{ key: 'a', value: '' }] }),
    fails: INVALID,
    message: /^Invalid arn syntax\./,
  },
  {
    name: 'TagResource of another account',
    call: ({ ecs }) =>
      ecs.tagResource({
        resourceArn: 'arn:aws:ecs:us-east-1:111111111111:cluster/default',
        tags: [{ key: 'a', value: '' }],
      }),
    fails: INVALID,
  },
  {
    name: 'ListTagsForResource of a service that there is not',
    call: ({ ecs }) => ecs.listTagsForResource({ resourceArn: `${ARN}:service/default/none` }),
    fails: 'ResourceNotFoundException',
  },
  {
    name: 'ListTagsForResource of a cluster that there is not',
    call: ({ ecs }) => ecs.listTagsForResource({ resourceArn: `${ARN}:cluster/none` }),
    fails: 'ClusterNotFoundException',
  },
  {
    name: 'tasks of a service have its tags, those of ECS and those of their definition as it says',
    call: async (on) => {
      await on.ecs.tagResource({
        resourceArn: `${ARN}:task-definition/web:1`,
        tags: [{ key: 'from', value: 'definition' }],
      });
      await on.ecs.createService({
        serviceName: 'tagged',
        taskDefinition: 'web',
        desiredCount: 1,
        tags: [{ key: 'from', value: 'service' }],
        propagateTags: 'SERVICE',
        enableECSManagedTags: true,
      });
      const task = await eventually('the service has a task', 15_000, async () => {
        const { taskArns } = await on.ecs.listTasks({ serviceName: 'tagged' });
        return taskArns?.[0];
      });
      const { tasks } = await on.ecs.describeTasks({ tasks: [task], include: ['TAGS'] });
      return Object.fromEntries(
        (tasks?.[0]?.tags ?? []).map(({ key, value }) => [key ?? '', value]),
      );
    },
    gives: {
      from: 'service',
      'aws:ecs:clusterName': 'default',
      'aws:ecs:serviceName': 'tagged',
    },
  },
]);
