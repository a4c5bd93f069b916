// Tasks: RunTask, StartTask, StopTask, describing and listing them, protection. Source: ECS reference, sections 2.4, 2.9 and 4.
import { ConflictException, type Resource } from '@aws-sdk/client-ecs';
import assert from 'node:assert/strict';

import { eventually } from '../e2e/cluster.ts';
import { type Case, type Ground, conformance, kept, pages } from './cases.ts';
import { ABSENT, ANY, RECENT } from './match.ts';

const ARN = 'arn:aws:ecs:us-east-1:000000000000';
const INVALID = 'InvalidParameterException';
const SHORT = /^[0-9a-f]{32}$/;

/** A cluster with a host, and task definitions whose tasks run, hang and fail. */
async function ground(on: Ground): Promise<void> {
  const { ecs, plane } = on;
  for (const [family, image] of [
    ['web', 'web'],
    ['slow', 'slow'],
    ['broken', 'broken'],
  ]) {
    await ecs.registerTaskDefinition({
      family,
      containerDefinitions: [
        { name: 'main', image, memory: 64, cpu: 10, portMappings: [{ containerPort: 80 }] },
      ],
      tags: [{ key: 'definition', value: family }],
    });
  }
  await ecs.registerTaskDefinition({
    family: 'big',
    containerDefinitions: [{ name: 'main', image: 'web', memory: 100_000 }],
  });
  const { id } = await plane.host({
    attributes: [{ name: 'zone', value: 'a' }],
    gpuIds: ['GPU-a', 'GPU-b', 'GPU-c'],
  });
  on.kept['host'] = `${ARN}:container-instance/default/${id}`;
}

/** Runs a task and keeps its ARN. */
async function run(on: Ground, name: string, input: object = {}): Promise<string> {
  const { tasks } = await on.ecs.runTask({ taskDefinition: 'web', ...input });
  return (on.kept[name] = tasks?.[0]?.taskArn ?? '');
}

const reached = (on: Ground, task: string, status: string) =>
  eventually(`${task} is ${status}`, 15_000, async () => {
    const { tasks } = await on.ecs.describeTasks({ tasks: [task] });
    return tasks?.[0]?.lastStatus === status ? tasks[0] : undefined;
  });

const refusedRun = (what: string, input: object, message: RegExp, fails = INVALID): Case => ({
  name: `RunTask ${what}`,
  call: ({ ecs }) => ecs.runTask({ taskDefinition: 'web', ...input }),
  fails,
  message,
});

