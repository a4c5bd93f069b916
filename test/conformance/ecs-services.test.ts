// Services, their deployments and revisions. Source: ECS reference, sections 2.5, 2.6 and 6.
import {
  waitUntilServicesInactive,
  waitUntilServicesStable,
  waitUntilTasksRunning,
  waitUntilTasksStopped,
} from '@aws-sdk/client-ecs';
import { CreateTargetGroupCommand } from '@aws-sdk/client-elastic-load-balancing-v2';

import { eventually } from '../e2e/cluster.ts';
import { type Case, type Ground, conformance, kept, pages } from './cases.ts';
import { ABSENT, ANY, RECENT } from './match.ts';

const ARN = 'arn:aws:ecs:us-east-1:000000000000';
const INVALID = 'InvalidParameterException';

async function ground({ ecs, plane }: Ground): Promise<void> {
  for (const [family, image] of [
    ['web', 'web:1'],
    ['web', 'web:2'],
    ['slow', 'slow'],
    ['broken', 'broken'],
  ]) {
    await ecs.registerTaskDefinition({
      family,
      containerDefinitions: [
        {
          name: 'main',
          image,
          memory: 16,
          portMappings: [{ containerPort: 80 }],
          // Without one a task has to run for a while before it counts as healthy.
          healthCheck: { command: ['CMD', 'true'] },
        },
      ],
    });
  }
  await plane.host();
  await plane.host();
}

const refused = (what: string, input: object, message: RegExp, fails = INVALID): Case => ({
  name: `CreateService ${what}`,
  call: ({ ecs }) =>
    ecs.createService({ serviceName: 'x', taskDefinition: 'web', desiredCount: 0, ...input }),
  fails,
  message,
});

const serviceOf = async ({ ecs }: Ground, service: string) =>
  (await ecs.describeServices({ services: [service] })).services?.[0];

const waiting = ({ ecs }: Ground) => ({ client: ecs, maxWaitTime: 30, minDelay: 1, maxDelay: 1 });

