import assert from 'node:assert/strict';

import { requirementsOf } from './requirements.ts';
import { testContainer, testDefinition } from './testing.ts';

describe('what a task asks of a host', () => {
  const main = testContainer({ name: 'main', cpu: 256, memory: 512, memoryReservation: 128 });
  const side = testContainer({ name: 'side', memory: 64 });
  const definition = testDefinition({ containerDefinitions: [main, side] });

  it('sums the containers: reservations before limits', () => {
    const { cpu, memory } = requirementsOf(definition);
    assert.deepEqual({ cpu, memory }, { cpu: 256, memory: 192 });
  });

  it('takes the size of the task where it has one', () => {
    const { cpu, memory } = requirementsOf({ ...definition, cpu: '1024', memory: '2048' });
    assert.deepEqual({ cpu, memory }, { cpu: 1024, memory: 2048 });
  });

  it('takes overrides of the task and of its containers', () => {
    const containerOverrides = [
      {
        name: 'side',
        command: [],
        environment: [],
        resourceRequirements: [],
        cpu: 10,
        memoryReservation: 32,
      },
      { name: 'main', command: [], environment: [], resourceRequirements: [], memory: 1024 },
    ];
    const some = requirementsOf(definition, { containerOverrides });
    assert.deepEqual([some.cpu, some.memory], [266, 160]);
    const all = requirementsOf(definition, { cpu: '0.5 vCPU', memory: '1 GB', containerOverrides });
    assert.deepEqual([all.cpu, all.memory], [512, 1024]);
  });

  it('asks for fixed host ports only, once each', () => {
    const portMappings = [
      { containerPort: 80, hostPort: 8080, protocol: 'tcp' },
      { containerPort: 81, hostPort: 0, protocol: 'tcp' },
      { containerPort: 82 },
      { containerPort: 53, hostPort: 53, protocol: 'udp' },
      { containerPort: 83, hostPort: 8000 },
    ] as const;
    const containerDefinitions = [testContainer({ portMappings })];
    const { ports, portsUdp } = requirementsOf(testDefinition({ containerDefinitions }));
    assert.deepEqual({ ports, portsUdp }, { ports: [8000, 8080], portsUdp: [53] });
  });

  it('asks for container ports on the network of the host', () => {
    const containerDefinitions = [testContainer({ portMappings: [{ containerPort: 80 }] })];
    const host = testDefinition({ containerDefinitions, networkMode: 'host' });
    assert.deepEqual(requirementsOf(host).ports, [80]);
  });

  it('asks for the platform', () => {
    const runtimePlatform = { cpuArchitecture: 'ARM64', operatingSystemFamily: 'LINUX' } as const;
    assert.deepEqual(requirementsOf(testDefinition({ runtimePlatform })).attributes, [
      ['ecs.cpu-architecture', 'arm64'],
      ['ecs.os-type', 'linux'],
    ]);
  });

  it('refuses a size that is none', () => {
    assert.throws(() => requirementsOf({ ...definition, cpu: 'much' }), {
      code: 'ClientException',
      message: `Invalid 'cpu' setting for task: found "much", expected a size like "512" or "0.5 vCPU".`,
    });
  });
});
