import type { ContainerDefinition, RegisterTaskDefinitionRequest } from '../generated/messages.ts';
import { describeRules, type Rule } from './refusals.test.ts';
import { acceptTaskDefinition } from './task-definition.ts';
import { container, definition } from './testing.ts';

type Request = RegisterTaskDefinitionRequest;
const TROUBLE =
  'For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.';

const two = (first: Partial<ContainerDefinition>, second: Partial<ContainerDefinition>): Request =>
  definition({
    containerDefinitions: [container({ name: 'a', ...first }), container({ name: 'b', ...second })],
  });
const many = (count: number): ContainerDefinition[] =>
  Array.from({ length: count }, (_, index) => container({ name: `c${index}` }));
const tags = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value: '' }));
const mapping = (containerPort: number, hostPort?: number, protocol?: 'tcp' | 'udp') => ({
  containerPort,
  hostPort,
  protocol,
});
const healthy = { command: ['CMD', 'true'] };

const fargate = (fields: Partial<RegisterTaskDefinitionRequest> = {}) =>
  definition({
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    ...fields,
  });

describe('a task definition is refused', () => {
  const rules: Record<string, Rule<Request>> = {
    'without a family': {
      accepts: definition({ family: 'A-z_0' }),
      refuses: definition({ family: '' }),
      message: 'Family should not be null or empty.',
    },
    'with a family of other characters': {
      accepts: definition({ family: 'x'.repeat(255) }),
      refuses: definition({ family: 'a b' }),
      message: 'family is "a b"; expected 1 to 255 letters, digits, hyphens and underscores.',
    },
    'without containers': {
      accepts: definition({ containerDefinitions: many(1) }),
      refuses: definition({ containerDefinitions: [] }),
      message: 'Container list cannot be empty.',
    },
    'with more than 10 containers': {
      accepts: definition({ containerDefinitions: many(10) }),
      refuses: definition({ containerDefinitions: many(11) }),
      message: 'containerDefinitions has 11 containers; expected at most 10.',
    },
    'with two containers of one name': {
      accepts: two({}, {}),
      refuses: two({ name: 'x' }, { name: 'x' }),
      message: 'containerDefinitions: name has "x" more than once; expected each at most once.',
    },
    'without an essential container': {
      accepts: two({ essential: false }, {}),
      refuses: two({ essential: false }, { essential: false }),
      message: 'At least one container of a task must be essential; every essential is false.',
    },
    'with a task cpu below 128 units': {
      accepts: definition({ cpu: '0.125 vCPU' }),
      refuses: definition({ cpu: '127' }),
      message: `Invalid 'cpu' setting for task. ${TROUBLE} (found "127", expected 128 to 196608 CPU units or "0.125 vCPU" to "192 vCPU")`,
    },
    'with a task cpu that is no size': {
      accepts: definition({ cpu: '192 vcpu' }),
      refuses: definition({ cpu: 'lots' }),
      message: `Invalid 'cpu' setting for task. ${TROUBLE} (found "lots", expected 128 to 196608 CPU units or "0.125 vCPU" to "192 vCPU")`,
    },
    'with a task memory that is no size': {
      accepts: definition({ memory: '0.5 GB' }),
      refuses: definition({ memory: '-1' }),
      message: `Invalid 'memory' setting for task. ${TROUBLE} (found "-1", expected at least 6 MiB, such as "512" or "1GB")`,
    },
    'with more container cpu than the task has': {
      accepts: { ...two({ cpu: 128 }, { cpu: 128 }), cpu: '256' },
      refuses: { ...two({ cpu: 128 }, { cpu: 129 }), cpu: '256' },
      message: "The containers' cpu adds up to 257; expected at most the task's cpu, 256.",
    },
    'with more container memory than the task has': {
      accepts: { ...two({ memory: 64 }, { memory: 64 }), memory: '128' },
      refuses: { ...two({ memory: 64 }, { memory: 65 }), memory: '128' },
      message:
        "The containers' memory adds up to 129 MiB; expected at most the task's memory, 128 MiB.",
    },
    'with more reserved memory than the task has': {
      accepts: { ...two({ memory: undefined, memoryReservation: 64 }, {}), memory: '128' },
      refuses: { ...two({ memory: undefined, memoryReservation: 129 }, {}), memory: '128' },
      message:
        "The containers' memoryReservation adds up to 129 MiB; expected at most the task's memory, 128 MiB.",
    },
    'with a constraint other than memberOf': {
      accepts: definition({
        placementConstraints: [{ type: 'memberOf', expression: 'attribute:zone == a' }],
      }),
      refuses: definition({ placementConstraints: [{ type: 'distinctInstance' }] }),
      message: 'placementConstraints[0].type is "distinctInstance"; expected one of memberOf.',
    },
    'for a platform that is not Berth': {
      accepts: definition({ requiresCompatibilities: ['EC2', 'EXTERNAL'] }),
      refuses: definition({ requiresCompatibilities: ['MANAGED_INSTANCES'] }),
      message:
        'requiresCompatibilities[0] is "MANAGED_INSTANCES"; expected one of EC2, EXTERNAL, FARGATE.',
    },
    'for FARGATE without awsvpc': {
      accepts: fargate(),
      refuses: fargate({ networkMode: 'bridge' }),
      message:
        "Fargate only supports network mode 'awsvpc'. (networkMode is bridge, requiresCompatibilities has FARGATE)",
    },
    'for FARGATE without a size': {
      accepts: fargate({ cpu: '0.5 vCPU', memory: '4GB' }),
      refuses: fargate({ cpu: undefined }),
      message: "Fargate requires that 'cpu' be defined at the task level.",
    },
    'for FARGATE of a size that it does not have': {
      accepts: fargate({ cpu: '8192', memory: '20480' }),
      refuses: fargate({ cpu: '256', memory: '4096' }),
      message: 'No Fargate configuration exists for given values. (cpu 256, memory 4096)',
    },
    'with awsvpc and several containers': {
      accepts: definition({ networkMode: 'awsvpc' }),
      refuses: definition({
        networkMode: 'awsvpc',
        containerDefinitions: [container(), container({ name: 'log' })],
      }),
      message:
        'networkMode is awsvpc and the task has 2 containers; expected one: the containers of a task do not share an ' +
        'address here. Use bridge or host.',
    },
    'with awsvpc and a host name': {
      accepts: definition({ containerDefinitions: [container({ hostname: 'a' })] }),
      refuses: definition({
        networkMode: 'awsvpc',
        containerDefinitions: [container({ hostname: 'a' })],
      }),
      message: `Container 'web': hostname is "a"; expected none when networkMode=awsvpc.`,
    },
    'with awsvpc and another host port': {
      accepts: definition({
        networkMode: 'awsvpc',
        containerDefinitions: [container({ portMappings: [{ containerPort: 80, hostPort: 80 }] })],
      }),
      refuses: definition({
        networkMode: 'awsvpc',
        containerDefinitions: [container({ portMappings: [{ containerPort: 80, hostPort: 81 }] })],
      }),
      message:
        "Container 'web': When networkMode=awsvpc, the host ports and container ports in port mappings must match. " +
        '(portMappings[0]: hostPort 81, containerPort 80)',
    },
    'with a role that is none': {
      accepts: definition({ taskRoleArn: 'arn:aws:iam::000000000000:role/service/app' }),
      refuses: definition({ taskRoleArn: 'arn:aws:iam::000000000000:user/ada' }),
      message:
        'taskRoleArn is "arn:aws:iam::000000000000:user/ada"; expected the name or ARN of a role.',
    },
    'with little ephemeral storage': {
      accepts: definition({ ephemeralStorage: { sizeInGiB: 21 } }),
      refuses: definition({ ephemeralStorage: { sizeInGiB: 20 } }),
      message: 'ephemeralStorage.sizeInGiB is 20; expected a whole number from 21 to 200.',
    },
    'whose images are pinned at times': {
      accepts: definition({
        containerDefinitions: [container({ versionConsistency: 'disabled' })],
      }),
      refuses: definition({
        containerDefinitions: [container({ versionConsistency: 'sometimes' as 'enabled' })],
      }),
      message: `Container 'web': versionConsistency is "sometimes"; expected one of enabled, disabled.`,
    },
    'with more than 50 tags': {
      accepts: definition({ tags: tags(50) }),
      refuses: definition({ tags: tags(51) }),
      message: 'tags has 51 tags; expected at most 50.',
    },
    'with a tag of AWS': {
      accepts: definition({ tags: [{ key: 'team:a/b', value: 'x @ y' }] }),
      refuses: definition({ tags: [{ key: 'AWS:x', value: '' }] }),
      message: 'tags[0].key is "AWS:x"; expected a key that does not begin with aws:.',
    },
    'with a tag twice': {
      accepts: definition({ tags: tags(2) }),
      refuses: definition({ tags: [...tags(1), ...tags(1)] }),
      message: 'tags has "k0" more than once; expected each at most once.',
    },
    'above 64 KiB': {
      accepts: definition({ containerDefinitions: [container({ command: ['é'.repeat(30_000)] })] }),
      refuses: definition({ containerDefinitions: [container({ command: ['é'.repeat(33_000)] })] }),
      message: 'The task definition is 66437 bytes of JSON; expected at most 65536 (64 KiB).',
    },
  };
  describeRules('ClientException', rules, acceptTaskDefinition);
});

