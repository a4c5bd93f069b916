// Task definitions: normal form, validation, life cycle, lists. Source: ECS reference, sections 2.3 and 3.
import type { ContainerDefinition, RegisterTaskDefinitionCommandInput } from '@aws-sdk/client-ecs';

import { type Case, type Ground, conformance, pages } from './cases.ts';
import { ABSENT, ANY, RECENT } from './match.ts';

const ARN = 'arn:aws:ecs:us-east-1:000000000000:task-definition';
const CLIENT = 'ClientException';
const MAIN: ContainerDefinition = { name: 'main', image: 'web', memory: 64 };

const withContainer = (change: ContainerDefinition): RegisterTaskDefinitionCommandInput => ({
  family: 'refused',
  containerDefinitions: [{ ...MAIN, ...change }],
});

const register =
  (input: RegisterTaskDefinitionCommandInput) =>
  ({ ecs }: Ground) =>
    ecs.registerTaskDefinition(input);

/** Refused with a ClientException. */
const refused = (
  what: string,
  input: RegisterTaskDefinitionCommandInput,
  message: RegExp,
): Case => ({
  name: `RegisterTaskDefinition ${what}`,
  call: register(input),
  fails: CLIENT,
  message,
});

const accepted = (
  what: string,
  input: RegisterTaskDefinitionCommandInput,
  taskDefinition: object,
): Case => ({
  name: `RegisterTaskDefinition ${what}`,
  call: register({ ...input, family: 'accepted' }),
  gives: { taskDefinition },
});

const NOT_SUPPORTED = /is not supported by Berth\./;

