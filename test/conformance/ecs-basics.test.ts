// Clusters, task definitions, services and tasks through the SDK's ECS client. Source: ECS reference, sections 1 and 2.
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteClusterCommand,
  DescribeClustersCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ExecuteCommandCommand,
  ListClustersCommand,
  ListTaskDefinitionsCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  UpdateServiceCommand,
  ListServicesByNamespaceCommand,
  type RegisterTaskDefinitionCommandInput,
} from '@aws-sdk/client-ecs';

import { conformance } from './cases.ts';
import { ABSENT, ANY, RECENT } from './match.ts';

const WEB: RegisterTaskDefinitionCommandInput = {
  family: 'web',
  containerDefinitions: [
    {
      name: 'web',
      image: 'web:1',
      memory: 64,
      portMappings: [{ containerPort: 80 }],
      environment: [{ name: 'EMPTY', value: '' }],
    },
  ],
};
const ARN = 'arn:aws:ecs:us-east-1:000000000000';

conformance('ECS over the SDK: clusters', [
  {
    name: 'CreateCluster without a name makes "default"',
    call: ({ ecs }) => ecs.send(new CreateClusterCommand({})),
    gives: {
      cluster: {
        clusterArn: `${ARN}:cluster/default`,
        clusterName: 'default',
        status: 'ACTIVE',
        registeredContainerInstancesCount: 0,
        runningTasksCount: 0,
        pendingTasksCount: 0,
        activeServicesCount: 0,
        statistics: [],
        tags: [],
        settings: ANY,
        capacityProviders: [],
        defaultCapacityProviderStrategy: [],
      },
    },
  },
  {
    name: 'CreateCluster is idempotent by name',
    call: ({ ecs }) => ecs.send(new CreateClusterCommand({ clusterName: 'default' })),
    gives: { cluster: { clusterName: 'default', status: 'ACTIVE' } },
  },
  {
    name: 'CreateCluster refuses other tags for the same name',
    call: ({ ecs }) =>
      ecs.send(
        new CreateClusterCommand({ clusterName: 'default', tags: [{ key: 'a', value: 'b' }] }),
      ),
    fails: 'InvalidParameterException',
    message: /^Arguments on this idempotent request are inconsistent/,
  },
  {
    name: 'CreateCluster refuses a name with a space',
    call: ({ ecs }) => ecs.send(new CreateClusterCommand({ clusterName: 'a b' })),
    fails: 'InvalidParameterException',
  },
  {
    name: 'CreateCluster refuses Service Connect by name',
    call: ({ ecs }) =>
      ecs.send(
        new CreateClusterCommand({
          clusterName: 'connected',
          serviceConnectDefaults: { namespace: 'n' },
        }),
      ),
    fails: 'InvalidParameterException',
    message: /^serviceConnectDefaults is not supported by Berth\./,
  },
  {
    name: 'a refused CreateCluster made nothing',
    call: ({ ecs }) => ecs.send(new DescribeClustersCommand({ clusters: ['connected'] })),
    gives: { clusters: [], failures: [{ arn: `${ARN}:cluster/connected`, reason: 'MISSING' }] },
  },
  {
    name: 'ListClusters pages without loss',
    call: async ({ ecs }) => {
      for (const clusterName of ['a', 'b', 'c']) {
        await ecs.send(new CreateClusterCommand({ clusterName }));
      }
      const arns: string[] = [];
      let nextToken: string | undefined;
      let pages = 0;
      do {
        const page = await ecs.send(new ListClustersCommand({ maxResults: 3, nextToken }));
        arns.push(...(page.clusterArns ?? []));
        ({ nextToken } = page);
        pages += 1;
      } while (nextToken !== undefined);
      return { arns, pages };
    },
    gives: {
      arns: ['a', 'b', 'c', 'default'].map((name) => `${ARN}:cluster/${name}`),
      pages: 2,
    },
  },
  {
    name: 'ListClusters refuses a token of its own making',
    call: ({ ecs }) => ecs.send(new ListClustersCommand({ nextToken: 'forged' })),
    fails: 'InvalidParameterException',
    message: /^Invalid nextToken/,
  },
  {
    name: 'ListClusters refuses maxResults 101',
    call: ({ ecs }) => ecs.send(new ListClustersCommand({ maxResults: 101 })),
    fails: 'InvalidParameterException',
    message: /maxResults/,
  },
  {
    name: 'DeleteCluster makes an empty one INACTIVE',
    call: ({ ecs }) => ecs.send(new DeleteClusterCommand({ cluster: 'a' })),
    gives: { cluster: { clusterName: 'a', status: 'INACTIVE' } },
  },
  {
    name: 'DeleteCluster does not know another',
    call: ({ ecs }) => ecs.send(new DeleteClusterCommand({ cluster: 'none' })),
    fails: 'ClusterNotFoundException',
    message: /^Cluster not found\./,
  },
]);