describe('the ports of a task definition are refused', () => {
  const ports = (...portMappings: ContainerDefinition['portMappings']): Request =>
    definition({ containerDefinitions: [container({ portMappings })] });
  const rules: Record<string, Rule<Request>> = {
    'with a container port out of range': {
      accepts: ports(mapping(65_535)),
      refuses: ports(mapping(70_000)),
      message:
        "Container 'web': portMappings[0].containerPort is 70000; expected a whole number from 1 to 65535.",
    },
    'with container port 0': {
      accepts: ports(mapping(1)),
      refuses: ports(mapping(0)),
      message:
        "Container 'web': portMappings[0].containerPort is 0; expected a whole number from 1 to 65535.",
    },
    'with a host port out of range': {
      accepts: ports(mapping(80, 0)),
      refuses: ports(mapping(80, 65_536)),
      message:
        "Container 'web': portMappings[0].hostPort is 65536; expected a whole number from 0 to 65535.",
    },
    'where the host network has other ports': {
      accepts: { ...ports(mapping(80), mapping(81, 81)), networkMode: 'host' },
      refuses: { ...ports(mapping(80, 8080)), networkMode: 'host' },
      message:
        "Container 'web': When networkMode=host, the host ports and container ports in port mappings must match. (portMappings[0]: hostPort 8080, containerPort 80)",
    },
    'without a network': {
      accepts: { ...ports(), networkMode: 'none' },
      refuses: { ...ports(mapping(80)), networkMode: 'none' },
      message: "Container 'web': portMappings are given; expected none when networkMode=none.",
    },
    'with networking disabled': {
      accepts: definition({ containerDefinitions: [container({ disableNetworking: true })] }),
      refuses: definition({
        containerDefinitions: [container({ disableNetworking: true, portMappings: [mapping(80)] })],
      }),
      message:
        "Container 'web': portMappings are given; expected none when disableNetworking is true.",
    },
    'with one container port for two protocols': {
      accepts: ports(mapping(53, 0, 'udp'), mapping(54, 0, 'tcp')),
      refuses: ports(mapping(53, 0, 'udp'), mapping(53, 0, 'tcp')),
      message:
        'Container \'web\': portMappings: containerPort has "53" more than once; expected each at most once.',
    },
    'with one static host port for two containers': {
      accepts: two(
        { portMappings: [mapping(80, 8080)] },
        { portMappings: [mapping(80, 8080, 'udp')] },
      ),
      refuses: two({ portMappings: [mapping(80, 8080)] }, { portMappings: [mapping(81, 8080)] }),
      message:
        'containerDefinitions: static hostPort has "8080/tcp" more than once; expected each at most once.',
    },
    'with a name of other characters': {
      accepts: ports({ ...mapping(80), name: 'http-1' }),
      refuses: ports({ ...mapping(80), name: 'HTTP' }),
      message:
        'Container \'web\': portMappings[0].name is "HTTP"; expected 1 to 64 lower-case letters, digits, hyphens and underscores.',
    },
    'with a name twice': {
      accepts: ports({ ...mapping(80), name: 'a' }, { ...mapping(81), name: 'b' }),
      refuses: ports({ ...mapping(80), name: 'a' }, { ...mapping(81), name: 'a' }),
      message:
        'containerDefinitions: portMappings.name has "a" more than once; expected each at most once.',
    },
  };
  describeRules('ClientException', rules, acceptTaskDefinition);
});

