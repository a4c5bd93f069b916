// Services of deployment controller EXTERNAL and their task sets. Source: ECS reference, section 6.9.
import type { CreateTaskSetCommandInput, TaskSet } from '@aws-sdk/client-ecs';
import { CreateTargetGroupCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { complete } from '@berth/rpc/codec.ts';

import { eventually } from '../e2e/cluster.ts';
import { type Case, type Ground, conformance, kept } from './cases.ts';
import { setupCall } from './control-plane.ts';
import { ABSENT, RECENT } from './match.ts';

const ARN = 'arn:aws:ecs:us-east-1:000000000000';
const INVALID = 'InvalidParameterException';
const CLUSTER = 'default';
const OF = { cluster: CLUSTER, service: 'shop' };
const ID = /^ecs-svc\/\d{19}$/;

async function ground({ ecs, plane }: Ground): Promise<void> {
  for (const image of ['web:1', 'web:2']) {
    await ecs.registerTaskDefinition({
      family: 'web',
      containerDefinitions: [
        {
          name: 'main',
          image,
          memory: 16,
          portMappings: [{ containerPort: 80 }],
          healthCheck: { command: ['CMD', 'true'] },
        },
      ],
    });
  }
  await plane.host();
  await plane.host();
}

const createSet = ({ ecs }: Ground, input: Partial<CreateTaskSetCommandInput> = {}) =>
  ecs.createTaskSet({ ...OF, taskDefinition: 'web:1', ...input });

const setsOf = async ({ ecs }: Ground, service = 'shop'): Promise<TaskSet[]> =>
  (await ecs.describeTaskSets({ cluster: CLUSTER, service })).taskSets ?? [];

const steady = (on: Ground, id: string, running: number): Promise<TaskSet> =>
  eventually(`task set ${id} to be steady with ${running} tasks`, 30_000, async () => {
    const found = (await setsOf(on)).find((set) => set.id === id);
    return found?.stabilityStatus === 'STEADY_STATE' && found.runningCount === running
      ? found
      : undefined;
  });

const refused = (
  what: string,
  input: Partial<CreateTaskSetCommandInput>,
  message: RegExp,
  fails = INVALID,
): Case => ({
  name: `CreateTaskSet ${what}`,
  call: (on) => createSet(on, input),
  fails,
  message,
});

const refusedService = (what: string, input: object, message: RegExp): Case => ({
  name: `CreateService of controller EXTERNAL ${what}`,
  call: ({ ecs }) =>
    ecs.createService({
      serviceName: 'x',
      desiredCount: 1,
      deploymentController: { type: 'EXTERNAL' },
      ...input,
    }),
  fails: INVALID,
  message,
});

conformance('ECS over the SDK: task sets', [
  {
    name: 'CreateService of controller EXTERNAL takes no task definition and has no deployment',
    call: async (on) => {
      await ground(on);
      await on.ecs.createService({
        serviceName: 'rolling',
        taskDefinition: 'web',
        desiredCount: 0,
      });
      return on.ecs.createService({
        serviceName: 'shop',
        desiredCount: 2,
        deploymentController: { type: 'EXTERNAL' },
        enableECSManagedTags: true,
      });
    },
    gives: {
      service: {
        serviceName: 'shop',
        status: 'ACTIVE',
        desiredCount: 2,
        deploymentController: { type: 'EXTERNAL' },
        deploymentConfiguration: { maximumPercent: 200, minimumHealthyPercent: 100 },
        deployments: [],
        taskSets: [],
        loadBalancers: [],
        taskDefinition: ABSENT,
        launchType: ABSENT,
        currentServiceDeployment: ABSENT,
      },
    },
  },
  {
    name: 'and not again',
    call: ({ ecs }) =>
      ecs.createService({
        serviceName: 'shop',
        desiredCount: 2,
        deploymentController: { type: 'EXTERNAL' },
      }),
    fails: INVALID,
    message: /^Creation of service was not idempotent\./,
  },
  refusedService('with a task definition', { taskDefinition: 'web' }, /taskDefinition is given/),
  refusedService('with a launch type', { launchType: 'EC2' }, /launchType is given/),
  refusedService(
    'as a daemon',
    { schedulingStrategy: 'DAEMON', desiredCount: undefined },
    /schedulingStrategy/,
  ),
  refusedService(
    'with load balancers',
    { loadBalancers: [{ targetGroupArn: 'g', containerName: 'main', containerPort: 80 }] },
    /loadBalancers is given/,
  ),
  refusedService(
    'with a circuit breaker',
    { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } } },
    /deploymentCircuitBreaker is given/,
  ),
  {
    name: 'CreateTaskSet with nothing but what is needed',
    call: async (on) => {
      const answer = await createSet(on);
      on.kept['first'] = answer.taskSet?.id ?? '';
      on.kept['firstArn'] = answer.taskSet?.taskSetArn ?? '';
      return answer;
    },
    gives: {
      taskSet: {
        id: ID,
        taskSetArn: /^arn:aws:ecs:us-east-1:000000000000:task-set\/default\/shop\/ecs-svc\/\d{19}$/,
        serviceArn: `${ARN}:service/default/shop`,
        clusterArn: `${ARN}:cluster/default`,
        status: 'ACTIVE',
        taskDefinition: `${ARN}:task-definition/web:1`,
        computedDesiredCount: 0,
        pendingCount: 0,
        runningCount: 0,
        createdAt: RECENT,
        updatedAt: RECENT,
        launchType: 'EC2',
        scale: { value: 0, unit: 'PERCENT' },
        stabilityStatus: 'STABILIZING',
        stabilityStatusAt: RECENT,
        loadBalancers: [],
        serviceRegistries: [],
        externalId: ABSENT,
        startedBy: ABSENT,
      },
    },
  },
  {
    name: 'UpdateTaskSet scales it, by its ARN',
    call: (on) =>
      on.ecs.updateTaskSet({
        ...OF,
        taskSet: kept(on, 'firstArn'),
        scale: { value: 100, unit: 'PERCENT' },
      }),
    gives: { taskSet: { computedDesiredCount: 2, scale: { value: 100, unit: 'PERCENT' } } },
  },
  {
    name: 'its tasks run, belong to the service and say which set started them',
    call: async (on) => {
      const id = kept(on, 'first');
      await steady(on, id, 2);
      const { taskArns = [] } = await on.ecs.listTasks({ serviceName: 'shop' });
      const { tasks } = await on.ecs.describeTasks({ tasks: taskArns, include: ['TAGS'] });
      return { of: (tasks ?? []).map(({ group, startedBy }) => [group, startedBy === id]), tasks };
    },
    gives: {
      of: [
        ['service:shop', true],
        ['service:shop', true],
      ],
      tasks: [{ tags: [{}, {}] }, { tags: [{}, {}] }],
    },
  },
  {
    name: 'UpdateServicePrimaryTaskSet makes it the one that serves, and the service shows it',
    call: async (on) => {
      const answer = await on.ecs.updateServicePrimaryTaskSet({
        ...OF,
        primaryTaskSet: kept(on, 'first'),
      });
      const { services = [] } = await on.ecs.describeServices({ services: ['shop'] });
      return { ...answer, service: services[0] };
    },
    gives: {
      taskSet: { status: 'PRIMARY', stabilityStatus: 'STEADY_STATE' },
      service: {
        taskDefinition: `${ARN}:task-definition/web:1`,
        launchType: 'EC2',
        runningCount: 2,
        taskSets: [{ status: 'PRIMARY', runningCount: 2 }],
      },
    },
  },
  {
    name: 'CreateTaskSet with everything that can be said',
    call: async (on) => {
      const made = await on.elbv2.send(
        new CreateTargetGroupCommand({ Name: 'green', Protocol: 'HTTP', Port: 80 }),
      );
      const targetGroupArn = made.TargetGroups?.[0]?.TargetGroupArn ?? '';
      await on.plane.balancing.CreateListener(
        complete('CreateListenerRequest', {
          port: 18_231,
          defaultActions: [
            { type: 'forward', forward: { targetGroups: [{ targetGroupArn: 'green' }] } },
          ],
        }),
        setupCall(),
      );
      const answer = await createSet(on, {
        taskDefinition: `${ARN}:task-definition/web:2`,
        externalId: 'build-7',
        launchType: 'EC2',
        loadBalancers: [{ targetGroupArn, containerName: 'main', containerPort: 80 }],
        scale: { value: 0, unit: 'PERCENT' },
        clientToken: 'once',
        tags: [{ key: 'team', value: 'shop' }],
      });
      on.kept['second'] = answer.taskSet?.id ?? '';
      on.kept['secondArn'] = answer.taskSet?.taskSetArn ?? '';
      on.kept['group'] = targetGroupArn;
      return answer;
    },
    gives: {
      taskSet: {
        status: 'ACTIVE',
        computedDesiredCount: 0,
        externalId: 'build-7',
        scale: { value: 0, unit: 'PERCENT' },
        loadBalancers: [
          { targetGroupArn: /targetgroup\/green\//, containerName: 'main', containerPort: 80 },
        ],
        tags: [{ key: 'team', value: 'shop' }],
      },
    },
  },
  {
    name: 'CreateTaskSet again with its token gives the same set',
    call: async (on) => {
      const again = await createSet(on, {
        taskDefinition: 'web:2',
        externalId: 'build-7',
        loadBalancers: [
          { targetGroupArn: kept(on, 'group'), containerName: 'main', containerPort: 80 },
        ],
        clientToken: 'once',
        tags: [{ key: 'team', value: 'shop' }],
      });
      return { same: again.taskSet?.id === kept(on, 'second'), sets: (await setsOf(on)).length };
    },
    gives: { same: true, sets: 2 },
  },
  refused(
    'with the token of another',
    { clientToken: 'once', taskDefinition: 'web:1' },
    /^Creation of task set was not idempotent\./,
  ),
  refused('of no service', { service: 'none' }, /^Service not found\./, 'ServiceNotFoundException'),
  refused('in no cluster', { cluster: 'none' }, /^Cluster not found\./, 'ClusterNotFoundException'),
  refused('without a service', { service: '' }, /service/i, 'ServiceNotFoundException'),
  refused(
    'of a service of controller ECS',
    { service: 'rolling' },
    /^Amazon ECS only supports task set management on services with deployment controllers of type EXTERNAL\./,
  ),
  refused(
    'of no revision',
    { taskDefinition: 'none' },
    /^TaskDefinition not found\./,
    'ClientException',
  ),
  refused(
    'with a scale of 101',
    { scale: { value: 101 } },
    /scale\.value is 101; expected a number from 0 to 100/,
  ),
  refused('with a scale below 0', { scale: { value: -1 } }, /scale\.value is -1/),
  refused('with another unit', { scale: { value: 1, unit: 'TASKS' as never } }, /TASKS.*PERCENT/),
  refused(
    'with a launch type and a strategy',
    { launchType: 'EC2', capacityProviderStrategy: [{ capacityProvider: 'FARGATE' }] },
    /^Specifying both a launch type and capacity provider strategy is not supported\./,
  ),
  refused('on FARGATE what is not fit for it', { launchType: 'FARGATE' }, /launch_type FARGATE/),
  refused('with a token of 37 characters', { clientToken: 't'.repeat(37) }, /clientToken/),
  refused(
    'with a target group that there is not',
    { loadBalancers: [{ targetGroupArn: 'none', containerName: 'main', containerPort: 80 }] },
    /^The specified target group does not exist\./,
  ),
  refused(
    'with a container that there is not',
    { loadBalancers: [{ targetGroupArn: 'green', containerName: 'none', containerPort: 80 }] },
    /^The container none does not exist in the task definition\./,
  ),
  refused(
    'with service discovery',
    { serviceRegistries: [{ registryArn: 'arn' }] },
    /^serviceRegistries is not supported by Berth\./,
  ),
  refused(
    'with 51 tags',
    { tags: Array.from({ length: 51 }, (_, at) => ({ key: `${at}` })) },
    /tags/,
  ),
  refused(
    'with an externalId of 256 characters',
    { externalId: 'e'.repeat(256) },
    /externalId .*1 to 255 characters/,
  ),
  {
    name: 'DescribeTaskSets gives all, the primary one first, and no tags unless they are asked for',
    call: (on) => on.ecs.describeTaskSets(OF),
    gives: {
      taskSets: [
        { status: 'PRIMARY', tags: ABSENT },
        { status: 'ACTIVE', externalId: 'build-7', tags: ABSENT },
      ],
      failures: [],
    },
  },
  {
    name: 'DescribeTaskSets by id and ARN, with tags, says which is MISSING',
    call: (on) =>
      on.ecs.describeTaskSets({
        ...OF,
        taskSets: [kept(on, 'secondArn'), 'ecs-svc/1', kept(on, 'second')],
        include: ['TAGS'],
      }),
    gives: {
      taskSets: [{ externalId: 'build-7', tags: [{ key: 'team', value: 'shop' }] }],
      failures: [{ arn: `${ARN}:task-set/default/shop/ecs-svc/1`, reason: 'MISSING' }],
    },
  },
  {
    name: 'DescribeTaskSets with 11 ids',
    call: (on) => on.ecs.describeTaskSets({ ...OF, taskSets: Array<string>(11).fill('ecs-svc/1') }),
    fails: INVALID,
    message: /taskSets has 11 ids; expected at most 10/,
  },
  {
    name: 'DescribeTaskSets of a service of controller ECS',
    call: ({ ecs }) => ecs.describeTaskSets({ cluster: CLUSTER, service: 'rolling' }),
    fails: INVALID,
    message: /^Amazon ECS only supports task set management/,
  },
  {
    name: 'TagResource, ListTagsForResource and UntagResource on a task set',
    call: async (on) => {
      const resourceArn = kept(on, 'secondArn');
      await on.ecs.tagResource({ resourceArn, tags: [{ key: 'stage', value: 'prod' }] });
      await on.ecs.untagResource({ resourceArn, tagKeys: ['team'] });
      return on.ecs.listTagsForResource({ resourceArn });
    },
    gives: { tags: [{ key: 'stage', value: 'prod' }] },
  },
  {
    name: 'TagResource on a task set that there is not',
    call: ({ ecs }) =>
      ecs.tagResource({
        resourceArn: `${ARN}:task-set/default/shop/ecs-svc/1`,
        tags: [{ key: 'a', value: 'b' }],
      }),
    fails: 'ResourceNotFoundException',
  },
  {
    name: 'UpdateService changes the desired count, and with it the share of each set',
    call: async (on) => {
      await on.ecs.updateService({ service: 'shop', desiredCount: 4 });
      return (await setsOf(on)).map(({ computedDesiredCount }) => computedDesiredCount);
    },
    gives: [4, 0],
  },
  ...(
    [
      ['a task definition', { taskDefinition: 'web:2' }, /taskDefinition is given/],
      [
        'another network',
        { networkConfiguration: { awsvpcConfiguration: { subnets: ['s'] } } },
        /networkConfiguration is given/,
      ],
      ['load balancers', { loadBalancers: [] }, /loadBalancers is given/],
      [
        'a new deployment',
        { forceNewDeployment: true },
        /^Cannot force a new deployment on services with an EXTERNAL/,
      ],
      [
        'alarms',
        {
          deploymentConfiguration: { alarms: { alarmNames: ['a'], enable: true, rollback: true } },
        },
        /alarms is given/,
      ],
    ] as const
  ).map(([what, input, message]): Case => ({
    name: `UpdateService of controller EXTERNAL with ${what}`,
    call: ({ ecs }) => ecs.updateService({ service: 'shop', ...(input as object) }),
    fails: INVALID,
    message,
  })),
  {
    name: 'UpdateService to another deployment controller',
    call: ({ ecs }) =>
      ecs.updateService({ service: 'shop', deploymentController: { type: 'ECS' } }),
    fails: 'UnsupportedFeatureException',
    message: /can't be changed/,
  },
  {
    name: 'UpdateTaskSet of a set that there is not',
    call: ({ ecs }) => ecs.updateTaskSet({ ...OF, taskSet: 'ecs-svc/1', scale: { value: 1 } }),
    fails: 'TaskSetNotFoundException',
    message: /^The specified task set wasn't found\./,
  },
  {
    name: 'DeleteTaskSet of a set that there is not',
    call: ({ ecs }) => ecs.deleteTaskSet({ ...OF, taskSet: 'ecs-svc/1' }),
    fails: 'TaskSetNotFoundException',
    message: /^The specified task set wasn't found\./,
  },
  {
    name: 'UpdateServicePrimaryTaskSet to a set that there is not',
    call: ({ ecs }) => ecs.updateServicePrimaryTaskSet({ ...OF, primaryTaskSet: 'word' }),
    fails: 'TaskSetNotFoundException',
  },
  {
    name: 'DeleteTaskSet without force of one that is scaled above 0',
    call: (on) => on.ecs.deleteTaskSet({ ...OF, taskSet: kept(on, 'first') }),
    fails: INVALID,
    message: /^The task set cannot be deleted while it is scaled above 0\./,
  },
  {
    name: 'DeleteTaskSet with force: it is DRAINING, and then gone with its tasks',
    call: async (on) => {
      const id = kept(on, 'first');
      await steady(on, id, 4);
      const answer = await on.ecs.deleteTaskSet({ ...OF, taskSet: id, force: true });
      await eventually('the task set to be gone', 30_000, async () => {
        const left = await setsOf(on);
        return left.every((set) => set.id !== id) || undefined;
      });
      const { services } = await on.ecs.describeServices({ services: ['shop'] });
      return { ...answer, service: services?.[0] };
    },
    gives: {
      taskSet: { status: 'DRAINING', computedDesiredCount: 0 },
      service: { taskDefinition: ABSENT, taskSets: [{ externalId: 'build-7' }] },
    },
  },
  {
    name: 'a service has at most five sets',
    call: async (on) => {
      for (let count = 1; count < 5; count += 1) await createSet(on);
      return createSet(on);
    },
    fails: INVALID,
    message: /has 5 task sets; expected at most 5/,
  },
  {
    name: 'DeleteTaskSet of one that is scaled to 0 needs no force',
    call: async (on) => {
      const idle = (await setsOf(on)).find(({ scale }) => scale?.value === 0);
      return on.ecs.deleteTaskSet({ ...OF, taskSet: idle?.id ?? '' });
    },
    gives: { taskSet: { status: 'DRAINING' } },
  },
  {
    name: 'DeleteService without force while it has task sets',
    call: async (on) => {
      await on.ecs.updateService({ service: 'shop', desiredCount: 0 });
      return on.ecs.deleteService({ service: 'shop' });
    },
    fails: INVALID,
    message: /^The service cannot be stopped while deployments are active\./,
  },
  {
    name: 'DeleteService with force takes its task sets along',
    call: async (on) => {
      await on.ecs.deleteService({ service: 'shop', force: true });
      return eventually('the service to be INACTIVE', 30_000, async () => {
        const { services } = await on.ecs.describeServices({ services: ['shop'] });
        return services?.[0]?.status === 'INACTIVE' ? services[0] : undefined;
      });
    },
    gives: { taskSets: [], runningCount: 0 },
  },
  {
    name: 'CreateTaskSet of a service that is not ACTIVE',
    call: (on) => createSet(on),
    fails: 'ServiceNotActiveException',
    message: /^Service was not ACTIVE\./,
  },
  {
    name: 'the service events say in ECS words what each set did',
    call: async ({ ecs }) => {
      const { services } = await ecs.describeServices({ services: ['shop'] });
      const said = (services?.[0]?.events ?? []).map(({ message = '' }) => message);
      return {
        steady: said.find((message) => message.includes('updated state to STEADY_STATE')),
        started: said.find((message) => message.includes('has started 2 tasks')),
      };
    },
    gives: {
      steady: /^\(service shop, taskSet ecs-svc\/\d{19}\) updated state to STEADY_STATE\.$/,
      started:
        /^\(service shop, taskSet ecs-svc\/\d{19}\) has started 2 tasks: \(task [0-9a-f]{32}\) /,
    },
  },
]);
