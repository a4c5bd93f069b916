import assert from 'node:assert/strict';

import fc from 'fast-check';

import type {
  ContainerDefinition,
  RegisterTaskDefinitionRequest,
  Volume,
} from '../generated/messages.ts';
import { normaliseTaskDefinition } from '../resources/task-definition.ts';
import { parseCpuUnits, parseMemoryMiB } from '../resources/units.ts';
import { container, definition } from './testing.ts';

const size = (unit: string): fc.Arbitrary<string> =>
  fc.oneof(
    fc.nat(200_000).map(String),
    fc.integer({ min: 1, max: 800 }).map((eighths) => `${eighths / 8}${unit}`),
    fc.integer({ min: 1, max: 800 }).map((eighths) => `${eighths / 8} ${unit.toLowerCase()}`),
    fc.string(),
  );

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const port = fc.record({
  containerPort: fc.nat(65_535),
  hostPort: optional(fc.nat(65_535)),
  protocol: optional(fc.constantFrom('tcp' as const, 'udp' as const)),
});

const containers = fc.array(
  fc
    .record({
      essential: optional(fc.boolean()),
      portMappings: fc.array(port, { maxLength: 3 }),
    })
    .map((fields): ContainerDefinition => container(fields)),
  { maxLength: 3 },
);

const volume: fc.Arbitrary<Volume> = fc.record(
  {
    name: fc.string(),
    host: fc.record({ sourcePath: optional(fc.string()) }),
    dockerVolumeConfiguration: fc.record({
      scope: optional(fc.constantFrom('task' as const, 'shared' as const)),
      driverOpts: fc.constant({}),
      labels: fc.constant({}),
    }),
  },
  { requiredKeys: ['name'] },
);

const requests: fc.Arbitrary<RegisterTaskDefinitionRequest> = fc
  .record({
    containerDefinitions: containers,
    cpu: optional(size('vCPU')),
    memory: optional(size('GB')),
    networkMode: optional(fc.constantFrom('bridge' as const, 'host' as const, 'none' as const)),
    volumes: fc.array(volume, { maxLength: 3 }),
  })
  .map((fields) => definition(fields));

describe('the normal form of a task definition', () => {
  it('is its own normal form', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const once = normaliseTaskDefinition(request);
        assert.deepEqual(normaliseTaskDefinition(once), once);
      }),
    );
  });

  it('says everything that ECS fills in', () => {
    const portMappings = [{ containerPort: 80 }];
    const request = definition({
      cpu: '0.5 vCPU',
      memory: '1GB',
      containerDefinitions: [container({ portMappings })],
      volumes: [{ name: 'scratch' }],
    });
    const normal = normaliseTaskDefinition(request);
    assert.equal(normal.cpu, '512');
    assert.equal(normal.memory, '1024');
    assert.equal(normal.networkMode, undefined);
    assert.equal(normal.containerDefinitions[0]?.essential, true);
    assert.deepEqual(normal.containerDefinitions[0].portMappings, [
      { containerPort: 80, hostPort: 0, protocol: 'tcp' },
    ]);
    assert.deepEqual(normal.volumes, [{ name: 'scratch', host: {} }]);
  });

  it('has the container port as host port on the host network', () => {
    const portMappings = [{ containerPort: 80 }];
    const normal = normaliseTaskDefinition(
      definition({ networkMode: 'host', containerDefinitions: [container({ portMappings })] }),
    );
    assert.equal(normal.containerDefinitions[0]?.portMappings[0]?.hostPort, 80);
  });
});

describe('sizes', () => {
  const cases: readonly [text: string, cpu: number | undefined, memory: number | undefined][] = [
    ['512', 512, 512],
    ['0.5 vCPU', 512, undefined],
    ['1 vcpu', 1024, undefined],
    ['.25vCPU', 256, undefined],
    ['1GB', undefined, 1024],
    ['0.5 GB', undefined, 512],
    ['1.5', undefined, undefined],
    ['-1', undefined, undefined],
    ['', undefined, undefined],
    ['1 MB', undefined, undefined],
  ];
  for (const [text, cpu, memory] of cases) {
    it(`"${text}" is ${cpu ?? 'no'} units and ${memory ?? 'no'} MiB`, () => {
      assert.equal(parseCpuUnits(text), cpu);
      assert.equal(parseMemoryMiB(text), memory);
    });
  }
});