describe('the volumes of a task definition are refused', () => {
  const mounts = (fields: Partial<Request>, sourceVolume = 'data', containerPath = '/data') =>
    definition({
      containerDefinitions: [container({ mountPoints: [{ sourceVolume, containerPath }] })],
      ...fields,
    });
  const volumes = [{ name: 'data' }];
  const docker = (fields: object, name = 'data'): Request =>
    definition({
      volumes: [{ name, dockerVolumeConfiguration: { driverOpts: {}, labels: {}, ...fields } }],
    });
  const rules: Record<string, Rule<Request>> = {
    'where a mount names none': {
      accepts: mounts({ volumes }),
      refuses: mounts({ volumes }, 'dta'),
      message:
        'Container \'web\': mountPoints[0].sourceVolume is "dta"; expected a name in volumes (data).',
    },
    'where a mount names one of none': {
      accepts: mounts({ volumes }),
      refuses: mounts({}),
      message:
        'Container \'web\': mountPoints[0].sourceVolume is "data"; expected a name in volumes (no volumes are given).',
    },
    'with a relative path in the container': {
      accepts: mounts({ volumes }),
      refuses: mounts({ volumes }, 'data', 'data'),
      message:
        'Container \'web\': mountPoints[0].containerPath is "data"; expected an absolute path.',
    },
    'with a relative path on the host': {
      accepts: definition({ volumes: [{ name: 'x', host: { sourcePath: '/srv' } }] }),
      refuses: definition({ volumes: [{ name: 'x', host: { sourcePath: 'srv' } }] }),
      message: 'Volume \'x\': host.sourcePath is "srv"; expected an absolute path.',
    },
    'of two kinds at once': {
      accepts: docker({}),
      refuses: definition({
        volumes: [
          { name: 'x', host: {}, dockerVolumeConfiguration: { driverOpts: {}, labels: {} } },
        ],
      }),
      message:
        "Volume 'x': host and dockerVolumeConfiguration are both given; expected one of them.",
    },
    'provisioned for a task': {
      accepts: docker({ scope: 'shared', autoprovision: true }),
      refuses: docker({ autoprovision: true }),
      message:
        "Volume 'data': dockerVolumeConfiguration.autoprovision is true; expected it only with scope shared.",
    },
    'shared under a name that Docker refuses': {
      accepts: docker({}, '-x'),
      refuses: docker({ scope: 'shared' }, '-x'),
      message:
        'Volume \'-x\': name is "-x"; expected for scope shared 2 or more characters, a letter or digit first.',
    },
    'with a name twice': {
      accepts: definition({ volumes: [{ name: 'x' }, { name: 'y' }] }),
      refuses: definition({ volumes: [{ name: 'x' }, { name: 'x' }] }),
      message: 'volumes: name has "x" more than once; expected each at most once.',
    },
  };
  describeRules('ClientException', rules, acceptTaskDefinition);
});