conformance('ECS over the SDK: task definitions, services, tasks', [
  {
    name: 'RegisterTaskDefinition gives the normal form',
    call: async ({ ecs }) => {
      await ecs.send(new CreateClusterCommand({}));
      return ecs.send(new RegisterTaskDefinitionCommand(WEB));
    },
    gives: {
      taskDefinition: {
        taskDefinitionArn: `${ARN}:task-definition/web:1`,
        family: 'web',
        revision: 1,
        status: 'ACTIVE',
        registeredAt: RECENT,
        volumes: [],
        placementConstraints: [],
        compatibilities: ANY,
        requiresAttributes: ANY,
        containerDefinitions: [
          {
            name: 'web',
            image: 'web:1',
            cpu: 0,
            memory: 64,
            essential: true,
            environment: [{ name: 'EMPTY', value: '' }],
            mountPoints: [],
            volumesFrom: [],
            systemControls: [],
            portMappings: [{ containerPort: 80, hostPort: 0, protocol: 'tcp' }],
            command: ABSENT,
          },
        ],
      },
    },
  },
  {
    name: 'RegisterTaskDefinition wants an image',
    call: ({ ecs }) =>
      ecs.send(
        new RegisterTaskDefinitionCommand({
          family: 'web',
          containerDefinitions: [{ name: 'web', memory: 64 }],
        }),
      ),
    fails: 'ClientException',
    message: /^Container\.image should not be null or empty\./,
  },
  {
    name: 'RegisterTaskDefinition refuses secrets by name',
    call: ({ ecs }) =>
      ecs.send(
        new RegisterTaskDefinitionCommand({
          family: 'web',
          containerDefinitions: [
            { name: 'web', image: 'web', memory: 64, secrets: [{ name: 'A', valueFrom: 'arn' }] },
          ],
        }),
      ),
    fails: 'ClientException',
    message: /^containerDefinitions\[0\]\.secrets is not supported by Berth\./,
  },
  {
    name: 'a failed registration uses up no revision',
    call: ({ ecs }) => ecs.send(new RegisterTaskDefinitionCommand(WEB)),
    gives: { taskDefinition: { revision: 2 } },
  },
  {
    name: 'DescribeTaskDefinition of a family is its newest',
    call: ({ ecs }) => ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'web' })),
    gives: { taskDefinition: { revision: 2 } },
  },
  {
    name: 'DescribeTaskDefinition does not know another family',
    call: ({ ecs }) => ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'none' })),
    fails: 'ClientException',
    message: /^Unable to describe task definition\./,
  },
  {
    name: 'ListTaskDefinitions refuses a word that is none',
    call: ({ ecs }) => ecs.send(new ListTaskDefinitionsCommand({ status: 'GONE' as 'ACTIVE' })),
    fails: 'InvalidParameterException',
    message: /GONE/,
  },
  {
    name: 'ListTaskDefinitions gives the newest first when asked',
    call: ({ ecs }) => ecs.send(new ListTaskDefinitionsCommand({ sort: 'DESC' })),
    gives: {
      taskDefinitionArns: [`${ARN}:task-definition/web:2`, `${ARN}:task-definition/web:1`],
      nextToken: ABSENT,
    },
  },
  {
    name: 'RunTask in a cluster without hosts',
    call: ({ ecs }) => ecs.send(new RunTaskCommand({ taskDefinition: 'web' })),
    fails: 'InvalidParameterException',
    message: /^No Container Instances were found in your cluster\./,
  },
  {
    name: 'RunTask in a cluster that there is not',
    call: ({ ecs }) => ecs.send(new RunTaskCommand({ cluster: 'none', taskDefinition: 'web' })),
    fails: 'ClusterNotFoundException',
    message: /^Cluster not found\./,
  },
  {
    name: 'CreateService shows its deployment at once',
    call: ({ ecs }) =>
      ecs.send(
        new CreateServiceCommand({ serviceName: 'web', taskDefinition: 'web', desiredCount: 1 }),
      ),
    gives: {
      service: {
        serviceArn: `${ARN}:service/default/web`,
        status: 'ACTIVE',
        desiredCount: 1,
        schedulingStrategy: 'REPLICA',
        createdAt: RECENT,
        loadBalancers: [],
        serviceRegistries: [],
        placementConstraints: [],
        placementStrategy: [],
        deploymentConfiguration: { minimumHealthyPercent: 100, maximumPercent: 200 },
        deployments: [{ id: /^ecs-svc\/\d{19}$/, status: 'PRIMARY', createdAt: RECENT }],
      },
    },
  },
  {
    name: 'CreateService refuses a name that is taken',
    call: ({ ecs }) =>
      ecs.send(
        new CreateServiceCommand({ serviceName: 'web', taskDefinition: 'web', desiredCount: 1 }),
      ),
    fails: 'InvalidParameterException',
    message: /^Creation of service was not idempotent\./,
  },
  {
    name: 'CreateService without desiredCount',
    call: ({ ecs }) =>
      ecs.send(new CreateServiceCommand({ serviceName: 'other', taskDefinition: 'web' })),
    fails: 'InvalidParameterException',
  },
  {
    name: 'UpdateService keeps what is not given',
    call: ({ ecs }) => ecs.send(new UpdateServiceCommand({ service: 'web', desiredCount: 0 })),
    gives: { service: { desiredCount: 0, taskDefinition: `${ARN}:task-definition/web:2` } },
  },
  {
    name: 'UpdateService of a service that there is not',
    call: ({ ecs }) => ecs.send(new UpdateServiceCommand({ service: 'none', desiredCount: 0 })),
    fails: 'ServiceNotFoundException',
    message: /^Service not found\./,
  },
  {
    name: 'DescribeServices names what is missing',
    call: ({ ecs }) => ecs.send(new DescribeServicesCommand({ services: ['web', 'none'] })),
    gives: {
      services: [{ serviceName: 'web' }],
      failures: [{ arn: `${ARN}:service/default/none`, reason: 'MISSING' }],
    },
  },
  {
    name: 'DescribeServices takes ten at most',
    call: ({ ecs }) =>
      ecs.send(
        new DescribeServicesCommand({ services: Array.from({ length: 11 }, (_, i) => `s${i}`) }),
      ),
    fails: 'InvalidParameterException',
  },
  {
    name: 'DescribeTasks of a task that there is not',
    call: ({ ecs }) => ecs.send(new DescribeTasksCommand({ tasks: ['0'.repeat(32)] })),
    gives: { tasks: [], failures: [{ reason: 'MISSING' }] },
  },
  {
    name: 'ListTasks of a service that there is not',
    call: ({ ecs }) => ecs.send(new ListTasksCommand({ serviceName: 'none' })),
    fails: 'ServiceNotFoundException',
  },
  {
    name: 'ExecuteCommand says what to use',
    call: ({ ecs }) =>
      ecs.send(new ExecuteCommandCommand({ task: 'a', command: 'sh', interactive: true })),
    fails: 'InvalidParameterException',
    message: /berth exec/,
  },
  {
    name: 'an operation that is left out is named',
    call: ({ ecs }) => ecs.send(new ListServicesByNamespaceCommand({ namespace: 'n' })),
    fails: 'UnsupportedFeatureException',
    message: /^ListServicesByNamespace is not supported by Berth\./,
  },
]);
