import type { ContainerDefinition, LogConfiguration } from '../generated/messages.ts';
import { assertRefused, describeRules, type Rule } from './refusals.test.ts';
import { acceptTaskDefinition } from './task-definition.ts';
import { container, definition } from './testing.ts';

type Fields = Partial<ContainerDefinition>;

const accept = (fields: Fields): unknown =>
  acceptTaskDefinition(definition({ containerDefinitions: [container(fields)] }));
const health = (fields: object): Fields => ({
  healthCheck: { command: ['CMD', 'true'], ...fields },
});
const logs = (
  options: Record<string, string>,
  logDriver: LogConfiguration['logDriver'] = 'json-file',
): Fields => ({ logConfiguration: { logDriver, options } });
const CLOUDWATCH = { 'awslogs-group': '/ecs/web', 'awslogs-region': 'us-east-1' };
const linux = (fields: object): Fields => ({
  linuxParameters: { tmpfs: [], devices: [], ...fields },
});
const fuse = (fields: object): object => ({ hostPath: '/dev/fuse', permissions: [], ...fields });
const device = (fields: object): Fields => linux({ devices: [fuse(fields)] });
const gpus = (fields: object): Fields => ({
  resourceRequirements: [{ type: 'GPU', value: '1', ...fields }],
});
const tmpfs = (fields: object): Fields =>
  linux({ tmpfs: [{ containerPath: '/t', size: 8, mountOptions: [], ...fields }] });