describe('the order of containers is refused', () => {
  const depends = (
    condition: 'START' | 'COMPLETE' | 'SUCCESS' | 'HEALTHY',
    other: Partial<ContainerDefinition>,
    containerName = 'b',
  ): Request => two({ dependsOn: [{ containerName, condition }] }, other);
  const rules: Record<string, Rule<Request>> = {
    'after a container that does not exist': {
      accepts: depends('START', {}),
      refuses: depends('START', {}, 'c'),
      message:
        'Container \'a\': dependsOn[0].containerName is "c"; expected the name of another container of the task.',
    },
    'after itself': {
      accepts: depends('START', {}),
      refuses: depends('START', {}, 'a'),
      message:
        'Container \'a\': dependsOn[0].containerName is "a"; expected the name of another container of the task.',
    },
    'after the end of an essential container': {
      accepts: depends('SUCCESS', { essential: false }),
      refuses: depends('SUCCESS', {}),
      message:
        "Container 'a': dependsOn[0].condition is \"SUCCESS\"; expected START or HEALTHY for 'b', which is essential: when it exits the task stops.",
    },
    'after the health of a container without a check': {
      accepts: depends('HEALTHY', { healthCheck: healthy }),
      refuses: depends('HEALTHY', { healthCheck: { command: ['NONE'] } }),
      message:
        "Container 'a': dependsOn[0].condition is \"HEALTHY\"; expected START for 'b', which has no healthCheck.",
    },
    'in a circle': {
      accepts: depends('START', {}),
      refuses: two(
        { dependsOn: [{ containerName: 'b', condition: 'START' }] },
        { dependsOn: [{ containerName: 'a', condition: 'START' }] },
      ),
      message: 'dependsOn goes in a circle: a -> b -> a; expected an order.',
    },
  };
  describeRules('ClientException', rules, acceptTaskDefinition);
});
