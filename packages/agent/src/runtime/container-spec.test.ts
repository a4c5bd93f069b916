import assert from 'node:assert/strict';

import type {
  ContainerDefinition,
  TaskDefinitionRecord,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';
import fc from 'fast-check';

import { effectiveContainers } from '../effective-containers.ts';
import { LABEL } from '../labels.ts';
import { HOST_ID, sampleDefinition, sampleTask, TASK_ID } from '../testing/samples.ts';
import { containerSpec, cpuShares } from './container-spec.ts';
import type { CreateBody } from './create-body.ts';
import { neededVolumes } from './volumes.ts';

const MIB = 1024 * 1024;
const HOST = {
  id: HOST_ID,
  cluster: 'default',
  address: '10.0.0.9',
  gpus: new Map([
    ['GPU-1', []],
    ['GPU-2', []],
    ['card', ['/dev/dri/card0', '/dev/dri/renderD128']],
  ]),
};

interface Input_ {
  readonly container: Input<ContainerDefinition>;
  readonly definition?: Input<TaskDefinitionRecord>;
  readonly task?: Input<TaskRecord>;
  readonly ports?: readonly (readonly [number, number, ('tcp' | 'udp')?])[];
}

function spec({ container, definition, task, ports = [] }: Input_): {
  name: string;
  body: CreateBody;
} {
  const record = sampleDefinition([{ name: 'web', ...container }], definition);
  const own = sampleTask(task);
  const [effective] = effectiveContainers(record, own);
  assert.ok(effective);
  return containerSpec({
    task: own,
    definition: record,
    container: effective,
    bindings: ports.map(([containerPort, hostPort, protocol = 'tcp']) => ({
      bindIp: '0.0.0.0',
      containerPort,
      hostPort,
      protocol,
    })),
    host: HOST,
    attempt: 2,
  });
}

interface Case extends Input_ {
  readonly name: string;
  readonly expect: (body: CreateBody) => unknown;
  readonly be: unknown;
}

const CASES: readonly Case[] = [
  {
    name: 'cpu as a weight of at least 2',
    container: { cpu: 0 },
    expect: (b) => b.HostConfig.CpuShares,
    be: 2,
  },
  {
    name: 'memory as a hard limit',
    container: { memory: 64 },
    expect: (b) => b.HostConfig.Memory,
    be: 64 * MIB,
  },
  {
    name: 'memoryReservation as a soft limit',
    container: { memoryReservation: 32 },
    expect: (b) => [b.HostConfig.MemoryReservation, b.HostConfig.Memory],
    be: [32 * MIB, undefined],
  },
  {
    name: 'the task’s size as each container’s upper limit',
    container: {},
    definition: { cpu: '512', memory: '256' },
    expect: (b) => [b.HostConfig.NanoCpus, b.HostConfig.Memory],
    be: [5e8, 256 * MIB],
  },
  {
    name: 'the run’s size before the definition’s',
    container: {},
    definition: { cpu: '512', memory: '256' },
    task: { overrides: { cpu: '1024', memory: '128' } },
    expect: (b) => [b.HostConfig.NanoCpus, b.HostConfig.Memory],
    be: [1e9, 128 * MIB],
  },
  {
    name: 'a container’s own memory before the task’s',
    container: { memory: 16 },
    definition: { memory: '256' },
    expect: (b) => b.HostConfig.Memory,
    be: 16 * MIB,
  },
  {
    name: 'no limit where none is given',
    container: {},
    expect: (b) => ['Memory' in b.HostConfig, 'NanoCpus' in b.HostConfig],
    be: [false, false],
  },
  {
    name: 'ports on all IPv4 addresses',
    container: {},
    ports: [
      [80, 20_000],
      [53, 20_001, 'udp'],
    ],
    expect: (b) => [b.HostConfig.PortBindings, b.ExposedPorts],
    be: [
      {
        '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '20000' }],
        '53/udp': [{ HostIp: '0.0.0.0', HostPort: '20001' }],
      },
      { '80/tcp': {}, '53/udp': {} },
    ],
  },
  {
    name: 'a container port on two host ports',
    container: {},
    ports: [
      [80, 20_000],
      [80, 20_001],
    ],
    expect: (b) => b.HostConfig.PortBindings['80/tcp']?.length,
    be: 2,
  },
  {
    name: 'no port bindings on the host’s network',
    container: {},
    definition: { networkMode: 'host' },
    ports: [[80, 80]],
    expect: (b) => [b.HostConfig.NetworkMode, b.HostConfig.PortBindings],
    be: ['host', {}],
  },
  {
    name: 'command and entry point only where given',
    container: {},
    expect: (b) => ['Cmd' in b, 'Entrypoint' in b],
    be: [false, false],
  },
  {
    name: 'command and entry point',
    container: { entryPoint: ['e'], command: ['c', 'd'] },
    expect: (b) => [b.Entrypoint, b.Cmd],
    be: [['e'], ['c', 'd']],
  },
  {
    name: 'a command override',
    container: { command: ['c'] },
    task: {
      overrides: {
        containerOverrides: [
          { name: 'web', command: ['o'], cpu: 7, memory: 8, memoryReservation: 4 },
        ],
      },
    },
    expect: (b) => [
      b.Cmd,
      b.HostConfig.CpuShares,
      b.HostConfig.Memory,
      b.HostConfig.MemoryReservation,
    ],
    be: [['o'], 7, 8 * MIB, 4 * MIB],
  },
  {
    name: 'an image’s health check switched off',
    container: {},
    expect: (b) => b.Healthcheck,
    be: { Test: ['NONE'] },
  },
  {
    name: 'a health check with its defaults',
    container: { healthCheck: { command: ['CMD', 'x'] } },
    expect: (b) => b.Healthcheck,
    be: { Test: ['CMD', 'x'], Interval: 30e9, Timeout: 5e9, Retries: 3, StartPeriod: 0 },
  },
  {
    name: 'a health check as given',
    container: {
      healthCheck: {
        command: ['CMD-SHELL', 'x'],
        interval: 5,
        timeout: 2,
        retries: 1,
        startPeriod: 9,
      },
    },
    expect: (b) => b.Healthcheck,
    be: { Test: ['CMD-SHELL', 'x'], Interval: 5e9, Timeout: 2e9, Retries: 1, StartPeriod: 9e9 },
  },
  {
    name: 'bounded logs by default',
    container: {},
    expect: (b) => b.HostConfig.LogConfig,
    be: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
  },
  {
    name: 'log options over the bounds',
    container: {
      logConfiguration: { logDriver: 'json-file', options: { 'max-size': '1m', labels: 'a' } },
    },
    expect: (b) => b.HostConfig.LogConfig.Config,
    be: { 'max-size': '1m', 'max-file': '3', labels: 'a' },
  },
  {
    name: 'logs for CloudWatch on the host',
    container: {
      logConfiguration: {
        logDriver: 'awslogs',
        options: { 'awslogs-group': 'g', 'awslogs-region': 'us-east-1', mode: 'non-blocking' },
      },
    },
    expect: (b) => b.HostConfig.LogConfig,
    be: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3', mode: 'non-blocking' } },
  },
  {
    name: 'no logs',
    container: { logConfiguration: { logDriver: 'none' } },
    expect: (b) => b.HostConfig.LogConfig,
    be: { Type: 'none', Config: {} },
  },
  {
    name: 'an init process unless told otherwise',
    container: {},
    expect: (b) => b.HostConfig.Init,
    be: true,
  },
  {
    name: 'no init process when told so',
    container: { linuxParameters: { initProcessEnabled: false } },
    expect: (b) => b.HostConfig.Init,
    be: false,
  },
  {
    name: 'kernel capabilities, shared memory and tmpfs',
    container: {
      linuxParameters: {
        capabilities: { add: ['NET_ADMIN'], drop: ['MKNOD'] },
        sharedMemorySize: 64,
        tmpfs: [{ containerPath: '/t', size: 8, mountOptions: ['noexec'] }],
      },
    },
    expect: (b) => [
      b.HostConfig.CapAdd,
      b.HostConfig.CapDrop,
      b.HostConfig.ShmSize,
      b.HostConfig.Tmpfs,
    ],
    be: [['NET_ADMIN'], ['MKNOD'], 64 * MIB, { '/t': 'size=8m,noexec' }],
  },
  {
    name: 'devices of the host',
    container: {
      linuxParameters: {
        devices: [
          { hostPath: '/dev/fuse' },
          { hostPath: '/dev/a', containerPath: '/dev/b', permissions: ['write', 'read'] },
        ],
      },
    },
    expect: (b) => b.HostConfig.Devices,
    be: [
      { PathOnHost: '/dev/fuse', PathInContainer: '/dev/fuse', CgroupPermissions: 'rwm' },
      { PathOnHost: '/dev/a', PathInContainer: '/dev/b', CgroupPermissions: 'rw' },
    ],
  },
  {
    name: 'the GPUs that it was given: those of NVIDIA by id, others by their devices',
    container: { resourceRequirements: [{ type: 'GPU', value: '2' }] },
    task: { reserved: { gpuIds: ['GPU-2', 'card', 'GPU-1'] } },
    expect: (b) => [b.HostConfig.DeviceRequests, b.HostConfig.Devices],
    be: [
      [{ Driver: 'nvidia', DeviceIDs: ['GPU-2'], Capabilities: [['gpu']] }],
      ['/dev/dri/card0', '/dev/dri/renderD128'].map((path) => ({
        PathOnHost: path,
        PathInContainer: path,
        CgroupPermissions: 'rwm',
      })),
    ],
  },
  {
    name: 'no devices where none are asked for',
    container: {},
    expect: (b) => [b.HostConfig.DeviceRequests, b.HostConfig.Devices],
    be: [undefined, undefined],
  },
  {
    name: 'ulimits',
    container: { ulimits: [{ name: 'nofile', softLimit: 10, hardLimit: 20 }] },
    expect: (b) => b.HostConfig.Ulimits,
    be: [{ Name: 'nofile', Soft: 10, Hard: 20 }],
  },
  {
    name: 'who, where and what it is called',
    container: { user: '1:2', workingDirectory: '/w', hostname: 'h' },
    expect: (b) => [b.User, b.WorkingDir, b.Hostname],
    be: ['1:2', '/w', 'h'],
  },
  {
    name: 'privileges',
    container: {
      privileged: true,
      readonlyRootFilesystem: true,
      dockerSecurityOptions: ['no-new-privileges'],
    },
    expect: (b) => [b.HostConfig.Privileged, b.HostConfig.ReadonlyRootfs, b.HostConfig.SecurityOpt],
    be: [true, true, ['no-new-privileges']],
  },
  {
    name: 'names and name servers',
    container: {
      dnsServers: ['1.1.1.1'],
      dnsSearchDomains: ['d'],
      extraHosts: [{ hostname: 'a', ipAddress: '10.1.1.1' }],
    },
    expect: (b) => [b.HostConfig.Dns, b.HostConfig.DnsSearch, b.HostConfig.ExtraHosts],
    be: [['1.1.1.1'], ['d'], ['a:10.1.1.1']],
  },
  {
    name: 'kernel settings',
    container: { systemControls: [{ namespace: 'net.core.somaxconn', value: '9' }] },
    expect: (b) => b.HostConfig.Sysctls,
    be: { 'net.core.somaxconn': '9' },
  },
  {
    name: 'input, terminal and no network',
    container: { interactive: true, pseudoTerminal: true, disableNetworking: true },
    expect: (b) => [b.OpenStdin, b.Tty, b.NetworkDisabled],
    be: [true, true, true],
  },
  {
    name: 'a restart policy of none and the stop timeout',
    container: { stopTimeout: 9 },
    expect: (b) => [b.HostConfig.RestartPolicy, b.StopTimeout],
    be: [{ Name: 'no' }, 9],
  },
  {
    name: 'a directory of the host',
    container: { mountPoints: [{ sourceVolume: 'v', containerPath: '/c', readOnly: true }] },
    definition: { volumes: [{ name: 'v', host: { sourcePath: '/h' } }] },
    expect: (b) => [b.HostConfig.Binds, b.HostConfig.Mounts],
    be: [['/h:/c:ro'], []],
  },
  {
    name: 'a volume of the task',
    container: { mountPoints: [{ sourceVolume: 'v', containerPath: '/c' }] },
    definition: { volumes: [{ name: 'v' }] },
    expect: (b) => [b.HostConfig.Binds, b.HostConfig.Mounts],
    be: [
      [],
      [
        {
          Type: 'volume',
          Source: `berth-${TASK_ID.slice(0, 12)}-v`,
          Target: '/c',
          ReadOnly: false,
        },
      ],
    ],
  },
  {
    name: 'a shared volume by its own name',
    container: { mountPoints: [{ sourceVolume: 'v', containerPath: '/c' }] },
    definition: { volumes: [{ name: 'v', dockerVolumeConfiguration: { scope: 'shared' } }] },
    expect: (b) => b.HostConfig.Mounts[0]?.Source,
    be: 'v',
  },
];

describe('containerSpec honours', () => {
  for (const one of CASES) {
    it(one.name, () => assert.deepEqual(one.expect(spec(one).body), one.be));
  }
});

describe('containerSpec', () => {
  it('tells a container who it is, over what its definition and overrides say', () => {
    const { body } = spec({
      container: {
        environment: [
          { name: 'A', value: '1' },
          { name: 'B', value: '1' },
          { name: 'BERTH_TASK_ID', value: 'x' },
        ],
      },
      task: {
        overrides: {
          containerOverrides: [{ name: 'web', environment: [{ name: 'A', value: '2' }] }],
        },
      },
      ports: [[80, 20_005]],
    });
    assert.deepEqual([...body.Env].sort(), [
      'A=2',
      'B=1',
      'BERTH_CLUSTER=default',
      'BERTH_FAMILY=web',
      'BERTH_HOST_ADDRESS=10.0.0.9',
      `BERTH_HOST_ID=${HOST_ID}`,
      'BERTH_HOST_PORT_80=20005',
      'BERTH_REVISION=3',
      `BERTH_TASK_ID=${TASK_ID}`,
    ]);
  });

  it('labels it so that it is found again, whatever labels the definition has', () => {
    const { name, body } = spec({
      container: { dockerLabels: { mine: 'yes', [LABEL.task]: 'forged' } },
    });
    assert.equal(name, `berth-web-3-web-${TASK_ID.slice(0, 12)}-2`);
    assert.equal(body.Labels['mine'], 'yes');
    assert.equal(body.Labels[LABEL.task], TASK_ID);
    assert.equal(body.Labels[LABEL.host], HOST_ID);
    assert.equal(body.Labels[LABEL.attempt], '2');
    assert.equal(body.Labels[LABEL.epoch], '7');
    assert.equal(body.Labels['com.amazonaws.ecs.task-definition-version'], '3');
    assert.match(body.Labels[LABEL.specHash] ?? '', /^[0-9a-f]{16}$/);
  });

  it('gives the same hash for the same content, another for another', () => {
    const hash = (command: string): string | undefined =>
      spec({ container: { command: [command] } }).body.Labels[LABEL.specHash];
    assert.equal(hash('a'), hash('a'));
    assert.notEqual(hash('a'), hash('b'));
  });

  it('keeps CPU shares within Linux’s bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (cpu) => {
        const shares = cpuShares(cpu);
        assert.ok(shares >= 2 && shares <= 262_144);
        if (cpu >= 2 && cpu <= 262_144) assert.equal(shares, cpu);
      }),
    );
  });
});