conformance('ECS over the SDK: running tasks', [
  {
    name: 'RunTask answers with the task as it is placed',
    call: async (on) => {
      await ground(on);
      const answer = await on.ecs.runTask({ taskDefinition: 'web' });
      on.kept['task'] = answer.tasks?.[0]?.taskArn ?? '';
      return { ...answer, host: kept(on, 'host') === answer.tasks?.[0]?.containerInstanceArn };
    },
    gives: {
      host: true,
      failures: [],
      tasks: [
        {
          taskArn: /^arn:aws:ecs:us-east-1:000000000000:task\/default\/[0-9a-f]{32}$/,
          clusterArn: `${ARN}:cluster/default`,
          taskDefinitionArn: `${ARN}:task-definition/web:1`,
          group: 'family:web',
          desiredStatus: 'RUNNING',
          launchType: 'EC2',
          cpu: '10',
          memory: '64',
          createdAt: RECENT,
          version: ANY,
          healthStatus: 'UNKNOWN',
          enableExecuteCommand: false,
          tags: [],
          attachments: [],
          overrides: { containerOverrides: [{ name: 'main' }], inferenceAcceleratorOverrides: [] },
          containers: [
            {
              name: 'main',
              image: 'web',
              containerArn: /:container\/default\/[0-9a-f]{32}\/[0-9a-f-]{36}$/,
              taskArn: /:task\/default\//,
              cpu: '10',
              memory: '64',
              networkInterfaces: [],
            },
          ],
        },
      ],
    },
  },
  {
    name: 'the task runs, with its times and ports',
    call: (on) => reached(on, kept(on, 'task'), 'RUNNING'),
    gives: {
      startedAt: RECENT,
      pullStartedAt: RECENT,
      pullStoppedAt: RECENT,
      connectivity: 'CONNECTED',
      stopCode: ABSENT,
      containers: [
        {
          lastStatus: 'RUNNING',
          networkBindings: [
            { bindIP: '0.0.0.0', containerPort: 80, hostPort: ANY, protocol: 'tcp' },
          ],
        },
      ],
    },
  },
  {
    name: 'RunTask of ten',
    call: async ({ ecs }) => {
      const { tasks, failures } = await ecs.runTask({
        taskDefinition: 'web:1',
        count: 10,
        startedBy: 'ten',
      });
      return { ids: new Set(tasks?.map(({ taskArn }) => taskArn)).size, failures };
    },
    gives: { ids: 10, failures: [] },
  },
  {
    name: 'RunTask with everything that can be said',
    call: (on) =>
      on.ecs.runTask({
        taskDefinition: `${ARN}:task-definition/web:1`,
        cluster: `${ARN}:cluster/default`,
        group: 'batch',
        startedBy: 'nightly/1',
        enableECSManagedTags: true,
        propagateTags: 'TASK_DEFINITION',
        tags: [{ key: 'own', value: '1' }],
        placementConstraints: [{ type: 'memberOf', expression: 'attribute:zone == a' }],
        placementStrategy: [{ type: 'binpack', field: 'memory' }],
        overrides: {
          cpu: '256',
          memory: '128',
          containerOverrides: [
            { name: 'main', command: ['x'], environment: [{ name: 'A', value: '' }] },
          ],
        },
      }),
    gives: {
      tasks: [
        {
          group: 'batch',
          startedBy: 'nightly/1',
          cpu: '256',
          memory: '128',
          tags: [
            { key: 'definition', value: 'web' },
            { key: 'own', value: '1' },
            { key: 'aws:ecs:clusterName', value: 'default' },
          ],
          overrides: {
            cpu: '256',
            memory: '128',
            containerOverrides: [
              { name: 'main', command: ['x'], environment: [{ name: 'A', value: '' }] },
            ],
          },
        },
      ],
    },
  },
  {
    name: 'DescribeTasks shows tags when they are asked for only',
    call: async (on) => {
      const task = await run(on, 'tagged', { tags: [{ key: 'a', value: 'b' }] });
      const [without, with_] = await Promise.all([
        on.ecs.describeTasks({ tasks: [task] }),
        on.ecs.describeTasks({ tasks: [task], include: ['TAGS'] }),
      ]);
      return [without.tasks?.[0]?.tags, with_.tasks?.[0]?.tags];
    },
    gives: [[], [{ key: 'a', value: 'b' }]],
  },
  {
    name: 'RunTask: what fits nowhere is a failure with its host, not an error',
    call: ({ ecs }) => ecs.runTask({ taskDefinition: 'big' }),
    gives: {
      tasks: [],
      failures: [{ arn: /:container-instance\/default\//, reason: 'RESOURCE:MEMORY' }],
    },
  },
  {
    name: 'RunTask: a constraint that no host meets',
    call: ({ ecs }) =>
      ecs.runTask({
        taskDefinition: 'web',
        placementConstraints: [{ type: 'memberOf', expression: 'attribute:zone == z' }],
      }),
    gives: {
      tasks: [],
      failures: [{ arn: ANY, reason: 'MemberOf placement constraint unsatisfied.' }],
    },
  },
  {
    name: 'RunTask: distinct instances on one host place one',
    call: async ({ ecs }) => {
      const { tasks, failures } = await ecs.runTask({
        taskDefinition: 'web',
        count: 2,
        group: 'apart',
        placementConstraints: [{ type: 'distinctInstance' }],
      });
      return { placed: tasks?.length, failures };
    },
    gives: {
      placed: 1,
      failures: [{ arn: ANY, reason: 'DistinctInstance placement constraint unsatisfied.' }],
    },
  },
  {
    name: 'RunTask: a fixed port is taken once',
    call: async ({ ecs }) => {
      await ecs.registerTaskDefinition({
        family: 'fixed',
        containerDefinitions: [
          {
            name: 'main',
            image: 'web',
            memory: 16,
            portMappings: [{ containerPort: 80, hostPort: 8080 }],
          },
        ],
      });
      return ecs.runTask({ taskDefinition: 'fixed', count: 2 });
    },
    gives: { tasks: [{ taskArn: ANY }], failures: [{ reason: 'RESOURCE:PORTS' }] },
  },
  {
    name: 'RunTask: GPUs are given to one container each, as long as there are any',
    call: async (on) => {
      const { ecs } = on;
      const gpu = (value: string) => ({ resourceRequirements: [{ type: 'GPU' as const, value }] });
      await ecs.registerTaskDefinition({
        family: 'gpu',
        containerDefinitions: [
          { name: 'one', image: 'web', memory: 16, ...gpu('1') },
          { name: 'none', image: 'web', memory: 16 },
          { name: 'other', image: 'web', memory: 16, ...gpu('1') },
        ],
      });
      const first = await ecs.runTask({ taskDefinition: 'gpu', count: 2 });
      const second = await ecs.runTask({
        taskDefinition: 'gpu',
        overrides: { containerOverrides: [{ name: 'one', ...gpu('2') }] },
      });
      const id = (on.kept['gpu'] = first.tasks?.[0]?.taskArn ?? '');
      const { tasks } = await ecs.describeTasks({ tasks: [id] });
      const { containerInstances } = await ecs.describeContainerInstances({
        containerInstances: [kept(on, 'host')],
      });
      const [host] = containerInstances ?? [];
      const gpus = (resources: Resource[] = []) =>
        resources.find(({ name }) => name === 'GPU')?.stringSetValue;
      return {
        placed: first.tasks?.length,
        failures: first.failures,
        other: second.failures,
        gpus: tasks?.[0]?.containers?.map(({ gpuIds }) => gpuIds),
        registered: gpus(host?.registeredResources),
        remaining: gpus(host?.remainingResources),
      };
    },
    gives: {
      placed: 1,
      failures: [{ arn: ANY, reason: 'RESOURCE:GPU' }],
      other: [{ arn: ANY, reason: 'RESOURCE:GPU' }],
      gpus: [['GPU-a'], undefined, ['GPU-b']],
      registered: ['GPU-a', 'GPU-b', 'GPU-c'],
      remaining: ['GPU-c'],
    },
  },
  {
    name: 'RunTask: GPUs are free again when their task has stopped',
    call: async (on) => {
      await reached(on, kept(on, 'gpu'), 'RUNNING');
      await on.ecs.stopTask({ task: kept(on, 'gpu') });
      await reached(on, kept(on, 'gpu'), 'STOPPED');
      const task = await run(on, 'gpu again', { taskDefinition: 'gpu' });
      await reached(on, task, 'RUNNING');
      await on.ecs.stopTask({ task });
      return reached(on, task, 'STOPPED');
    },
    gives: { containers: [{ gpuIds: ['GPU-a'] }, { gpuIds: ABSENT }, { gpuIds: ['GPU-b'] }] },
  },
  {
    name: 'RunTask with a client token, twice: the same tasks',
    call: async (on) => {
      const input = { taskDefinition: 'web', count: 2, clientToken: 'once' };
      const first = await on.ecs.runTask(input);
      const second = await on.ecs.runTask(input);
      const ids = ({ tasks }: typeof first) => tasks?.map(({ taskArn }) => taskArn).sort();
      on.kept['once'] = ids(first)?.join(' ') ?? '';
      assert.deepEqual(ids(first), ids(second));
      return second;
    },
    gives: { tasks: [ANY, ANY], failures: [] },
  },
  {
    name: 'RunTask with the client token of another call names its tasks',
    call: async (on) => {
      const error: unknown = await on.ecs
        .runTask({ taskDefinition: 'web', count: 1, clientToken: 'once' })
        .catch((failure: unknown) => failure);
      assert.ok(error instanceof ConflictException);
      return error.resourceIds?.toSorted().join(' ') === kept(on, 'once');
    },
    gives: true,
  },
  refusedRun('of none', { count: 0 }, /count/),
  refusedRun('of eleven', { count: 11 }, /count/),
  refusedRun(
    'of what is not registered',
    { taskDefinition: 'none' },
    /^TaskDefinition not found\./,
    'ClientException',
  ),
  refusedRun(
    'of another account',
    { taskDefinition: 'arn:aws:ecs:us-east-1:111111111111:task-definition/web:1' },
    /^TaskDefinition not found\./,
    'ClientException',
  ),
  refusedRun('of nothing', { taskDefinition: undefined }, /[tT]askDefinition/),
  refusedRun('in the group of a service', { group: 'service:web' }, /service:/),
  refusedRun('startedBy with 129 characters', { startedBy: 'x'.repeat(129) }, /startedBy/),
  refusedRun('startedBy with a space', { startedBy: 'a b' }, /startedBy/),
  refusedRun(
    'with a client token of 65 characters',
    { clientToken: 'x'.repeat(65) },
    /clientToken/,
  ),
  refusedRun(
    'with a launch type and a strategy',
    { launchType: 'EC2', capacityProviderStrategy: [{ capacityProvider: 'FARGATE' }] },
    /launch ?type|launchType/i,
  ),
  refusedRun(
    'with a provider that the cluster does not have',
    { capacityProviderStrategy: [{ capacityProvider: 'FARGATE' }] },
    /^The specified capacity provider strategy cannot contain a capacity provider that is not associated/,
  ),
  refusedRun(
    'for FARGATE of what is not for it',
    { launchType: 'FARGATE' },
    /^Task definition does not support launch_type FARGATE\./,
  ),
  refusedRun(
    'with subnets in bridge mode',
    { networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } } },
    /^Network Configuration is not valid for the given networkMode of this task definition\./,
  ),
  refusedRun('with tags of a service', { propagateTags: 'SERVICE' }, /SERVICE/),
  refusedRun(
    'with an override of a container that there is not',
    { overrides: { containerOverrides: [{ name: 'other', command: ['x'] }] } },
    /^Override for container named other is not a container in the TaskDefinition\./,
  ),
  refusedRun(
    'with overrides of more than 8192 characters',
    {
      overrides: {
        containerOverrides: [
          { name: 'main', environment: [{ name: 'A', value: 'x'.repeat(9000) }] },
        ],
      },
    },
    /8192/,
  ),
  refusedRun(
    'with eleven constraints',
    {
      placementConstraints: Array.from({ length: 11 }, () => ({
        type: 'memberOf',
        expression: 'attribute:zone == a',
      })),
    },
    /placementConstraints/,
  ),
  refusedRun(
    'with six strategies',
    { placementStrategy: Array.from({ length: 6 }, () => ({ type: 'spread', field: 'host' })) },
    /strateg/,
  ),
  refusedRun(
    'with a strategy that there is not',
    { placementStrategy: [{ type: 'pile' }] },
    /pile/,
  ),
  refusedRun(
    'with a role to execute commands that it lacks',
    { enableExecuteCommand: true },
    /valid taskRoleArn is not being used/,
  ),
  refusedRun(
    'with a volume of EBS',
    { volumeConfigurations: [{ name: 'v' }] },
    /^volumeConfigurations is not supported by Berth\./,
  ),
  refusedRun(
    'with 51 tags',
    { tags: Array.from({ length: 51 }, (_, index) => ({ key: `k${index}`, value: '' })) },
    /tags/,
  ),
  {
    name: 'RunTask of awsvpc without subnets',
    call: async ({ ecs }) => {
      await ecs.registerTaskDefinition({
        family: 'vpc',
        networkMode: 'awsvpc',
        containerDefinitions: [{ name: 'main', image: 'web', memory: 16 }],
      });
      return ecs.runTask({ taskDefinition: 'vpc' });
    },
    fails: INVALID,
    message: /^Network Configuration must be provided when networkMode 'awsvpc' is specified\./,
  },
  {
    name: 'RunTask of awsvpc shows an interface',
    call: ({ ecs }) =>
      ecs.runTask({
        taskDefinition: 'vpc',
        networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
      }),
    gives: {
      tasks: [{ attachments: [{ type: 'ElasticNetworkInterface', id: ANY, status: ANY }] }],
    },
  },
  {
    name: 'StartTask on a named host',
    call: (on) =>
      on.ecs.startTask({
        taskDefinition: 'web',
        containerInstances: [kept(on, 'host')],
        startedBy: 'me',
      }),
    gives: {
      tasks: [{ containerInstanceArn: /:container-instance\/default\//, startedBy: 'me' }],
      failures: [],
    },
  },
  {
    name: 'StartTask on a host that there is not',
    call: ({ ecs }) =>
      ecs.startTask({ taskDefinition: 'web', containerInstances: ['0'.repeat(32)] }),
    gives: {
      tasks: [],
      failures: [{ arn: `${ARN}:container-instance/default/${'0'.repeat(32)}`, reason: 'MISSING' }],
    },
  },
  {
    name: 'StartTask where there is no room',
    call: (on) =>
      on.ecs.startTask({ taskDefinition: 'big', containerInstances: [kept(on, 'host')] }),
    gives: { tasks: [], failures: [{ arn: ANY, reason: 'RESOURCE:MEMORY' }] },
  },
  {
    name: 'StartTask on eleven hosts',
    call: ({ ecs }) =>
      ecs.startTask({
        taskDefinition: 'web',
        containerInstances: Array.from({ length: 11 }, (_, i) => String(i).padStart(32, '0')),
      }),
    fails: INVALID,
    message: /containerInstances/,
  },
  {
    name: 'StartTask on no host',
    call: ({ ecs }) => ecs.startTask({ taskDefinition: 'web', containerInstances: [] }),
    fails: INVALID,
    message: /^Container instances cannot be empty\./,
  },
  {
    name: 'StartTask startedBy with 37 characters',
    call: (on) =>
      on.ecs.startTask({
        taskDefinition: 'web',
        containerInstances: [kept(on, 'host')],
        startedBy: 'x'.repeat(37),
      }),
    fails: INVALID,
    message: /startedBy/,
  },
  {
    name: 'a task that can not be started says why',
    call: async (on) =>
      reached(on, await run(on, 'failed', { taskDefinition: 'broken' }), 'STOPPED'),
    gives: {
      desiredStatus: 'STOPPED',
      stopCode: 'TaskFailedToStart',
      stoppedReason: /^CannotPullContainerError: /,
      stoppedAt: RECENT,
      startedAt: ABSENT,
      containers: [{ lastStatus: 'STOPPED', exitCode: ABSENT }],
    },
  },
]);

conformance('ECS over the SDK: tasks that there are', [
  {
    name: 'ListTasks has what shall run, by id',
    call: async (on) => {
      await ground(on);
      const ids = [
        await run(on, 'one', { startedBy: 'ada', group: 'g' }),
        await run(on, 'two'),
        await run(on, 'three', { taskDefinition: 'slow' }),
      ];
      const { taskArns } = await on.ecs.listTasks({});
      assert.deepEqual(taskArns, ids.toSorted());
    },
    gives: undefined,
  },
  {
    name: 'ListTasks in pages, each task once',
    call: async ({ ecs }) => {
      const found = await pages(async (nextToken) => {
        const page = await ecs.listTasks({ maxResults: 2, nextToken });
        return { items: page.taskArns, nextToken: page.nextToken };
      });
      return { sizes: found.map((page) => page.length), ids: new Set(found.flat()).size };
    },
    gives: { sizes: [2, 1], ids: 3 },
  },
  {
    name: 'ListTasks by family',
    call: async (on) => {
      const { taskArns } = await on.ecs.listTasks({ family: 'slow' });
      return { taskArns, same: taskArns?.[0] === kept(on, 'three') };
    },
    gives: { taskArns: [ANY], same: true },
  },
  {
    name: 'ListTasks by a family whose name is only the beginning of others',
    call: ({ ecs }) => ecs.listTasks({ family: 'we' }),
    gives: { taskArns: [] },
  },
  {
    name: 'ListTasks by starter',
    call: async (on) =>
      (await on.ecs.listTasks({ startedBy: 'ada' })).taskArns?.[0] === kept(on, 'one'),
    gives: true,
  },
  {
    name: 'ListTasks by starter and family',
    call: ({ ecs }) => ecs.listTasks({ startedBy: 'ada', family: 'web' }),
    fails: INVALID,
    message: /startedBy/,
  },
  {
    name: 'ListTasks by host and launch type',
    call: (on) => on.ecs.listTasks({ containerInstance: kept(on, 'host'), launchType: 'EC2' }),
    gives: { taskArns: [ANY, ANY, ANY] },
  },
  {
    name: 'ListTasks of FARGATE',
    call: ({ ecs }) => ecs.listTasks({ launchType: 'FARGATE' }),
    gives: { taskArns: [] },
  },
  {
    name: 'ListTasks of a host that there is not',
    call: ({ ecs }) => ecs.listTasks({ containerInstance: '0'.repeat(32) }),
    fails: INVALID,
    message: /container instance was not found/,
  },
  {
    name: 'ListTasks of what desires to be PENDING, which nothing does',
    call: ({ ecs }) => ecs.listTasks({ desiredStatus: 'PENDING' }),
    gives: { taskArns: [] },
  },
  {
    name: 'ListTasks of managed daemons',
    call: ({ ecs }) => ecs.listTasks({ daemonName: 'd' }),
    fails: INVALID,
    message: /^daemonName is not supported by Berth\./,
  },
  {
    name: 'ListTasks with a token of another filter',
    call: async ({ ecs }) => {
      const { nextToken } = await ecs.listTasks({ maxResults: 1 });
      return ecs.listTasks({ maxResults: 1, family: 'web', nextToken });
    },
    fails: INVALID,
    message: /^Invalid nextToken/,
  },
  {
    name: 'DescribeTasks by id and by ARN, each once, and what is missing',
    call: (on) => {
      const arn = kept(on, 'one');
      const id = arn.split('/').at(-1) ?? '';
      assert.match(id, SHORT);
      return on.ecs.describeTasks({ tasks: [arn, id, 'f'.repeat(32)] });
    },
    gives: {
      tasks: [{ startedBy: 'ada' }],
      failures: [{ arn: `${ARN}:task/default/${'f'.repeat(32)}`, reason: 'MISSING' }],
    },
  },
  {
    name: 'DescribeTasks of another region',
    call: (on) => {
      const arn = kept(on, 'one').replace('us-east-1', 'eu-west-1');
      return on.ecs.describeTasks({ tasks: [arn] });
    },
    gives: { tasks: [], failures: [{ arn: /eu-west-1/, reason: 'MISSING' }] },
  },
  {
    name: 'DescribeTasks by an ARN of another cluster than the one that is named',
    call: async (on) => {
      await on.ecs.createCluster({ clusterName: 'other' });
      return on.ecs.describeTasks({ cluster: 'other', tasks: [kept(on, 'one')] });
    },
    fails: INVALID,
    message: /cluster/,
  },
  {
    name: 'DescribeTasks of none',
    call: ({ ecs }) => ecs.describeTasks({ tasks: [] }),
    fails: INVALID,
    message: /^Tasks cannot be empty\./,
  },
  {
    name: 'DescribeTasks of 101',
    call: ({ ecs }) =>
      ecs.describeTasks({
        tasks: Array.from({ length: 101 }, (_, index) => String(index).padStart(32, '0')),
      }),
    fails: INVALID,
  },
  {
    name: 'StopTask says who and why',
    call: async (on) => {
      await reached(on, kept(on, 'one'), 'RUNNING');
      return on.ecs.stopTask({ task: kept(on, 'one'), reason: 'enough' });
    },
    gives: {
      task: {
        desiredStatus: 'STOPPED',
        stopCode: 'UserInitiated',
        stoppedReason: 'enough',
        stoppingAt: RECENT,
      },
    },
  },
  {
    name: 'a task that was stopped is described, its containers with exit codes',
    call: (on) => reached(on, kept(on, 'one'), 'STOPPED'),
    gives: {
      stoppedAt: RECENT,
      executionStoppedAt: RECENT,
      stoppedReason: 'enough',
      tags: [],
      containers: [{ lastStatus: 'STOPPED', exitCode: 143 }],
    },
  },
  {
    name: 'StopTask of what has stopped changes nothing',
    call: (on) => on.ecs.stopTask({ task: kept(on, 'one'), reason: 'again' }),
    gives: { task: { lastStatus: 'STOPPED', stoppedReason: 'enough' } },
  },
  {
    name: 'StopTask without a reason, by id',
    call: async (on) => {
      const id = kept(on, 'two').split('/').at(-1) ?? '';
      await on.ecs.stopTask({ task: id });
      return reached(on, id, 'STOPPED');
    },
    gives: { stoppedReason: 'Task stopped by user' },
  },
  {
    name: 'ListTasks of what has been stopped',
    call: async (on) => {
      const { taskArns } = await on.ecs.listTasks({ desiredStatus: 'STOPPED' });
      assert.deepEqual(taskArns, [kept(on, 'one'), kept(on, 'two')].toSorted());
    },
    gives: undefined,
  },
  {
    name: 'StopTask of a task that there is not',
    call: ({ ecs }) => ecs.stopTask({ task: '0'.repeat(32) }),
    fails: INVALID,
    message: /^The referenced task was not found\./,
  },
  {
    name: 'StopTask in a cluster that there is not',
    call: ({ ecs }) => ecs.stopTask({ cluster: 'none', task: '0'.repeat(32) }),
    fails: 'ClusterNotFoundException',
    message: /^Cluster not found\./,
  },
  {
    name: 'StopTask with a reason of 1025 characters',
    call: (on) => on.ecs.stopTask({ task: kept(on, 'three'), reason: 'x'.repeat(1025) }),
    fails: INVALID,
    message: /reason/,
  },
  {
    name: 'UpdateTaskProtection of a task of no service',
    call: (on) =>
      on.ecs.updateTaskProtection({
        cluster: 'default',
        tasks: [kept(on, 'three'), '0'.repeat(32)],
        protectionEnabled: true,
      }),
    gives: {
      protectedTasks: [],
      failures: [
        { arn: /:task\/default\//, reason: 'TASK_NOT_VALID' },
        { arn: `${ARN}:task/default/${'0'.repeat(32)}`, reason: 'MISSING' },
      ],
    },
  },
  {
    name: 'UpdateTaskProtection of a task of a service',
    call: async (on) => {
      await on.ecs.createService({ serviceName: 'web', taskDefinition: 'web', desiredCount: 2 });
      const task = await eventually('the service has a task', 15_000, async () => {
        const { taskArns } = await on.ecs.listTasks({ serviceName: 'web' });
        return taskArns?.[0];
      });
      on.kept['served'] = task;
      return on.ecs.updateTaskProtection({
        cluster: 'default',
        tasks: [task],
        protectionEnabled: true,
        expiresInMinutes: 60,
      });
    },
    gives: {
      protectedTasks: [{ taskArn: ANY, protectionEnabled: true, expirationDate: ANY }],
      failures: [],
    },
  },
  {
    name: 'GetTaskProtection of named tasks',
    call: (on) => on.ecs.getTaskProtection({ cluster: 'default', tasks: [kept(on, 'served')] }),
    gives: { protectedTasks: [{ protectionEnabled: true, expirationDate: ANY }], failures: [] },
  },
  {
    name: 'UpdateTaskProtection ends it',
    call: (on) =>
      on.ecs.updateTaskProtection({
        cluster: 'default',
        tasks: [kept(on, 'served')],
        protectionEnabled: false,
      }),
    gives: { protectedTasks: [{ protectionEnabled: false, expirationDate: ABSENT }] },
  },
  ...[0, 2881].map((expiresInMinutes): Case => ({
    name: `UpdateTaskProtection for ${expiresInMinutes} minutes`,
    call: (on) =>
      on.ecs.updateTaskProtection({
        cluster: 'default',
        tasks: [kept(on, 'served')],
        protectionEnabled: true,
        expiresInMinutes,
      }),
    fails: INVALID,
    message: /expiresInMinutes/,
  })),
  {
    name: 'UpdateTaskProtection of eleven tasks',
    call: ({ ecs }) =>
      ecs.updateTaskProtection({
        cluster: 'default',
        tasks: Array.from({ length: 11 }, (_, index) => String(index).padStart(32, '0')),
        protectionEnabled: true,
      }),
    fails: INVALID,
    message: /tasks/,
  },
  {
    name: 'UpdateTaskProtection without saying which way',
    call: (on) =>
      on.ecs.updateTaskProtection({
        cluster: 'default',
        tasks: [kept(on, 'served')],
        protectionEnabled: undefined,
      }),
    fails: INVALID,
    message: /[pP]rotectionEnabled/,
  },
  {
    name: 'a service replaces a task that is stopped',
    call: async (on) => {
      await on.ecs.stopTask({ task: kept(on, 'served') });
      return eventually('two other tasks', 20_000, async () => {
        const { taskArns = [] } = await on.ecs.listTasks({ serviceName: 'web' });
        return taskArns.length === 2 && !taskArns.includes(kept(on, 'served')) ? true : undefined;
      });
    },
    gives: true,
  },
]);