describe('a container is refused', () => {
  const rules: Record<string, Rule<Fields>> = {
    'without a name': {
      accepts: { name: 'x' },
      refuses: { name: '' },
      message: 'Container.name should not be null or empty. (containerDefinitions[0])',
    },
    'with a name of other characters': {
      accepts: { name: 'a-B_1' },
      refuses: { name: 'a.b' },
      message:
        'containerDefinitions[0].name is "a.b"; expected 1 to 255 letters, digits, hyphens and underscores.',
    },
    'without an image': {
      accepts: { image: 'registry.example:5000/a/b:1.2' },
      refuses: { image: '' },
      message: "Container.image should not be null or empty. (container 'web')",
    },
    'with a digest that is none': {
      accepts: { image: `a@sha256:${'0'.repeat(64)}` },
      refuses: { image: 'a@sha256:0' },
      message:
        'Container \'web\': image is "a@sha256:0"; expected REPOSITORY[:TAG] or REPOSITORY@sha256:DIGEST with 64 hexadecimal digits.',
    },
    'with a long image': {
      accepts: { image: 'a'.repeat(255) },
      refuses: { image: 'a'.repeat(256) },
      message: "Container 'web': image has 256 characters; expected at most 255.",
    },
    'with cpu below 0': {
      accepts: { cpu: 0 },
      refuses: { cpu: -1 },
      message:
        "Invalid setting for container 'web': cpu is -1; expected a whole number from 0 to 2147483647.",
    },
    'with less memory than Docker can give': {
      accepts: { memory: 6 },
      refuses: { memory: 5 },
      message:
        "Invalid setting for container 'web': memory is 5; expected a whole number from 6 to 2147483647.",
    },
    'without memory': {
      accepts: { memory: undefined, memoryReservation: 32 },
      refuses: { memory: undefined },
      message:
        "Invalid setting for container 'web'. At least one of 'memory' or 'memoryReservation' must be specified.",
    },
    'with a reservation above its limit': {
      accepts: { memory: 64, memoryReservation: 64 },
      refuses: { memory: 64, memoryReservation: 65 },
      message:
        "Invalid setting for container 'web': memoryReservation is 65; expected at most memory, 64.",
    },
    'with a stop timeout of 0': {
      accepts: { stopTimeout: 1, startTimeout: 120 },
      refuses: { stopTimeout: 0 },
      message: "Container 'web': stopTimeout is 0; expected a whole number from 1 to 86400.",
    },
    'with a variable without a name': {
      accepts: { environment: [{ name: 'A', value: '=' }] },
      refuses: { environment: [{ name: 'A=B', value: '' }] },
      message:
        'Container \'web\': environment[0].name is "A=B"; expected a name without "=" or a zero byte, not empty.',
    },
    'with a user that is none': {
      accepts: { user: '1000:www' },
      refuses: { user: 'a:b:c' },
      message: 'Container \'web\': user is "a:b:c"; expected USER[:GROUP] by name or number.',
    },
    'with a relative working directory': {
      accepts: { workingDirectory: '/srv' },
      refuses: { workingDirectory: 'srv' },
      message: 'Container \'web\': workingDirectory is "srv"; expected an absolute path.',
    },
    'with a host name that is none': {
      accepts: { hostname: 'a-1.example' },
      refuses: { hostname: '-a' },
      message:
        'Container \'web\': hostname is "-a"; expected a host name of letters, digits, hyphens and dots.',
    },
    'with a DNS server that is no address': {
      accepts: { dnsServers: ['10.0.0.2', 'fd00::1'] },
      refuses: { dnsServers: ['dns.example'] },
      message: 'Container \'web\': dnsServers[0] is "dns.example"; expected an IP address.',
    },
    'with a search domain that is none': {
      accepts: { dnsSearchDomains: ['example.com'] },
      refuses: { dnsSearchDomains: ['example.'] },
      message: 'Container \'web\': dnsSearchDomains[0] is "example."; expected a domain name.',
    },
    'with an extra host without an address': {
      accepts: { extraHosts: [{ hostname: 'db', ipAddress: '10.0.0.9' }] },
      refuses: { extraHosts: [{ hostname: 'db', ipAddress: 'x' }] },
      message:
        'Container \'web\': extraHosts[0].ipAddress is "x"; expected an IP address or host-gateway.',
    },
    'with a security option that Docker does not know': {
      accepts: { dockerSecurityOptions: ['no-new-privileges', 'apparmor:unconfined'] },
      refuses: { dockerSecurityOptions: ['credentialspec:file'] },
      message:
        'Container \'web\': dockerSecurityOptions[0] is "credentialspec:file"; expected no-new-privileges, apparmor:PROFILE, label:VALUE or seccomp:PROFILE.',
    },
    'with a label without a name': {
      accepts: { dockerLabels: { a: '' } },
      refuses: { dockerLabels: { '': 'a' } },
      message:
        "Container 'web': dockerLabels has an empty key; expected every label to have a name.",
    },
    'with a soft limit above the hard one': {
      accepts: { ulimits: [{ name: 'nofile', softLimit: 1, hardLimit: -1 }] },
      refuses: { ulimits: [{ name: 'nofile', softLimit: -1, hardLimit: 1 }] },
      message: "Container 'web': ulimits[0].softLimit is -1; expected at most the hardLimit, 1.",
    },
    'with a limit twice': {
      accepts: { ulimits: [{ name: 'nofile', softLimit: 1, hardLimit: 1 }] },
      refuses: {
        ulimits: [
          { name: 'nofile', softLimit: 1, hardLimit: 1 },
          { name: 'nofile', softLimit: 1, hardLimit: 1 },
        ],
      },
      message:
        'Container \'web\': ulimits has "nofile" more than once; expected each at most once.',
    },
  };
  describeRules('ClientException', rules, accept);
});

describe('a container health check is refused', () => {
  const range = (field: string, found: number, least: number, most: number): string =>
    `Container 'web': healthCheck.${field} is ${found}; expected a whole number from ${least} to ${most}.`;
  const rules: Record<string, Rule<Fields>> = {
    'without CMD': {
      accepts: health({ command: ['NONE'] }),
      refuses: health({ command: ['curl', 'x'] }),
      message:
        'Container \'web\': healthCheck.command[0] is "curl"; expected one of CMD, CMD-SHELL, NONE.',
    },
    'with CMD alone': {
      accepts: health({ command: ['CMD', 'true', 'x'] }),
      refuses: health({ command: ['CMD'] }),
      message:
        "Container 'web': healthCheck.command is CMD alone; expected the program to run after it.",
    },
    'with two command lines': {
      accepts: health({ command: ['CMD-SHELL', 'true || false'] }),
      refuses: health({ command: ['CMD-SHELL', 'true', 'false'] }),
      message:
        "Container 'web': healthCheck.command has 2 words after CMD-SHELL; expected one command line for /bin/sh -c.",
    },
    'with an interval out of range': {
      accepts: health({ interval: 5 }),
      refuses: health({ interval: 4 }),
      message: range('interval', 4, 5, 300),
    },
    'with a timeout out of range': {
      accepts: health({ timeout: 60 }),
      refuses: health({ timeout: 61 }),
      message: range('timeout', 61, 2, 60),
    },
    'with retries out of range': {
      accepts: health({ retries: 1 }),
      refuses: health({ retries: 0 }),
      message: range('retries', 0, 1, 10),
    },
    'with a start period out of range': {
      accepts: health({ startPeriod: 0 }),
      refuses: health({ startPeriod: 301 }),
      message: range('startPeriod', 301, 0, 300),
    },
  };
  describeRules('ClientException', rules, accept);
});

