// Clusters, their capacity providers and account settings. Source: ECS reference, sections 2.2, 2.8 and 8.
import { type Ground, conformance, pages } from './cases.ts';
import { ABSENT, ANY } from './match.ts';

const ARN = 'arn:aws:ecs:us-east-1:000000000000';
const GROUP =
  'arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:1:autoScalingGroupName/a';
const PROVIDER = { autoScalingGroupArn: GROUP };
const INVALID = 'InvalidParameterException';

conformance('ECS over the SDK: clusters in detail', [
  {
    name: 'CreateCluster with tags, settings and a configuration',
    call: ({ ecs }) =>
      ecs.createCluster({
        clusterName: 'blue',
        tags: [{ key: 'team', value: 'a' }],
        settings: [{ name: 'containerInsights', value: 'enabled' }],
        configuration: { executeCommandConfiguration: { logging: 'NONE' } },
      }),
    gives: {
      cluster: {
        status: 'ACTIVE',
        tags: [{ key: 'team', value: 'a' }],
        settings: [{ name: 'containerInsights', value: 'enabled' }],
        configuration: { executeCommandConfiguration: { logging: 'NONE' } },
      },
    },
  },
  {
    name: 'CreateCluster again, the same in another order',
    call: ({ ecs }) =>
      ecs.createCluster({
        configuration: { executeCommandConfiguration: { logging: 'NONE' } },
        settings: [{ name: 'containerInsights', value: 'enabled' }],
        tags: [{ key: 'team', value: 'a' }],
        clusterName: 'blue',
      }),
    gives: { cluster: { clusterArn: `${ARN}:cluster/blue` } },
  },
  {
    name: 'CreateCluster with a name of 255 characters',
    call: ({ ecs }) => ecs.createCluster({ clusterName: 'n'.repeat(255) }),
    gives: { cluster: { clusterName: 'n'.repeat(255) } },
  },
  {
    name: 'CreateCluster with a name of 256 characters',
    call: ({ ecs }) => ecs.createCluster({ clusterName: 'n'.repeat(256) }),
    fails: INVALID,
    message: /clusterName/,
  },
  {
    name: 'CreateCluster with a setting that there is not',
    call: ({ ecs }) =>
      ecs.createCluster({
        clusterName: 'x',
        settings: [{ name: 'other' as 'containerInsights', value: 'enabled' }],
      }),
    fails: INVALID,
  },
  {
    name: 'CreateCluster with a value of the setting that there is not',
    call: ({ ecs }) =>
      ecs.createCluster({
        clusterName: 'x',
        settings: [{ name: 'containerInsights', value: 'maybe' }],
      }),
    fails: INVALID,
    message: /enabled, enhanced, disabled/,
  },
  {
    name: 'CreateCluster with a capacity provider that there is not',
    call: ({ ecs }) => ecs.createCluster({ clusterName: 'x', capacityProviders: ['none'] }),
    fails: INVALID,
    message: /^The specified capacity provider 'none' was not found\./,
  },
  {
    name: 'CreateCluster with a strategy of providers that it does not have',
    call: ({ ecs }) =>
      ecs.createCluster({
        clusterName: 'x',
        defaultCapacityProviderStrategy: [{ capacityProvider: 'FARGATE', weight: 1 }],
      }),
    fails: INVALID,
    message:
      /^The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster\./,
  },
  {
    name: 'none of the refused clusters is there',
    call: ({ ecs }) => ecs.listClusters({}),
    gives: { clusterArns: [`${ARN}:cluster/blue`, `${ARN}:cluster/${'n'.repeat(255)}`] },
  },
  {
    name: 'DescribeClusters without include',
    call: ({ ecs }) => ecs.describeClusters({ clusters: ['blue'] }),
    gives: {
      clusters: [
        {
          clusterName: 'blue',
          tags: [],
          settings: [],
          statistics: [],
          configuration: ABSENT,
          attachmentsStatus: ABSENT,
          capacityProviders: [],
          defaultCapacityProviderStrategy: [],
        },
      ],
      failures: [],
    },
  },
  {
    name: 'DescribeClusters with everything included',
    call: ({ ecs }) =>
      ecs.describeClusters({
        clusters: [`${ARN}:cluster/blue`],
        include: ['ATTACHMENTS', 'CONFIGURATIONS', 'SETTINGS', 'STATISTICS', 'TAGS'],
      }),
    gives: {
      clusters: [
        {
          tags: [{ key: 'team', value: 'a' }],
          settings: [{ name: 'containerInsights', value: 'enabled' }],
          configuration: { executeCommandConfiguration: { logging: 'NONE' } },
          statistics: ANY,
        },
      ],
    },
  },
  {
    name: 'DescribeClusters counts by launch type, as text',
    call: async ({ ecs }) => {
      const { clusters } = await ecs.describeClusters({
        clusters: ['blue'],
        include: ['STATISTICS'],
      });
      const statistics = clusters?.[0]?.statistics ?? [];
      return Object.fromEntries(statistics.map(({ name, value }) => [name ?? '', value]));
    },
    gives: {
      runningEC2TasksCount: '0',
      runningFargateTasksCount: '0',
      pendingEC2TasksCount: '0',
      pendingFargateTasksCount: '0',
      activeEC2ServiceCount: '0',
      activeFargateServiceCount: '0',
      drainingEC2ServiceCount: '0',
      drainingFargateServiceCount: '0',
    },
  },
  {
    name: 'DescribeClusters with an include that there is not',
    call: ({ ecs }) => ecs.describeClusters({ clusters: ['blue'], include: ['ALL' as 'TAGS'] }),
    fails: INVALID,
    message: /ALL/,
  },
  {
    name: 'DescribeClusters of nothing is of the default cluster',
    call: ({ ecs }) => ecs.describeClusters({}),
    gives: { clusters: [], failures: [{ arn: `${ARN}:cluster/default`, reason: 'MISSING' }] },
  },
  {
    name: 'DescribeClusters of 100 and one of them is there',
    call: async ({ ecs }) => {
      const clusters = Array.from({ length: 99 }, (_, index) => `c${index}`);
      const answer = await ecs.describeClusters({ clusters: [...clusters, 'blue'] });
      return { found: answer.clusters?.length, missing: answer.failures?.length };
    },
    gives: { found: 1, missing: 99 },
  },
  {
    name: 'DescribeClusters of 101',
    call: ({ ecs }) =>
      ecs.describeClusters({ clusters: Array.from({ length: 101 }, (_, index) => `c${index}`) }),
    fails: INVALID,
  },
  {
    name: 'DescribeClusters of another region and of another account',
    call: ({ ecs }) =>
      ecs.describeClusters({
        clusters: [
          'arn:aws:ecs:eu-west-1:000000000000:cluster/blue',
          'arn:aws:ecs:us-east-1:111111111111:cluster/blue',
        ],
      }),
    gives: {
      clusters: [],
      failures: [
        { arn: 'arn:aws:ecs:eu-west-1:000000000000:cluster/blue', reason: 'MISSING' },
        { arn: 'arn:aws:ecs:us-east-1:111111111111:cluster/blue', reason: 'MISSING' },
      ],
    },
  },
  {
    name: 'UpdateClusterSettings',
    call: ({ ecs }) =>
      ecs.updateClusterSettings({
        cluster: 'blue',
        settings: [{ name: 'containerInsights', value: 'disabled' }],
      }),
    gives: { cluster: { settings: [{ name: 'containerInsights', value: 'disabled' }] } },
  },
  {
    name: 'UpdateClusterSettings without settings',
    call: ({ ecs }) => ecs.updateClusterSettings({ cluster: 'blue', settings: [] }),
    fails: INVALID,
  },
  {
    name: 'UpdateCluster changes what is given and keeps the rest',
    call: ({ ecs }) =>
      ecs.updateCluster({
        cluster: 'blue',
        settings: [{ name: 'containerInsights', value: 'enhanced' }],
      }),
    gives: {
      cluster: {
        settings: [{ name: 'containerInsights', value: 'enhanced' }],
        configuration: { executeCommandConfiguration: { logging: 'NONE' } },
        tags: [{ key: 'team', value: 'a' }],
      },
    },
  },
  {
    name: 'UpdateCluster with Service Connect',
    call: ({ ecs }) =>
      ecs.updateCluster({ cluster: 'blue', serviceConnectDefaults: { namespace: 'n' } }),
    fails: INVALID,
    message: /^serviceConnectDefaults is not supported by Berth\./,
  },
  {
    name: 'UpdateCluster of a cluster that there is not',
    call: ({ ecs }) => ecs.updateCluster({ cluster: 'none' }),
    fails: 'ClusterNotFoundException',
    message: /^Cluster not found\./,
  },
  {
    name: 'CreateCapacityProvider fills in everything',
    call: ({ ecs }) =>
      ecs.createCapacityProvider({
        name: 'fast',
        autoScalingGroupProvider: PROVIDER,
        tags: [{ key: 'kind', value: 'ssd' }],
      }),
    gives: {
      capacityProvider: {
        capacityProviderArn: `${ARN}:capacity-provider/fast`,
        name: 'fast',
        status: 'ACTIVE',
        updateStatus: 'CREATE_COMPLETE',
        tags: [{ key: 'kind', value: 'ssd' }],
        autoScalingGroupProvider: {
          autoScalingGroupArn: GROUP,
          managedTerminationProtection: 'DISABLED',
          managedScaling: { targetCapacity: 100, instanceWarmupPeriod: 300 },
        },
      },
    },
  },
  {
    name: 'CreateCapacityProvider of a name that is taken',
    call: ({ ecs }) =>
      ecs.createCapacityProvider({ name: 'fast', autoScalingGroupProvider: PROVIDER }),
    fails: 'ClientException',
    message: /^The specified capacity provider already exists\./,
  },
  ...['aws-one', 'ecsOne', 'Fargate-one'].map((name) => ({
    name: `CreateCapacityProvider "${name}", of a kind that is AWS's own`,
    call: ({ ecs }: Ground) =>
      ecs.createCapacityProvider({ name, autoScalingGroupProvider: PROVIDER }),
    fails: 'ClientException',
    message: /can't be prefixed with "aws", "ecs", or "fargate"/,
  })),
  {
    name: 'CreateCapacityProvider with a target of 0',
    call: ({ ecs }) =>
      ecs.createCapacityProvider({
        name: 'zero',
        autoScalingGroupProvider: { ...PROVIDER, managedScaling: { targetCapacity: 0 } },
      }),
    fails: INVALID,
    message: /targetCapacity/,
  },
  {
    name: 'CreateCapacityProvider of managed instances',
    call: ({ ecs }) =>
      ecs.createCapacityProvider({
        name: 'managed',
        cluster: 'blue',
        autoScalingGroupProvider: PROVIDER,
      }),
    fails: INVALID,
    message: /^cluster is not supported by Berth\./,
  },
  {
    name: 'UpdateCapacityProvider',
    call: ({ ecs }) =>
      ecs.updateCapacityProvider({
        name: 'fast',
        autoScalingGroupProvider: { managedScaling: { status: 'ENABLED', targetCapacity: 80 } },
      }),
    gives: {
      capacityProvider: {
        updateStatus: 'UPDATE_COMPLETE',
        autoScalingGroupProvider: {
          autoScalingGroupArn: GROUP,
          managedScaling: { status: 'ENABLED', targetCapacity: 80, maximumScalingStepSize: 10_000 },
        },
      },
    },
  },
  {
    name: 'UpdateCapacityProvider of one that there is not',
    call: ({ ecs }) => ecs.updateCapacityProvider({ name: 'none', autoScalingGroupProvider: {} }),
    fails: 'ClientException',
    message: /^The specified capacity provider does not exist\./,
  },
  {
    name: 'DescribeCapacityProviders: all of them, FARGATE too',
    call: async ({ ecs }) => {
      const { capacityProviders, failures } = await ecs.describeCapacityProviders({});
      return { names: capacityProviders?.map(({ name }) => name), failures };
    },
    gives: { names: ['FARGATE', 'FARGATE_SPOT', 'fast'], failures: [] },
  },
  {
    name: 'DescribeCapacityProviders in pages of one',
    call: ({ ecs }) =>
      pages(async (nextToken) => {
        const page = await ecs.describeCapacityProviders({ maxResults: 1, nextToken });
        return { items: page.capacityProviders, nextToken: page.nextToken };
      }),
    gives: [[{ name: 'FARGATE' }], [{ name: 'FARGATE_SPOT' }], [{ name: 'fast' }]],
  },
  {
    name: 'DescribeCapacityProviders in pages of eleven',
    call: ({ ecs }) => ecs.describeCapacityProviders({ maxResults: 11 }),
    fails: INVALID,
    message: /maxResults/,
  },
  {
    name: 'DescribeCapacityProviders by name and ARN, with tags, and what is missing',
    call: ({ ecs }) =>
      ecs.describeCapacityProviders({
        capacityProviders: [`${ARN}:capacity-provider/fast`, 'none'],
        include: ['TAGS'],
      }),
    gives: {
      capacityProviders: [{ name: 'fast', tags: [{ key: 'kind', value: 'ssd' }] }],
      failures: [{ arn: `${ARN}:capacity-provider/none`, reason: 'MISSING' }],
    },
  },
  {
    name: 'DescribeCapacityProviders without include shows no tags',
    call: ({ ecs }) => ecs.describeCapacityProviders({ capacityProviders: ['fast'] }),
    gives: { capacityProviders: [{ name: 'fast', tags: [] }] },
  },
  {
    name: 'PutClusterCapacityProviders',
    call: ({ ecs }) =>
      ecs.putClusterCapacityProviders({
        cluster: 'blue',
        capacityProviders: ['fast', 'FARGATE'],
        defaultCapacityProviderStrategy: [{ capacityProvider: 'fast', weight: 1, base: 2 }],
      }),
    gives: {
      cluster: {
        capacityProviders: ['fast', 'FARGATE'],
        defaultCapacityProviderStrategy: [{ capacityProvider: 'fast', weight: 1, base: 2 }],
      },
    },
  },
  {
    name: 'PutClusterCapacityProviders without the second list',
    call: ({ ecs }) =>
      ecs.putClusterCapacityProviders({
        cluster: 'blue',
        capacityProviders: [],
        defaultCapacityProviderStrategy: undefined,
      }),
    fails: INVALID,
    message: /[dD]efaultCapacityProviderStrategy/,
  },
  {
    name: 'PutClusterCapacityProviders with two bases',
    call: ({ ecs }) =>
      ecs.putClusterCapacityProviders({
        cluster: 'blue',
        capacityProviders: ['FARGATE', 'FARGATE_SPOT'],
        defaultCapacityProviderStrategy: [
          { capacityProvider: 'FARGATE', weight: 1, base: 1 },
          { capacityProvider: 'FARGATE_SPOT', weight: 1, base: 1 },
        ],
      }),
    fails: INVALID,
    message: /base/,
  },
  {
    name: 'PutClusterCapacityProviders that mixes FARGATE with others',
    call: ({ ecs }) =>
      ecs.putClusterCapacityProviders({
        cluster: 'blue',
        capacityProviders: ['FARGATE', 'fast'],
        defaultCapacityProviderStrategy: [
          { capacityProvider: 'FARGATE', weight: 1 },
          { capacityProvider: 'fast', weight: 1 },
        ],
      }),
    fails: INVALID,
    message: /FARGATE/,
  },
  {
    name: 'PutClusterCapacityProviders without any weight',
    call: ({ ecs }) =>
      ecs.putClusterCapacityProviders({
        cluster: 'blue',
        capacityProviders: ['FARGATE', 'FARGATE_SPOT'],
        defaultCapacityProviderStrategy: [
          { capacityProvider: 'FARGATE' },
          { capacityProvider: 'FARGATE_SPOT' },
        ],
      }),
    fails: INVALID,
    message: /weight/,
  },
  {
    name: 'PutClusterCapacityProviders with a weight of 1001',
    call: ({ ecs }) =>
      ecs.putClusterCapacityProviders({
        cluster: 'blue',
        capacityProviders: ['fast'],
        defaultCapacityProviderStrategy: [{ capacityProvider: 'fast', weight: 1001 }],
      }),
    fails: INVALID,
    message: /weight/,
  },
  {
    name: 'DeleteCapacityProvider while a cluster has it',
    call: ({ ecs }) => ecs.deleteCapacityProvider({ capacityProvider: 'fast' }),
    fails: 'ClientException',
    message: /^The capacity provider cannot be deleted because it is associated with cluster: blue/,
  },
  {
    name: 'PutClusterCapacityProviders that takes away what a service uses',
    call: async ({ ecs }) => {
      await ecs.registerTaskDefinition({
        family: 'web',
        containerDefinitions: [{ name: 'web', image: 'web', memory: 64 }],
      });
      await ecs.createService({
        cluster: 'blue',
        serviceName: 'web',
        taskDefinition: 'web',
        desiredCount: 0,
      });
      return ecs.putClusterCapacityProviders({
        cluster: 'blue',
        capacityProviders: [],
        defaultCapacityProviderStrategy: [],
      });
    },
    fails: 'ResourceInUseException',
    message: /^The specified capacity provider is in use and cannot be removed\./,
  },
  {
    name: 'a service of which nothing is said has the strategy of the cluster',
    call: ({ ecs }) => ecs.describeServices({ cluster: 'blue', services: ['web'] }),
    gives: {
      services: [
        {
          launchType: ABSENT,
          capacityProviderStrategy: [{ capacityProvider: 'fast', weight: 1, base: 2 }],
        },
      ],
    },
  },
  {
    name: 'DeleteCluster with a service',
    call: ({ ecs }) => ecs.deleteCluster({ cluster: 'blue' }),
    fails: 'ClusterContainsServicesException',
    message: /^The Cluster cannot be deleted while Services are active\./,
  },
  {
    name: 'DeleteCluster with a host',
    call: async ({ ecs }) => {
      await ecs.createCluster({ clusterName: 'hosts' });
      await ecs.registerContainerInstance({
        cluster: 'hosts',
        totalResources: [
          { name: 'CPU', type: 'INTEGER', integerValue: 1024 },
          { name: 'MEMORY', type: 'INTEGER', integerValue: 1024 },
        ],
      });
      return ecs.deleteCluster({ cluster: 'hosts' });
    },
    fails: 'ClusterContainsContainerInstancesException',
    message: /^The Cluster cannot be deleted while Container Instances are active or draining\./,
  },
  {
    name: 'an INACTIVE cluster can be described',
    call: async ({ ecs }) => {
      await ecs.createCluster({ clusterName: 'gone' });
      await ecs.deleteCluster({ cluster: 'gone' });
      return ecs.describeClusters({ clusters: ['gone'] });
    },
    gives: { clusters: [{ clusterName: 'gone', status: 'INACTIVE' }], failures: [] },
  },
  {
    name: 'an INACTIVE cluster takes nothing',
    call: ({ ecs }) => ecs.listTasks({ cluster: 'gone' }),
    fails: 'ClusterNotFoundException',
    message: /^The referenced cluster was inactive\./,
  },
  {
    name: 'an INACTIVE cluster is not listed',
    call: async ({ ecs }) =>
      (await ecs.listClusters({})).clusterArns?.includes(`${ARN}:cluster/gone`),
    gives: false,
  },
  {
    name: 'CreateCluster of an INACTIVE name makes another',
    call: ({ ecs }) =>
      ecs.createCluster({ clusterName: 'gone', tags: [{ key: 'second', value: '' }] }),
    gives: { cluster: { status: 'ACTIVE', tags: [{ key: 'second', value: '' }] } },
  },
  {
    name: 'DeleteCluster without a cluster',
    call: ({ ecs }) => ecs.deleteCluster({ cluster: undefined }),
    fails: INVALID,
  },
]);