conformance('ECS over the SDK: registering task definitions', [
  accepted(
    'with sizes as people write them',
    { ...withContainer({}), cpu: '.5 vCPU', memory: '1GB' },
    { cpu: '512', memory: '1024' },
  ),
  accepted(
    'with everything of a container that Berth honours',
    withContainer({
      command: ['serve', ''],
      entryPoint: ['/bin/sh', '-c'],
      environment: [{ name: 'A', value: 'b=c' }],
      user: '1000:1000',
      workingDirectory: '/srv',
      readonlyRootFilesystem: true,
      dockerLabels: { 'a.b': '' },
      ulimits: [{ name: 'nofile', softLimit: 100, hardLimit: 200 }],
      logConfiguration: { logDriver: 'json-file', options: { 'max-size': '1m' } },
      healthCheck: { command: ['CMD-SHELL', 'true'], interval: 10 },
      linuxParameters: {
        initProcessEnabled: true,
        capabilities: { drop: ['ALL'] },
        devices: [{ hostPath: '/dev/fuse', permissions: ['read', 'write'] }],
      },
      resourceRequirements: [{ type: 'GPU', value: '2' }],
      stopTimeout: 5,
      systemControls: [{ namespace: 'net.core.somaxconn', value: '1024' }],
      extraHosts: [{ hostname: 'db', ipAddress: '10.0.0.1' }],
    }),
    {
      containerDefinitions: [
        {
          command: ['serve', ''],
          entryPoint: ['/bin/sh', '-c'],
          environment: [{ name: 'A', value: 'b=c' }],
          user: '1000:1000',
          readonlyRootFilesystem: true,
          dockerLabels: { 'a.b': '' },
          ulimits: [{ name: 'nofile', softLimit: 100, hardLimit: 200 }],
          logConfiguration: { logDriver: 'json-file', options: { 'max-size': '1m' } },
          healthCheck: { command: ['CMD-SHELL', 'true'], interval: 10 },
          linuxParameters: {
            initProcessEnabled: true,
            capabilities: { drop: ['ALL'] },
            devices: [{ hostPath: '/dev/fuse', permissions: ['read', 'write'] }],
          },
          resourceRequirements: [{ type: 'GPU', value: '2' }],
          stopTimeout: 5,
          systemControls: [{ namespace: 'net.core.somaxconn', value: '1024' }],
          extraHosts: [{ hostname: 'db', ipAddress: '10.0.0.1' }],
        },
      ],
    },
  ),
  accepted(
    'with a volume of the host, one of Docker and one of nothing',
    {
      ...withContainer({
        mountPoints: [{ sourceVolume: 'data', containerPath: '/data', readOnly: true }],
      }),
      volumes: [
        { name: 'data', host: { sourcePath: '/srv/data' } },
        { name: 'cache', dockerVolumeConfiguration: { scope: 'shared', autoprovision: true } },
        { name: 'scratch' },
      ],
    },
    {
      volumes: [
        { name: 'data', host: { sourcePath: '/srv/data' } },
        { name: 'cache', dockerVolumeConfiguration: { scope: 'shared', autoprovision: true } },
        { name: 'scratch' },
      ],
    },
  ),
  accepted(
    'of network mode host: ports stand for themselves',
    { ...withContainer({ portMappings: [{ containerPort: 80 }] }), networkMode: 'host' },
    {
      networkMode: 'host',
      containerDefinitions: [{ portMappings: [{ containerPort: 80, hostPort: 80 }] }],
    },
  ),
  accepted(
    'for FARGATE',
    {
      ...withContainer({ memory: undefined }),
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: '256',
      memory: '512',
      executionRoleArn: 'arn:aws:iam::000000000000:role/run',
      runtimePlatform: { cpuArchitecture: 'X86_64', operatingSystemFamily: 'LINUX' },
    },
    {
      requiresCompatibilities: ['FARGATE'],
      compatibilities: ['EC2', 'FARGATE'],
      cpu: '256',
      memory: '512',
      networkMode: 'awsvpc',
      executionRoleArn: 'arn:aws:iam::000000000000:role/run',
      runtimePlatform: { cpuArchitecture: 'X86_64', operatingSystemFamily: 'LINUX' },
    },
  ),
  accepted(
    'with a placement constraint',
    {
      ...withContainer({}),
      placementConstraints: [{ type: 'memberOf', expression: 'attribute:zone == a' }],
    },
    { placementConstraints: [{ type: 'memberOf', expression: 'attribute:zone == a' }] },
  ),
  accepted(
    'with a container that has to wait for another',
    {
      family: '',
      containerDefinitions: [
        { ...MAIN, dependsOn: [{ containerName: 'init', condition: 'SUCCESS' }] },
        { name: 'init', image: 'init', memory: 8, essential: false },
      ],
    },
    {
      containerDefinitions: [
        { dependsOn: [{ containerName: 'init', condition: 'SUCCESS' }] },
        { essential: false },
      ],
    },
  ),
  {
    name: 'RegisterTaskDefinition with tags gives them beside the definition',
    call: register({ ...withContainer({}), family: 'tagged', tags: [{ key: 'a', value: '1' }] }),
    gives: {
      tags: [{ key: 'a', value: '1' }],
      taskDefinition: { registeredBy: 'arn:aws:iam::000000000000:user/tester' },
    },
  },
  accepted(
    'with ten containers',
    {
      family: '',
      containerDefinitions: Array.from({ length: 10 }, (_, i) => ({ ...MAIN, name: `c${i}` })),
    },
    { containerDefinitions: ANY },
  ),
  refused(
    'with eleven containers',
    {
      family: 'refused',
      containerDefinitions: Array.from({ length: 11 }, (_, i) => ({ ...MAIN, name: `c${i}` })),
    },
    /10/,
  ),
  refused('without containers', { family: 'refused', containerDefinitions: [] }, /container/i),
  refused('without a family', { ...withContainer({}), family: undefined }, /[fF]amily/),
  refused('of a family with a dot', { ...withContainer({}), family: 'a.b' }, /family/),
  refused(
    'of a family of 256 characters',
    { ...withContainer({}), family: 'f'.repeat(256) },
    /family/,
  ),
  refused(
    'with two containers of one name',
    { family: 'refused', containerDefinitions: [MAIN, MAIN] },
    /main/,
  ),
  refused('without an essential container', withContainer({ essential: false }), /essential/),
  refused(
    'without any memory',
    withContainer({ memory: undefined }),
    /Invalid setting for container 'main'\. At least one of 'memory' or 'memoryReservation' must be specified\./,
  ),
  refused(
    'with more reserved than allowed',
    withContainer({ memory: 64, memoryReservation: 128 }),
    /memoryReservation/,
  ),
  refused('with memory of 5 MiB', withContainer({ memory: 5 }), /memory/),
  refused(
    'with containers that need more memory than the task has',
    { ...withContainer({ memory: 2048 }), memory: '1024' },
    /memory/,
  ),
  refused(
    'with containers that need more CPU than the task has',
    { ...withContainer({ cpu: 1024 }), cpu: '512', memory: '1024' },
    /cpu/,
  ),
  refused(
    'with a CPU size that is none',
    { ...withContainer({}), cpu: 'many' },
    /Invalid 'cpu' setting for task\./,
  ),
  refused(
    'with a pair of sizes that FARGATE does not have',
    {
      ...withContainer({}),
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: '256',
      memory: '4096',
    },
    /^No Fargate configuration exists for given values\./,
  ),
  refused(
    'for FARGATE in bridge mode',
    { ...withContainer({}), requiresCompatibilities: ['FARGATE'], cpu: '256', memory: '512' },
    /awsvpc/,
  ),
  refused(
    'with a port of 65536',
    withContainer({ portMappings: [{ containerPort: 65_536 }] }),
    /containerPort/,
  ),
  refused(
    'of mode host with two different ports',
    {
      ...withContainer({ portMappings: [{ containerPort: 80, hostPort: 8080 }] }),
      networkMode: 'host',
    },
    /hostPort/,
  ),
  refused(
    'of mode none with ports',
    { ...withContainer({ portMappings: [{ containerPort: 80 }] }), networkMode: 'none' },
    /portMappings|ports/,
  ),
  refused(
    'that mounts a volume that there is not',
    withContainer({ mountPoints: [{ sourceVolume: 'none', containerPath: '/x' }] }),
    /none/,
  ),
  refused(
    'with two volumes of one name',
    { ...withContainer({}), volumes: [{ name: 'a' }, { name: 'a' }] },
    /volumes/,
  ),
  refused(
    'that waits for itself in a circle',
    {
      family: 'refused',
      containerDefinitions: [
        { ...MAIN, name: 'a', dependsOn: [{ containerName: 'b', condition: 'START' }] },
        { ...MAIN, name: 'b', dependsOn: [{ containerName: 'a', condition: 'START' }] },
      ],
    },
    /circle/,
  ),
  refused(
    'that waits for the end of an essential container',
    {
      family: 'refused',
      containerDefinitions: [
        { ...MAIN, name: 'a', dependsOn: [{ containerName: 'b', condition: 'COMPLETE' }] },
        { ...MAIN, name: 'b' },
      ],
    },
    /essential/,
  ),
  refused(
    'that waits for health nobody checks',
    {
      family: 'refused',
      containerDefinitions: [
        { ...MAIN, name: 'a', dependsOn: [{ containerName: 'b', condition: 'HEALTHY' }] },
        { ...MAIN, name: 'b' },
      ],
    },
    /healthCheck/,
  ),
  refused(
    'with a health check every second',
    withContainer({ healthCheck: { command: ['CMD', 'true'], interval: 1 } }),
    /interval/,
  ),
  refused(
    'with an expression that is none',
    { ...withContainer({}), placementConstraints: [{ type: 'memberOf', expression: 'a ==' }] },
    /expression|column|placementConstraints/,
  ),
  refused(
    'with an empty list of tags',
    { ...withContainer({}), tags: [] },
    /^Tags can not be empty\./,
  ),
  refused(
    'with a tag of AWS',
    { ...withContainer({}), tags: [{ key: 'aws:x', value: '' }] },
    /aws:/,
  ),
  refused(
    'with more than 64 KiB',
    withContainer({ environment: [{ name: 'BIG', value: 'x'.repeat(70_000) }] }),
    /6[45]/,
  ),
  ...Object.entries<ContainerDefinition>({
    links: { links: ['other'] },
    secrets: { secrets: [{ name: 'A', valueFrom: 'arn' }] },
    environmentFiles: { environmentFiles: [{ value: 'arn:aws:s3:::b/f', type: 's3' }] },
    volumesFrom: { volumesFrom: [{ sourceContainer: 'other' }] },
    restartPolicy: { restartPolicy: { enabled: true } },
    'an inference accelerator': {
      resourceRequirements: [{ type: 'InferenceAccelerator', value: 'a' }],
    },
    'a share of a GPU': {
      resourceRequirements: [
        { type: 'GPU', value: '1', sharingStrategy: { nvidiaMps: { memory: 1 } } },
      ],
    },
    firelensConfiguration: { firelensConfiguration: { type: 'fluentbit' } },
    repositoryCredentials: { repositoryCredentials: { credentialsParameter: 'arn' } },
  }).map(([member, change]) =>
    refused(`with ${member}, which is refused by name`, withContainer(change), NOT_SUPPORTED),
  ),
  refused(
    'with a file system of EFS',
    {
      ...withContainer({}),
      volumes: [{ name: 'a', efsVolumeConfiguration: { fileSystemId: 'fs-1' } }],
    },
    NOT_SUPPORTED,
  ),
  refused(
    'with App Mesh',
    { ...withContainer({}), proxyConfiguration: { type: 'APPMESH', containerName: 'main' } },
    NOT_SUPPORTED,
  ),
  {
    name: 'nothing of what was refused is there',
    call: ({ ecs }) => ecs.listTaskDefinitions({ familyPrefix: 'refused' }),
    gives: { taskDefinitionArns: [], nextToken: ABSENT },
  },
]);