describe('a log configuration is refused', () => {
  const rules: Record<string, Rule<Fields>> = {
    'with an option that the driver does not know': {
      accepts: logs({ 'max-size': '10m', 'max-file': '3', compress: 'true' }),
      refuses: logs({ 'max-sise': '10m' }),
      message:
        'Container \'web\': logConfiguration.options has "max-sise", which log driver json-file does not know; expected only max-size, max-file, compress, mode, max-buffer-size, labels, labels-regex, env, env-regex, tag.',
    },
    'with options for no log': {
      accepts: logs({}, 'none'),
      refuses: logs({ tag: 'x' }, 'none'),
      message:
        'Container \'web\': logConfiguration.options has "tag", which log driver none does not know; expected none.',
    },
    'with a size that is none': {
      accepts: logs({ 'max-size': '1g' }),
      refuses: logs({ 'max-size': '0' }),
      message:
        'Container \'web\': logConfiguration.options["max-size"] is "0"; expected a size above zero, such as 10m.',
    },
    'compressed without rotation': {
      accepts: logs({ compress: 'true' }),
      refuses: logs({ compress: 'true', 'max-file': '1' }),
      message:
        'Container \'web\': logConfiguration.options["compress"] is "true"; expected a max-file of at least 2 with it.',
    },
    'buffered without non-blocking': {
      accepts: logs({ 'max-buffer-size': '1m', mode: 'non-blocking' }),
      refuses: logs({ 'max-buffer-size': '1m' }),
      message:
        'Container \'web\': logConfiguration.options["max-buffer-size"] is given; expected mode non-blocking with it.',
    },
    'of CloudWatch without its group': {
      accepts: logs(CLOUDWATCH, 'awslogs'),
      refuses: logs({ 'awslogs-region': 'us-east-1' }, 'awslogs'),
      message: "Container 'web': Log driver awslogs requires options: awslogs-group",
    },
    'of CloudWatch without its region': {
      accepts: logs({ ...CLOUDWATCH, 'awslogs-create-group': 'true' }, 'awslogs'),
      refuses: logs({ 'awslogs-group': '/ecs/web' }, 'awslogs'),
      message: "Container 'web': Log driver awslogs requires options: awslogs-region",
    },
    'of CloudWatch with options of the engine': {
      accepts: logs({ ...CLOUDWATCH, mode: 'non-blocking', 'max-buffer-size': '1m' }, 'awslogs'),
      refuses: logs({ ...CLOUDWATCH, 'max-size': '10m' }, 'awslogs'),
      message:
        'Container \'web\': logConfiguration.options has "max-size", which log driver awslogs does not know; expected only awslogs-group, awslogs-region, awslogs-stream-prefix, awslogs-create-group, awslogs-datetime-format, awslogs-multiline-pattern, mode, max-buffer-size.',
    },
    'of CloudWatch with lines that begin in two ways': {
      accepts: logs({ ...CLOUDWATCH, 'awslogs-datetime-format': '%Y' }, 'awslogs'),
      refuses: logs(
        { ...CLOUDWATCH, 'awslogs-datetime-format': '%Y', 'awslogs-multiline-pattern': '^x' },
        'awslogs',
      ),
      message:
        "Container 'web': logConfiguration.options has awslogs-datetime-format and awslogs-multiline-pattern; expected one of them.",
    },
  };
  describeRules('ClientException', rules, accept);
});

