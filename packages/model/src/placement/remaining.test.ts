import assert from 'node:assert/strict';

import type { Charge } from './ledger.ts';
import { remainingOf } from './remaining.ts';

const registered = { cpu: 1024, memory: 2048, ports: [22], portsUdp: [], gpuIds: ['g1', 'g2'] };

function charge(change: Partial<Charge>): Charge {
  return {
    ...{ hostId: 'h', group: 'g', running: true, cpu: 0, memory: 0 },
    ...{ ports: [], portsUdp: [] },
    ...change,
  };
}

describe('what is left of a host', () => {
  it('is all of it without tasks', () => {
    assert.deepEqual(remainingOf(registered, [undefined]), registered);
  });

  it('lacks what tasks hold; ports in use are added, in order', () => {
    const charges = [
      charge({ cpu: 256, memory: 512, ports: [8080], gpuIds: ['g1'] }),
      charge({ ports: [80], portsUdp: [53] }),
    ];
    assert.deepEqual(remainingOf(registered, charges), {
      ...{ cpu: 768, memory: 1536, ports: [22, 80, 8080], portsUdp: [53] },
      gpuIds: ['g2'],
    });
  });

  it('is nothing where nothing was registered', () => {
    const none = { cpu: 0, memory: 0, ports: [], portsUdp: [], gpuIds: [] };
    assert.deepEqual(remainingOf(undefined, []), none);
  });
});
