import assert from 'node:assert/strict';

import { VirtualClock } from '@berth/control/virtual-clock.ts';
import { createServer } from 'node:net';
import fc from 'fast-check';

import { portInUse } from './port-probe.ts';
import { Ports, type PortsOptions } from './ports.ts';

const FIRST = 20_000;

function portsOf(count: number, more: Partial<PortsOptions> = {}): Ports {
  return new Ports({
    range: { first: FIRST, last: FIRST + count - 1 },
    clock: new VirtualClock(),
    inUse: () => Promise.resolve(false),
    used: [],
    ...more,
  });
}

async function take(ports: Ports, task: string, hostPort = 0): Promise<number | string> {
  const allocation = await ports.allocate(task, [{ containerPort: 80, hostPort }], false);
  return allocation.kind === 'allocated'
    ? (allocation.bindings[0]?.hostPort ?? 0)
    : allocation.kind;
}

describe('Ports', () => {
  it('hands out the longest unused, not again before all others', async () => {
    const clock = new VirtualClock();
    const ports = portsOf(3, { clock });
    assert.equal(await take(ports, 'a'), FIRST);
    ports.release('a');
    assert.equal(await take(ports, 'b'), FIRST + 1);
    assert.equal(await take(ports, 'c'), FIRST + 2);
    assert.equal(await take(ports, 'd'), 'exhausted', 'a released port rests');
    await clock.advance(60_000);
    assert.equal(await take(ports, 'd'), FIRST);
  });

  it('remembers the order of use over a restart', async () => {
    const before = portsOf(4);
    await take(before, 'a');
    await take(before, 'b');
    before.release('a');
    assert.deepEqual(before.used, [FIRST + 1, FIRST]);
    const after = portsOf(4, { used: before.used });
    const order = [];
    for (const task of ['c', 'd', 'e', 'f']) order.push(await take(after, task));
    assert.deepEqual(order, [FIRST + 2, FIRST + 3, FIRST + 1, FIRST]);
  });

  it('passes over ports that something listens on', async () => {
    const ports = portsOf(3, { inUse: (port) => Promise.resolve(port !== FIRST + 2) });
    assert.equal(await take(ports, 'a'), FIRST + 2);
    assert.equal(await take(ports, 'b'), 'exhausted');
  });

  it('lets a fixed port wait for its former owner', async () => {
    const ports = portsOf(3);
    assert.equal(await take(ports, 'a', 8080), 8080);
    assert.equal(await take(ports, 'b', 8080), 'held');
    ports.release('a');
    assert.equal(await take(ports, 'b', 8080), 8080);
  });

  it('gives a container on the host’s network the ports that it names', async () => {
    const ports = portsOf(3);
    const allocation = await ports.allocate('a', [{ containerPort: 9000, hostPort: 0 }], true);
    assert.equal(allocation.kind, 'allocated');
    assert.equal(ports.ownerOf(9000, 'tcp'), 'a');
  });

  it('takes all of a container’s ports or none', async () => {
    const ports = portsOf(2);
    const two = [{ containerPort: 1 }, { containerPort: 2 }, { containerPort: 3 }];
    assert.deepEqual(await ports.allocate('a', two, false), { kind: 'exhausted' });
    assert.equal(ports.heldCount, 0);
  });

  it('never has two owners for a port, whoever asks at the same time', async () => {
    const commands = fc.array(
      fc.record({ task: fc.nat(5), give: fc.boolean(), wait: fc.boolean() }),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(commands, async (list) => {
        const clock = new VirtualClock();
        const ports = portsOf(6, { clock });
        const owned = new Map<number, string>();
        const pending: Promise<void>[] = [];
        for (const { task, give, wait } of list) {
          const id = `t${String(task)}`;
          if (wait) {
            await Promise.all(pending.splice(0));
            await clock.advance(61_000);
          }
          if (give) {
            await Promise.all(pending.splice(0));
            ports.release(id);
            for (const [port, owner] of owned) if (owner === id) owned.delete(port);
            continue;
          }
          const asking = take(ports, id).then((port) => {
            if (typeof port === 'string') return;
            assert.ok(!owned.has(port), `${String(port)} was handed out twice`);
            owned.set(port, id);
          });
          pending.push(asking);
        }
        await Promise.all(pending);
        for (const [port, owner] of owned) assert.equal(ports.ownerOf(port, 'tcp'), owner);
      }),
      { numRuns: 100 },
    );
  });
});

describe('portInUse', () => {
  it('sees a listener, and that it is gone', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    const address = server.address();
    assert.ok(typeof address === 'object' && address);
    assert.equal(await portInUse(address.port, 'tcp'), true);
    assert.equal(await portInUse(address.port, 'udp'), false);
    await new Promise((resolve) => server.close(resolve));
    assert.equal(await portInUse(address.port, 'tcp'), false);
  });
});