conformance('ECS over the SDK: creating services', [
  {
    name: 'CreateService with everything that can be said',
    call: async (on) => {
      await ground(on);
      return on.ecs.createService({
        serviceName: 'all',
        cluster: `${ARN}:cluster/default`,
        taskDefinition: `${ARN}:task-definition/web:1`,
        desiredCount: 2,
        launchType: 'EC2',
        deploymentConfiguration: {
          minimumHealthyPercent: 50,
          maximumPercent: 150,
          deploymentCircuitBreaker: { enable: true, rollback: true },
        },
        placementConstraints: [{ type: 'memberOf', expression: 'attribute:zone != z' }],
        placementStrategy: [
          { type: 'spread', field: 'host' },
          { type: 'binpack', field: 'memory' },
        ],
        healthCheckGracePeriodSeconds: 30,
        tags: [{ key: 'a', value: 'b' }],
        propagateTags: 'SERVICE',
        enableECSManagedTags: true,
        clientToken: 'token',
      });
    },
    gives: {
      service: {
        status: 'ACTIVE',
        taskDefinition: `${ARN}:task-definition/web:1`,
        desiredCount: 2,
        launchType: 'EC2',
        createdBy: 'arn:aws:iam::000000000000:user/tester',
        deploymentController: { type: 'ECS' },
        deploymentConfiguration: {
          minimumHealthyPercent: 50,
          maximumPercent: 150,
          deploymentCircuitBreaker: { enable: true, rollback: true },
        },
        placementConstraints: [{ type: 'memberOf', expression: 'attribute:zone != z' }],
        placementStrategy: [
          { type: 'spread', field: 'instanceId' },
          { type: 'binpack', field: 'MEMORY' },
        ],
        healthCheckGracePeriodSeconds: 30,
        propagateTags: 'SERVICE',
        enableECSManagedTags: true,
        events: [],
        tags: [{ key: 'a', value: 'b' }],
        deployments: [
          {
            status: 'PRIMARY',
            taskDefinition: `${ARN}:task-definition/web:1`,
            desiredCount: 2,
            rolloutState: 'IN_PROGRESS',
            launchType: 'EC2',
          },
        ],
      },
    },
  },
  {
    name: 'CreateService again with the same token',
    call: async ({ ecs }) => {
      const input = {
        serviceName: 'token',
        taskDefinition: 'web',
        desiredCount: 0,
        clientToken: 'again',
      };
      const first = await ecs.createService(input);
      const second = await ecs.createService(input);
      return first.service?.deployments?.[0]?.id === second.service?.deployments?.[0]?.id;
    },
    gives: true,
  },
  refused(
    'again with the token and other arguments',
    { serviceName: 'token', desiredCount: 3, clientToken: 'again' },
    /^Creation of service was not idempotent\./,
  ),
  {
    name: 'CreateService of strategy DAEMON wants a task for each host',
    call: async (on) => {
      await on.ecs.createService({
        serviceName: 'daemon',
        taskDefinition: 'web',
        schedulingStrategy: 'DAEMON',
      });
      return eventually('a task on each host', 20_000, async () => {
        const service = await serviceOf(on, 'daemon');
        return service?.runningCount === 2 ? service : undefined;
      });
    },
    gives: {
      schedulingStrategy: 'DAEMON',
      desiredCount: 2,
      deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 },
    },
  },
  refused('without a name', { serviceName: undefined }, /[sS]ervice ?[nN]ame/),
  refused('with a dot in its name', { serviceName: 'a.b' }, /serviceName/),
  refused('with 256 characters', { serviceName: 'x'.repeat(256) }, /serviceName/),
  refused('without a task definition', { taskDefinition: undefined }, /taskDefinition/),
  refused(
    'of what is not registered',
    { taskDefinition: 'none' },
    /^TaskDefinition not found\./,
    'ClientException',
  ),
  refused(
    'in a cluster that there is not',
    { cluster: 'none' },
    /^Cluster not found\./,
    'ClusterNotFoundException',
  ),
  refused('of -1 tasks', { desiredCount: -1 }, /desiredCount/),
  refused(
    'of a DAEMON with a count',
    { schedulingStrategy: 'DAEMON', desiredCount: 1 },
    /desiredCount|daemon/i,
  ),
  refused(
    'of a DAEMON that is placed by a strategy',
    {
      schedulingStrategy: 'DAEMON',
      desiredCount: undefined,
      placementStrategy: [{ type: 'random' }],
    },
    /strateg/i,
  ),
  refused(
    'of a DAEMON with more than one task at a time',
    {
      schedulingStrategy: 'DAEMON',
      desiredCount: undefined,
      deploymentConfiguration: { maximumPercent: 200 },
    },
    /maximumPercent|daemon/i,
  ),
  refused('of a strategy that there is not', { schedulingStrategy: 'SOME' }, /SOME/),
  refused(
    'with a launch type and a strategy',
    { launchType: 'EC2', capacityProviderStrategy: [{ capacityProvider: 'FARGATE' }] },
    /launch ?type|launchType/i,
  ),
  refused(
    'under another controller',
    { deploymentController: { type: 'CODE_DEPLOY' } },
    /controller/,
    'UnsupportedFeatureException',
  ),
  refused(
    'with service discovery',
    { serviceRegistries: [{ registryArn: 'arn' }] },
    /^serviceRegistries is not supported by Berth\./,
  ),
  refused(
    'with Service Connect',
    { serviceConnectConfiguration: { enabled: true } },
    /^serviceConnectConfiguration is not supported by Berth\./,
  ),
  refused(
    'behind a target group that there is not',
    {
      loadBalancers: [
        {
          targetGroupArn:
            'arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/none/0123456789abcdef',
          containerName: 'main',
          containerPort: 80,
        },
      ],
    },
    /target group does not exist/,
  ),
  refused(
    'behind a Classic Load Balancer',
    { loadBalancers: [{ loadBalancerName: 'old', containerName: 'main', containerPort: 80 }] },
    /loadBalancerName is not supported by Berth/,
  ),
  refused(
    'with a grace period of -1',
    { healthCheckGracePeriodSeconds: -1 },
    /healthCheckGracePeriodSeconds/,
  ),
  refused('with a token of 37 characters', { clientToken: 'x'.repeat(37) }, /clientToken/),
  refused(
    'that executes commands without a role',
    { enableExecuteCommand: true },
    /valid taskRoleArn/,
  ),
  {
    name: 'CreateService behind a target group that no listener forwards to',
    call: async ({ ecs, elbv2 }) => {
      const { TargetGroups } = await elbv2.send(
        new CreateTargetGroupCommand({
          Name: 'alone',
          Protocol: 'HTTP',
          Port: 80,
          VpcId: 'vpc-00000001',
        }),
      );
      const targetGroupArn = TargetGroups?.[0]?.TargetGroupArn;
      return ecs.createService({
        serviceName: 'x',
        taskDefinition: 'web',
        desiredCount: 0,
        loadBalancers: [{ targetGroupArn, containerName: 'main', containerPort: 80 }],
      });
    },
    fails: INVALID,
    message: /^The target group with targetGroupArn .* does not have an associated load balancer\./,
  },
]);