describe('kernel settings are refused', () => {
  const rules: Record<string, Rule<Fields>> = {
    'with a capability that is none': {
      accepts: linux({ capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] } }),
      refuses: linux({ capabilities: { add: ['CAP_NET_ADMIN'], drop: [] } }),
      message:
        'Container \'web\': linuxParameters.capabilities.add[0] is "CAP_NET_ADMIN"; expected ALL or a Linux capability without CAP_, such as NET_ADMIN.',
    },
    'with shared memory of 0': {
      accepts: linux({ sharedMemorySize: 1 }),
      refuses: linux({ sharedMemorySize: 0 }),
      message:
        "Container 'web': linuxParameters.sharedMemorySize is 0; expected a whole number from 1 to 2147483647.",
    },
    'with a tmpfs at a relative path': {
      accepts: tmpfs({}),
      refuses: tmpfs({ containerPath: 't' }),
      message:
        'Container \'web\': linuxParameters.tmpfs[0].containerPath is "t"; expected an absolute path.',
    },
    'with a tmpfs without a size': {
      accepts: tmpfs({ size: 1 }),
      refuses: tmpfs({ size: 0 }),
      message:
        "Container 'web': linuxParameters.tmpfs[0].size is 0; expected a whole number from 1 to 2147483647.",
    },
    'with a mount option that is none': {
      accepts: tmpfs({ mountOptions: ['noexec', 'mode=1777'] }),
      refuses: tmpfs({ mountOptions: ['fast'] }),
      message:
        'Container \'web\': linuxParameters.tmpfs[0].mountOptions[0] is "fast"; expected a tmpfs mount option, such as noexec or mode=1777.',
    },
    'with a device at a relative path': {
      accepts: device({}),
      refuses: device({ hostPath: 'dev/fuse' }),
      message:
        'Container \'web\': linuxParameters.devices[0].hostPath is "dev/fuse"; expected an absolute path.',
    },
    'with a permission of a device that is none': {
      accepts: device({ permissions: ['read', 'write', 'mknod'] }),
      refuses: device({ permissions: ['exec'] }),
      message:
        'Container \'web\': linuxParameters.devices[0].permissions[0] is "exec"; expected one of read, write, mknod.',
    },
    'with two devices at one path': {
      accepts: linux({ devices: [fuse({}), fuse({ containerPath: '/dev/other' })] }),
      refuses: linux({
        devices: [fuse({}), fuse({ hostPath: '/dev/x', containerPath: '/dev/fuse' })],
      }),
      message:
        'Container \'web\': linuxParameters.devices: containerPath has "/dev/fuse" more than once; expected each at most once.',
    },
    'with no GPU': {
      accepts: gpus({ value: '16' }),
      refuses: gpus({ value: '0' }),
      message:
        'Invalid setting for container \'web\': resourceRequirements[0].value is "0"; expected a number of GPUs from 1 to 999.',
    },
    'with an accelerator of AWS': {
      accepts: gpus({}),
      refuses: gpus({ type: 'InferenceAccelerator', value: 'device_1' }),
      message:
        "Invalid setting for container 'web': resourceRequirements[0]: type InferenceAccelerator is not supported by Berth. Hosts offer devices of any kind as GPU: see berth agent --gpu.",
    },
    'with a resource that there is not': {
      accepts: gpus({}),
      refuses: gpus({ type: 'TPU' }),
      message:
        'Invalid setting for container \'web\': resourceRequirements[0].type is "TPU"; expected one of GPU.',
    },
    'with GPUs asked for twice': {
      accepts: gpus({}),
      refuses: {
        resourceRequirements: [
          { type: 'GPU', value: '1' },
          { type: 'GPU', value: '1' },
        ],
      },
      message:
        'Invalid setting for container \'web\': resourceRequirements: type has "GPU" more than once; expected each at most once.',
    },
    'with a control outside the namespaces': {
      accepts: { systemControls: [{ namespace: 'net.core.somaxconn', value: '1024' }] },
      refuses: { systemControls: [{ namespace: 'vm.swappiness', value: '1' }] },
      message:
        'Container \'web\': systemControls[0].namespace is "vm.swappiness"; expected net.*, fs.mqueue.* or one of the kernel.msg*, kernel.sem and kernel.shm* settings.',
    },
  };
  describeRules('ClientException', rules, accept);

  it('where a control of the network would change the host', () => {
    const systemControls = [{ namespace: 'net.core.somaxconn', value: '1024' }];
    const containerDefinitions = [container({ systemControls })];
    assertRefused(
      () => acceptTaskDefinition(definition({ containerDefinitions, networkMode: 'host' })),
      'ClientException',
      'Container \'web\': systemControls[0].namespace is "net.core.somaxconn"; expected none of net.* with networkMode host, where it would change the host.',
    );
  });
});