describe('neededVolumes', () => {
  it('makes what lives with the task, and shared ones only when told to', () => {
    const definition = sampleDefinition(
      [
        {
          name: 'web',
          mountPoints: ['own', 'made', 'there', 'bound'].map((sourceVolume) => ({
            sourceVolume,
            containerPath: `/${sourceVolume}`,
          })),
        },
      ],
      {
        volumes: [
          {
            name: 'own',
            dockerVolumeConfiguration: {
              scope: 'task',
              driverOpts: { type: 'tmpfs' },
              labels: { mine: 'x' },
            },
          },
          { name: 'made', dockerVolumeConfiguration: { scope: 'shared', autoprovision: true } },
          { name: 'there', dockerVolumeConfiguration: { scope: 'shared' } },
          { name: 'bound', host: { sourcePath: '/h' } },
          { name: 'unused' },
        ],
      },
    );
    const found = neededVolumes(definition, sampleTask(), 'web', HOST_ID);
    assert.deepEqual(
      found.map(({ spec: { name }, create }) => [name, create]),
      [
        [`berth-${TASK_ID.slice(0, 12)}-own`, true],
        ['made', true],
        ['there', false],
      ],
    );
    assert.equal(found[0]?.spec.labels[LABEL.task], TASK_ID, 'found again when the task goes');
    assert.deepEqual(found[0].spec.options, { type: 'tmpfs' });
    assert.equal(found[1]?.spec.labels[LABEL.task], undefined, 'a shared volume survives its task');
  });
});