conformance('ECS over the SDK: life of services', [
  {
    name: 'a service becomes stable, as the waiter sees it',
    call: async (on) => {
      await ground(on);
      await on.ecs.createService({ serviceName: 'web', taskDefinition: 'web:1', desiredCount: 2 });
      const { state } = await waitUntilServicesStable(waiting(on), { services: ['web'] });
      const { taskArns: tasks } = await on.ecs.listTasks({ serviceName: 'web' });
      const running = await waitUntilTasksRunning(waiting(on), { tasks });
      return [state, running.state, tasks];
    },
    gives: ['SUCCESS', 'SUCCESS', [ANY, ANY]],
  },
  {
    name: 'a stable service has one deployment, which is COMPLETED, and says so in its events',
    call: (on) =>
      eventually('the deployment is COMPLETED', 20_000, async () => {
        const service = await serviceOf(on, 'web');
        return service?.deployments?.[0]?.rolloutState === 'COMPLETED' ? service : undefined;
      }),
    gives: {
      runningCount: 2,
      pendingCount: 0,
      deployments: [
        { rolloutState: 'COMPLETED', runningCount: 2, failedTasks: 0, createdAt: RECENT },
      ],
    },
  },
  {
    name: 'events tell of what was started and of the steady state',
    call: (on) =>
      eventually('steady state is told', 20_000, async () => {
        const { events = [] } = (await serviceOf(on, 'web')) ?? {};
        const texts = events.map(({ message }) => message ?? '');
        const told = (part: string) => texts.some((text) => text.includes(part));
        return told('has started') && told('has reached a steady state') ? true : undefined;
      }),
    gives: true,
  },
  {
    name: 'tasks of a service are of its group, started by its deployment',
    call: async (on) => {
      const id = (await serviceOf(on, 'web'))?.deployments?.[0]?.id;
      const { taskArns: tasks } = await on.ecs.listTasks({ serviceName: 'web' });
      const answer = await on.ecs.describeTasks({ tasks });
      return answer.tasks?.map(({ group, startedBy }) => [group, startedBy === id]);
    },
    gives: [
      ['service:web', true],
      ['service:web', true],
    ],
  },
  {
    name: 'UpdateService that changes the count starts no deployment',
    call: async (on) => {
      const before = (await serviceOf(on, 'web'))?.deployments?.[0]?.id;
      const { service } = await on.ecs.updateService({ service: 'web', desiredCount: 3 });
      return [service?.desiredCount, service?.deployments?.[0]?.id === before];
    },
    gives: [3, true],
  },
  {
    name: 'UpdateService of settings starts no deployment',
    call: async (on) => {
      const before = (await serviceOf(on, 'web'))?.deployments?.[0]?.id;
      const { service } = await on.ecs.updateService({
        service: 'web',
        deploymentConfiguration: { maximumPercent: 150, minimumHealthyPercent: 50 },
        placementStrategy: [{ type: 'spread', field: 'host' }],
        healthCheckGracePeriodSeconds: 5,
        enableECSManagedTags: true,
        propagateTags: 'TASK_DEFINITION',
      });
      return [service?.placementStrategy, service?.deployments?.[0]?.id === before];
    },
    gives: [[{ type: 'spread', field: 'instanceId' }], true],
  },
  {
    name: 'UpdateService with empty lists clears them',
    call: ({ ecs }) => ecs.updateService({ service: 'web', placementStrategy: [] }),
    gives: { service: { placementStrategy: [], healthCheckGracePeriodSeconds: 5 } },
  },
  {
    name: 'UpdateService to another revision shows both deployments, then one',
    call: async (on) => {
      const { service } = await on.ecs.updateService({
        service: `${ARN}:service/default/web`,
        taskDefinition: 'web:2',
      });
      const { state } = await waitUntilServicesStable(waiting(on), { services: ['web'] });
      return {
        first: service?.deployments,
        state,
        last: (await serviceOf(on, 'web'))?.deployments,
      };
    },
    gives: {
      first: [
        { status: 'PRIMARY', taskDefinition: `${ARN}:task-definition/web:2` },
        { status: 'ACTIVE', taskDefinition: `${ARN}:task-definition/web:1` },
      ],
      state: 'SUCCESS',
      last: [
        { status: 'PRIMARY', taskDefinition: `${ARN}:task-definition/web:2`, runningCount: 3 },
      ],
    },
  },
  {
    name: 'UpdateService by force is a deployment of the same',
    call: async (on) => {
      const before = (await serviceOf(on, 'web'))?.deployments?.[0]?.id;
      const { service } = await on.ecs.updateService({ service: 'web', forceNewDeployment: true });
      await waitUntilServicesStable(waiting(on), { services: ['web'] });
      return [service?.taskDefinition, service?.deployments?.[0]?.id === before];
    },
    gives: [`${ARN}:task-definition/web:2`, false],
  },
  {
    name: 'ListServiceDeployments has them all, the newest first',
    call: async (on) => {
      const { serviceDeployments = [] } = await on.ecs.listServiceDeployments({ service: 'web' });
      on.kept['deployment'] = serviceDeployments[0]?.serviceDeploymentArn ?? '';
      on.kept['revision'] = serviceDeployments[0]?.targetServiceRevisionArn ?? '';
      return serviceDeployments;
    },
    gives: [
      {
        serviceDeploymentArn: /:service-deployment\/default\/web\/[A-Za-z0-9_-]+$/,
        serviceArn: `${ARN}:service/default/web`,
        clusterArn: `${ARN}:cluster/default`,
        targetServiceRevisionArn: /:service-revision\/default\/web\/\d+$/,
        createdAt: RECENT,
        status: ANY,
      },
      { status: 'SUCCESSFUL' },
      { status: 'SUCCESSFUL' },
    ],
  },
  {
    name: 'ListServiceDeployments in pages and by status',
    call: async ({ ecs }) => {
      const found = await pages(async (nextToken) => {
        const page = await ecs.listServiceDeployments({ service: 'web', maxResults: 2, nextToken });
        return { items: page.serviceDeployments, nextToken: page.nextToken };
      });
      const stopped = await ecs.listServiceDeployments({ service: 'web', status: ['STOPPED'] });
      return [found.map((page) => page.length), stopped.serviceDeployments];
    },
    gives: [[2, 1], []],
  },
  {
    name: 'ListServiceDeployments by time',
    call: ({ ecs }) =>
      ecs.listServiceDeployments({ service: 'web', createdAt: { before: new Date(0) } }),
    gives: { serviceDeployments: [], nextToken: ABSENT },
  },
  {
    name: 'ListServiceDeployments of a service that there is not',
    call: ({ ecs }) => ecs.listServiceDeployments({ service: 'none' }),
    fails: 'ServiceNotFoundException',
    message: /^Service not found\./,
  },
  {
    name: 'DescribeServiceDeployments, and what is missing',
    call: (on) =>
      on.ecs.describeServiceDeployments({
        serviceDeploymentArns: [
          kept(on, 'deployment'),
          `${ARN}:service-deployment/default/web/none`,
        ],
      }),
    gives: {
      serviceDeployments: [
        {
          serviceArn: `${ARN}:service/default/web`,
          targetServiceRevision: { arn: /:service-revision\//, requestedTaskCount: 3 },
          sourceServiceRevisions: ANY,
          deploymentConfiguration: { maximumPercent: 150, minimumHealthyPercent: 50 },
        },
      ],
      failures: [{ arn: `${ARN}:service-deployment/default/web/none`, reason: 'MISSING' }],
    },
  },
  {
    name: 'DescribeServiceDeployments of 21',
    call: ({ ecs }) =>
      ecs.describeServiceDeployments({
        serviceDeploymentArns: Array.from(
          { length: 21 },
          (_, index) => `${ARN}:service-deployment/default/web/d${index}`,
        ),
      }),
    fails: INVALID,
  },
  {
    name: 'DescribeServiceRevisions',
    call: (on) => on.ecs.describeServiceRevisions({ serviceRevisionArns: [kept(on, 'revision')] }),
    gives: {
      serviceRevisions: [
        {
          serviceRevisionArn: /:service-revision\/default\/web\//,
          serviceArn: `${ARN}:service/default/web`,
          clusterArn: `${ARN}:cluster/default`,
          taskDefinition: `${ARN}:task-definition/web:2`,
          launchType: 'EC2',
          createdAt: RECENT,
          containerImages: [{ containerName: 'main', image: 'web:2' }],
        },
      ],
      failures: [],
    },
  },
  {
    name: 'DescribeServiceRevisions of what is no ARN',
    call: ({ ecs }) => ecs.describeServiceRevisions({ serviceRevisionArns: ['web'] }),
    fails: INVALID,
  },
  {
    name: 'StopServiceDeployment of one that is over',
    call: async (on) => {
      await eventually('the deployment is over', 20_000, async () => {
        const { serviceDeployments } = await on.ecs.describeServiceDeployments({
          serviceDeploymentArns: [kept(on, 'deployment')],
        });
        return serviceDeployments?.[0]?.status === 'SUCCESSFUL' ? true : undefined;
      });
      return on.ecs.stopServiceDeployment({ serviceDeploymentArn: kept(on, 'deployment') });
    },
    fails: 'ConflictException',
  },
  {
    name: 'StopServiceDeployment of one that there is not',
    call: ({ ecs }) =>
      ecs.stopServiceDeployment({
        serviceDeploymentArn: `${ARN}:service-deployment/default/web/none`,
      }),
    fails: 'ServiceDeploymentNotFoundException',
  },
  {
    name: 'StopServiceDeployment goes back to the revision before',
    call: async (on) => {
      await on.ecs.updateService({ service: 'web', taskDefinition: 'slow' });
      const open = await eventually('the deployment is listed', 10_000, async () => {
        const { serviceDeployments } = await on.ecs.listServiceDeployments({
          service: 'web',
          status: ['PENDING', 'IN_PROGRESS'],
        });
        return serviceDeployments?.[0]?.serviceDeploymentArn;
      });
      on.kept['stopped'] = open;
      await on.ecs.stopServiceDeployment({ serviceDeploymentArn: open, stopType: 'ROLLBACK' });
      return eventually('the service is back', 30_000, async () => {
        const service = await serviceOf(on, 'web');
        const { serviceDeployments } = await on.ecs.describeServiceDeployments({
          serviceDeploymentArns: [open],
        });
        const done = serviceDeployments?.[0]?.status === 'ROLLBACK_SUCCESSFUL';
        return done && service?.deployments?.length === 1 ? service : undefined;
      });
    },
    gives: { taskDefinition: `${ARN}:task-definition/web:2`, runningCount: 3 },
  },
  {
    name: 'StopServiceDeployment by ABORT',
    call: (on) =>
      on.ecs.stopServiceDeployment({
        serviceDeploymentArn: kept(on, 'stopped'),
        stopType: 'ABORT',
      }),
    fails: 'UnsupportedFeatureException',
  },
  {
    name: 'the circuit breaker takes a deployment back that does not start',
    call: async (on) => {
      await on.ecs.updateService({
        service: 'web',
        taskDefinition: 'broken',
        deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
      });
      return eventually('the service is back', 55_000, async () => {
        const service = await serviceOf(on, 'web');
        const [primary, ...others] = service?.deployments ?? [];
        const back = primary?.taskDefinition?.endsWith('web:2') && others.length === 0;
        return back && primary?.rolloutState === 'COMPLETED' ? service : undefined;
      });
    },
    gives: { taskDefinition: `${ARN}:task-definition/web:2`, runningCount: 3 },
  },
  {
    name: 'UpdateService to what is not registered changes nothing',
    call: ({ ecs }) => ecs.updateService({ service: 'web', taskDefinition: 'web:99' }),
    fails: 'ClientException',
    message: /^TaskDefinition not found\./,
  },
  {
    name: 'DeleteService while it is scaled above 0',
    call: ({ ecs }) => ecs.deleteService({ service: 'web' }),
    fails: INVALID,
    message: /^The service cannot be stopped while the primary deployment is scaled above 0\./,
  },
  {
    name: 'DeleteService by force drains it',
    call: async (on) => {
      const { taskArns: tasks } = await on.ecs.listTasks({ serviceName: 'web' });
      const { service } = await on.ecs.deleteService({ service: 'web', force: true });
      const inactive = await waitUntilServicesInactive(waiting(on), { services: ['web'] });
      const stopped = await waitUntilTasksStopped(waiting(on), { tasks });
      return [service?.status, service?.desiredCount, inactive.state, stopped.state];
    },
    gives: ['DRAINING', 0, 'SUCCESS', 'SUCCESS'],
  },
  {
    name: 'ListServices does not have it any more, DescribeServices has',
    call: async (on) => [(await on.ecs.listServices({})).serviceArns, await serviceOf(on, 'web')],
    gives: [[], { status: 'INACTIVE', deployments: [] }],
  },
  {
    name: 'UpdateService of a deleted one',
    call: ({ ecs }) => ecs.updateService({ service: 'web', desiredCount: 1 }),
    fails: 'ServiceNotActiveException',
    message: /^Service was not ACTIVE\./,
  },
  {
    name: 'DeleteService of a deleted one',
    call: ({ ecs }) => ecs.deleteService({ service: 'web' }),
    fails: 'ServiceNotFoundException',
    message: /^Service not found\./,
  },
  {
    name: 'CreateService of a deleted name makes another',
    call: ({ ecs }) =>
      ecs.createService({ serviceName: 'web', taskDefinition: 'web', desiredCount: 0 }),
    gives: { service: { status: 'ACTIVE', desiredCount: 0, createdAt: RECENT } },
  },
  {
    name: 'DeleteService of one that is scaled to 0',
    call: ({ ecs }) => ecs.deleteService({ service: 'web' }),
    gives: { service: { status: /^(DRAINING|INACTIVE)$/ } },
  },
  {
    name: 'ListServices: ten a page unless more are asked for',
    call: async ({ ecs }) => {
      for (let index = 0; index < 12; index += 1) {
        await ecs.createService({
          serviceName: `s${String(index).padStart(2, '0')}`,
          taskDefinition: 'web',
          ...(index === 0 ? { schedulingStrategy: 'DAEMON' } : { desiredCount: 0 }),
        });
      }
      const found = await pages(async (nextToken) => {
        const page = await ecs.listServices({ nextToken });
        return { items: page.serviceArns, nextToken: page.nextToken };
      });
      return found.map((page) => page.length);
    },
    gives: [10, 2],
  },
  {
    name: 'ListServices by strategy',
    call: ({ ecs }) => ecs.listServices({ schedulingStrategy: 'DAEMON' }),
    gives: { serviceArns: [`${ARN}:service/default/s00`] },
  },
  {
    name: 'ListServices by launch type',
    call: ({ ecs }) => ecs.listServices({ launchType: 'FARGATE' }),
    gives: { serviceArns: [] },
  },
  {
    name: 'ListServices with a token of another strategy',
    call: async ({ ecs }) => {
      const { nextToken } = await ecs.listServices({});
      return ecs.listServices({ schedulingStrategy: 'REPLICA', nextToken });
    },
    fails: INVALID,
    message: /^Invalid nextToken/,
  },
  {
    name: 'DescribeServices of none',
    call: ({ ecs }) => ecs.describeServices({ services: [] }),
    fails: INVALID,
    message: /^Services cannot be empty\./,
  },
  {
    name: 'DescribeServices of another cluster by its ARN',
    call: ({ ecs }) =>
      ecs.describeServices({ cluster: 'default', services: [`${ARN}:service/other/s01`] }),
    fails: INVALID,
    message: /cluster/,
  },
  {
    name: 'DescribeServices in a cluster that there is not',
    call: ({ ecs }) => ecs.describeServices({ cluster: 'none', services: ['s01'] }),
    fails: 'ClusterNotFoundException',
    message: /^Cluster not found\./,
  },
]);
