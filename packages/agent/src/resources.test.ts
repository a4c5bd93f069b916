import assert from 'node:assert/strict';

import { hostAttributes, hostResources } from './resources.ts';
import type { EngineDescription } from './runtime/runtime.ts';

const ENGINE: EngineDescription = {
  version: '20.10.24',
  apiVersion: '1.41',
  cpus: 4,
  memoryBytes: 8 * 1024 ** 3 + 5,
  osType: 'linux',
  architecture: 'aarch64',
  storageDriver: 'overlay2',
};

describe('what a host registers', () => {
  it('is its size without what is kept back, and the ports that are taken', () => {
    assert.deepEqual(hostResources(ENGINE, 512, new Map([['GPU-1', []]])), {
      cpu: 4096,
      memory: 8192 - 512,
      ports: [22, 2375, 2376, 51678, 51679, 51680],
      portsUdp: [],
      gpuIds: ['GPU-1'],
    });
    assert.equal(hostResources(ENGINE, 100_000, new Map()).memory, 0);
  });

  it('are the attributes that it has, the operator’s over its own', () => {
    const attributes = new Map(
      hostAttributes(ENGINE, [
        { name: 'ecs.availability-zone', value: 'rack-1' },
        { name: 'ecs.os-type', value: 'mine' },
      ]).map(({ name, value }) => [name, value]),
    );
    assert.equal(attributes.get('ecs.cpu-architecture'), 'arm64');
    assert.equal(attributes.get('ecs.availability-zone'), 'rack-1');
    assert.equal(attributes.get('ecs.os-type'), 'mine');
    for (const capability of [
      'com.amazonaws.ecs.capability.docker-remote-api.1.17',
      'com.amazonaws.ecs.capability.docker-remote-api.1.41',
      'com.amazonaws.ecs.capability.logging-driver.json-file',
      'com.amazonaws.ecs.capability.logging-driver.none',
      'ecs.capability.container-health-check',
      'ecs.capability.container-ordering',
    ]) {
      assert.ok(attributes.has(capability), capability);
    }
    assert.ok(!attributes.has('com.amazonaws.ecs.capability.docker-remote-api.1.42'));
  });
});