conformance('ECS over the SDK: life of task definitions', [
  {
    name: 'a family of three revisions',
    call: async ({ ecs }) => {
      for (const family of ['web', 'web', 'web', 'web-admin', 'db']) {
        await ecs.registerTaskDefinition({
          family,
          containerDefinitions: [MAIN],
          tags: [{ key: 'of', value: family }],
        });
      }
      return ecs.listTaskDefinitions({});
    },
    gives: {
      taskDefinitionArns: ['db:1', 'web:1', 'web:2', 'web:3', 'web-admin:1'].map(
        (name) => `${ARN}/${name}`,
      ),
    },
  },
  {
    name: 'ListTaskDefinitions takes familyPrefix for a whole name',
    call: ({ ecs }) => ecs.listTaskDefinitions({ familyPrefix: 'web' }),
    gives: { taskDefinitionArns: [`${ARN}/web:1`, `${ARN}/web:2`, `${ARN}/web:3`] },
  },
  {
    name: 'ListTaskDefinitions in pages, newest first',
    call: ({ ecs }) =>
      pages(async (nextToken) => {
        const page = await ecs.listTaskDefinitions({ sort: 'DESC', maxResults: 2, nextToken });
        return { items: page.taskDefinitionArns, nextToken: page.nextToken };
      }),
    gives: [
      [`${ARN}/web-admin:1`, `${ARN}/web:3`],
      [`${ARN}/web:2`, `${ARN}/web:1`],
      [`${ARN}/db:1`],
    ],
  },
  {
    name: 'ListTaskDefinitions with a token of another family',
    call: async ({ ecs }) => {
      const { nextToken } = await ecs.listTaskDefinitions({ familyPrefix: 'web', maxResults: 1 });
      return ecs.listTaskDefinitions({ familyPrefix: 'db', maxResults: 1, nextToken });
    },
    fails: 'InvalidParameterException',
    message: /^Invalid nextToken/,
  },
  ...[0, 101].map((maxResults): Case => ({
    name: `ListTaskDefinitions in pages of ${maxResults}`,
    call: ({ ecs }) => ecs.listTaskDefinitions({ maxResults }),
    fails: 'InvalidParameterException',
    message: /maxResults/,
  })),
  {
    name: 'ListTaskDefinitionFamilies by the beginning of their names',
    call: ({ ecs }) => ecs.listTaskDefinitionFamilies({ familyPrefix: 'we' }),
    gives: { families: ['web', 'web-admin'] },
  },
  {
    name: 'ListTaskDefinitionFamilies in pages',
    call: ({ ecs }) =>
      pages(async (nextToken) => {
        const page = await ecs.listTaskDefinitionFamilies({ maxResults: 2, nextToken });
        return { items: page.families, nextToken: page.nextToken };
      }),
    gives: [['db', 'web'], ['web-admin']],
  },
  {
    name: 'ListTaskDefinitionFamilies of a status that there is not',
    call: ({ ecs }) => ecs.listTaskDefinitionFamilies({ status: 'GONE' as 'ALL' }),
    fails: 'InvalidParameterException',
    message: /GONE/,
  },
  {
    name: 'DescribeTaskDefinition with tags',
    call: ({ ecs }) =>
      ecs.describeTaskDefinition({ taskDefinition: `${ARN}/web:2`, include: ['TAGS'] }),
    gives: { taskDefinition: { revision: 2 }, tags: [{ key: 'of', value: 'web' }] },
  },
  {
    name: 'DescribeTaskDefinition without include has an empty list of tags',
    call: ({ ecs }) => ecs.describeTaskDefinition({ taskDefinition: 'web:2' }),
    gives: { tags: [] },
  },
  {
    name: 'DescribeTaskDefinition of another account',
    call: ({ ecs }) =>
      ecs.describeTaskDefinition({
        taskDefinition: 'arn:aws:ecs:us-east-1:111111111111:task-definition/web:1',
      }),
    fails: CLIENT,
    message: /^Unable to describe task definition\./,
  },
  {
    name: 'DescribeTaskDefinition of a revision that there is not',
    call: ({ ecs }) => ecs.describeTaskDefinition({ taskDefinition: 'web:9' }),
    fails: CLIENT,
    message: /^Unable to describe task definition\./,
  },
  {
    name: 'DescribeTaskDefinition of nothing',
    call: ({ ecs }) => ecs.describeTaskDefinition({ taskDefinition: undefined }),
    fails: 'InvalidParameterException',
    message: /[tT]askDefinition/,
  },
  {
    name: 'DeregisterTaskDefinition',
    call: ({ ecs }) => ecs.deregisterTaskDefinition({ taskDefinition: 'web:3' }),
    gives: {
      taskDefinition: {
        revision: 3,
        status: 'INACTIVE',
        deregisteredAt: RECENT,
        registeredAt: RECENT,
      },
    },
  },
  {
    name: 'DescribeTaskDefinition of a family is then an older one',
    call: ({ ecs }) => ecs.describeTaskDefinition({ taskDefinition: 'web' }),
    gives: { taskDefinition: { revision: 2, status: 'ACTIVE' } },
  },
  {
    name: 'DescribeTaskDefinition of what is INACTIVE',
    call: ({ ecs }) => ecs.describeTaskDefinition({ taskDefinition: 'web:3' }),
    gives: { taskDefinition: { status: 'INACTIVE' } },
  },
  {
    name: 'ListTaskDefinitions of what is INACTIVE',
    call: ({ ecs }) => ecs.listTaskDefinitions({ status: 'INACTIVE' }),
    gives: { taskDefinitionArns: [`${ARN}/web:3`] },
  },
  {
    name: 'DeregisterTaskDefinition without a revision',
    call: ({ ecs }) => ecs.deregisterTaskDefinition({ taskDefinition: 'web' }),
    fails: CLIENT,
    message: /^Revision is missing\./,
  },
  {
    name: 'DeregisterTaskDefinition of one that there is not',
    call: ({ ecs }) => ecs.deregisterTaskDefinition({ taskDefinition: 'web:9' }),
    fails: CLIENT,
    message: /^The specified task definition does not exist\./,
  },
  {
    name: 'CreateService of what is INACTIVE',
    call: async ({ ecs }) => {
      await ecs.createCluster({});
      return ecs.createService({ serviceName: 'x', taskDefinition: 'web:3', desiredCount: 0 });
    },
    fails: 'InvalidParameterException',
    message: /^TaskDefinition is inactive/,
  },
  {
    name: 'DeleteTaskDefinitions: what is INACTIVE begins to go, the rest are failures',
    call: ({ ecs }) =>
      ecs.deleteTaskDefinitions({ taskDefinitions: ['web:3', 'web:1', 'web:9', 'web'] }),
    gives: {
      taskDefinitions: [{ revision: 3, status: 'DELETE_IN_PROGRESS', deleteRequestedAt: RECENT }],
      failures: [
        { arn: `${ARN}/web:1`, reason: /ACTIVE/ },
        { arn: `${ARN}/web:9`, reason: /does not exist/ },
        { arn: `${ARN}/web`, reason: /[Rr]evision/ },
      ],
    },
  },
  {
    name: 'DeleteTaskDefinitions of eleven',
    call: ({ ecs }) =>
      ecs.deleteTaskDefinitions({
        taskDefinitions: Array.from({ length: 11 }, (_, index) => `web:${index + 1}`),
      }),
    fails: 'InvalidParameterException',
  },
  {
    name: 'DeleteTaskDefinitions of none',
    call: ({ ecs }) => ecs.deleteTaskDefinitions({ taskDefinitions: [] }),
    fails: 'InvalidParameterException',
  },
  {
    name: 'a number is never given twice',
    call: ({ ecs }) => ecs.registerTaskDefinition({ family: 'web', containerDefinitions: [MAIN] }),
    gives: { taskDefinition: { revision: 4 } },
  },
  {
    name: 'a family without ACTIVE revisions is INACTIVE',
    call: async ({ ecs }) => {
      await ecs.deregisterTaskDefinition({ taskDefinition: 'db:1' });
      const [active, inactive] = await Promise.all([
        ecs.listTaskDefinitionFamilies({ status: 'ACTIVE' }),
        ecs.listTaskDefinitionFamilies({ status: 'INACTIVE' }),
      ]);
      return { active: active.families, inactive: inactive.families };
    },
    gives: { active: ['web', 'web-admin'], inactive: ['db'] },
  },
]);