const SETTINGS = [
  'awsvpcTrunking',
  'containerInsights',
  'containerInstanceLongArnFormat',
  'defaultLogDriverMode',
  'fargateEventWindows',
  'fargateFIPSMode',
  'fargateTaskRetirementWaitPeriod',
  'guardDutyActivate',
  'serviceLongArnFormat',
  'tagResourceAuthorization',
  'taskLongArnFormat',
];

conformance('ECS over the SDK: account settings', [
  {
    name: 'ListAccountSettings of somebody who has said nothing',
    call: ({ ecs }) => ecs.listAccountSettings({}),
    gives: { settings: [] },
  },
  {
    name: 'ListAccountSettings of what holds, all of it',
    call: async ({ ecs }) =>
      (
        await pages(async (nextToken) => {
          const page = await ecs.listAccountSettings({ effectiveSettings: true, nextToken });
          return { items: page.settings, nextToken: page.nextToken };
        })
      ).map((page) => page.map(({ name }) => name)),
    gives: [SETTINGS.slice(0, 10), SETTINGS.slice(10)],
  },
  {
    name: 'ListAccountSettings: ARNs are long',
    call: ({ ecs }) =>
      ecs.listAccountSettings({ name: 'serviceLongArnFormat', effectiveSettings: true }),
    gives: { settings: [{ name: 'serviceLongArnFormat', value: 'enabled', principalArn: ANY }] },
  },
  {
    name: 'PutAccountSetting is for the caller',
    call: ({ ecs }) => ecs.putAccountSetting({ name: 'containerInsights', value: 'enabled' }),
    gives: {
      setting: {
        name: 'containerInsights',
        value: 'enabled',
        principalArn: 'arn:aws:iam::000000000000:user/tester',
      },
    },
  },
  {
    name: 'what is said of the account decides new clusters',
    call: ({ ecs }) => ecs.createCluster({ clusterName: 'insight' }),
    gives: { cluster: { settings: [{ name: 'containerInsights', value: 'enabled' }] } },
  },
  {
    name: 'PutAccountSettingDefault is for everybody',
    call: async ({ ecs }) => {
      await ecs.putAccountSettingDefault({ name: 'tagResourceAuthorization', value: 'on' });
      return ecs.listAccountSettings({ name: 'tagResourceAuthorization', effectiveSettings: true });
    },
    gives: { settings: [{ value: 'on' }] },
  },
  {
    name: 'PutAccountSetting with a value that there is not',
    call: ({ ecs }) => ecs.putAccountSetting({ name: 'taskLongArnFormat', value: 'perhaps' }),
    fails: INVALID,
    message: /perhaps/,
  },
  {
    name: 'PutAccountSetting of what AWS manages',
    call: ({ ecs }) => ecs.putAccountSetting({ name: 'guardDutyActivate', value: 'on' }),
    fails: INVALID,
    message: /guardDutyActivate/,
  },
  {
    name: 'PutAccountSetting of a name that there is not',
    call: ({ ecs }) => ecs.putAccountSetting({ name: 'x' as 'containerInsights', value: 'on' }),
    fails: INVALID,
  },
  {
    name: 'DeleteAccountSetting gives the default back',
    call: ({ ecs }) => ecs.deleteAccountSetting({ name: 'containerInsights' }),
    gives: { setting: { name: 'containerInsights', value: 'disabled' } },
  },
  {
    name: 'ListAccountSettings with a token of another question',
    call: async ({ ecs }) => {
      const { nextToken } = await ecs.listAccountSettings({ effectiveSettings: true });
      return ecs.listAccountSettings({ effectiveSettings: false, nextToken });
    },
    fails: INVALID,
    message: /^Invalid nextToken/,
  },
]);
