import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { TaskRecord, TaskStatusRecord } from '../generated/messages.ts';
import { chargeOf } from './charge.ts';
import { hostView } from './host.ts';
import { Ledger } from './ledger.ts';
import type { Charge } from './ledger.ts';
import { testHost, testHostRecord, testLedger } from './testing.ts';

describe('the ledger', () => {
  const charge: Charge = {
    hostId: 'a',
    group: 'service:web',
    running: true,
    cpu: 256,
    memory: 512,
    ports: [8080],
    portsUdp: [53],
  };

  it('charges a task once, however often it is told', () => {
    const ledger = testLedger([testHost('a')]);
    ledger.charge('1', charge);
    ledger.charge('1', charge);
    const host = ledger.host('a');
    assert.equal(host?.cpuFree, 4096 - 256);
    assert.equal(host.memoryFree, 8192 - 512);
    assert.equal(host.runningTasksCount, 1);
    assert.deepEqual([...host.groups], [['service:web', 1]]);
    assert.deepEqual([...host.ports.keys(), ...host.portsUdp.keys()], [8080, 53]);
  });

  it('moves a task that is charged to another host', () => {
    const ledger = testLedger([testHost('a'), testHost('b')]);
    ledger.charge('1', charge);
    ledger.charge('1', { ...charge, hostId: 'b' });
    assert.equal(ledger.host('a')?.cpuFree, 4096);
    assert.equal(ledger.host('b')?.cpuFree, 4096 - 256);
    assert.deepEqual([...ledger.hostsOfGroup('service:web')], [['b', 1]]);
  });

  it('keeps charges on a host that goes and comes back', () => {
    const ledger = testLedger([testHost('a')]);
    ledger.charge('1', charge);
    ledger.removeHost('a');
    assert.equal(ledger.host('a'), undefined);
    assert.deepEqual([...ledger.hosts()], []);
    ledger.putHost(testHost('a', { cpu: 1024 }));
    assert.equal(ledger.host('a')?.cpuFree, 768);
  });

  it('counts nothing twice when a host registers anew with other ports', () => {
    const ledger = testLedger([testHost('a', { ports: [22, 80] })]);
    ledger.putHost(testHost('a', { ports: [22] }));
    assert.deepEqual([...(ledger.host('a')?.ports ?? [])], [[22, 1]]);
  });

  it('is the same after any detour as when built from the end', () => {
    const hosts = ['a', 'b', 'c'];
    const step = fc.oneof(
      fc.record({
        task: fc.nat(5),
        host: fc.constantFrom(...hosts),
        cpu: fc.nat(9),
        running: fc.boolean(),
      }),
      fc.record({ task: fc.nat(5) }),
      fc.record({ put: fc.constantFrom(...hosts), memory: fc.nat(9) }),
      fc.record({ remove: fc.constantFrom(...hosts) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const ledger = new Ledger();
        const charges = new Map<string, Charge>();
        const views = new Map<string, ReturnType<typeof testHost>>();
        for (const one of steps) {
          if ('host' in one) {
            const { host: hostId, cpu, running } = one;
            const made = { ...charge, hostId, cpu, running };
            ledger.charge(String(one.task), made);
            charges.set(String(one.task), made);
          } else if ('task' in one) {
            ledger.release(String(one.task));
            charges.delete(String(one.task));
          } else if ('put' in one) {
            const view = testHost(one.put, { memory: one.memory, ports: [one.memory + 1] });
            ledger.putHost(view);
            views.set(one.put, view);
          } else {
            ledger.removeHost(one.remove);
            views.delete(one.remove);
          }
        }
        const rebuilt = testLedger([...views.values()]);
        for (const [id, made] of charges) rebuilt.charge(id, made);
        assert.deepEqual(ledger.dump(), rebuilt.dump());
      }),
    );
  });
});

describe('what a task holds', () => {
  const task: TaskRecord = {
    id: 't',
    cluster: 'default',
    hostId: 'a',
    taskDefinition: 'web:1',
    group: 'service:web',
    startedBy: 'ecs-svc/1',
    owner: 'ecs-svc/1',
    desiredStatus: 'RUNNING',
    createdAt: 0,
    epoch: 1,
    reserved: { cpu: 256, memory: 512, ports: [8080], portsUdp: [], gpuIds: ['g1'] },
    tags: [],
    holdPorts: true,
    drainBeforeStop: true,
  };
  const status = (lastStatus: TaskStatusRecord['lastStatus']): TaskStatusRecord => ({
    id: 't',
    cluster: 'default',
    hostId: 'a',
    lastStatus,
    healthStatus: 'UNKNOWN',
    containers: [],
    sequence: 1,
  });

  it('holds everything until it is reported STOPPED, whatever is desired', () => {
    const stopping = { ...task, desiredStatus: 'STOPPED' } as const;
    for (const last of [undefined, status('PENDING'), status('RUNNING'), status('STOPPING')]) {
      const held = chargeOf(stopping, last);
      assert.deepEqual(
        [held?.cpu, held?.memory, held?.ports, held?.gpuIds, held?.running],
        [256, 512, [8080], ['g1'], false],
      );
      assert.equal(chargeOf(task, last)?.running, true);
    }
  });

  it('holds its fixed ports alone while a proxy may still send to them', () => {
    const held = chargeOf(task, status('STOPPED'));
    assert.deepEqual([held?.cpu, held?.memory, held?.ports, held?.running], [0, 0, [8080], false]);
    assert.equal(held?.gpuIds, undefined);
    assert.equal(chargeOf({ ...task, holdPorts: false }, status('STOPPED')), undefined);
    const dynamic = {
      ...task,
      reserved: { cpu: 1, memory: 1, ports: [], portsUdp: [], gpuIds: [] },
    };
    assert.equal(chargeOf(dynamic, status('STOPPED')), undefined);
  });

  it('finds nothing on a host that registered nothing', () => {
    const view = hostView(testHostRecord('a', { registeredResources: undefined }), true);
    assert.deepEqual([view.cpu, view.memory, view.ports], [0, 0, []]);
  });
});
