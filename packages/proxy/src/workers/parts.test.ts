// The parts of a fleet that need no processes.
import assert from 'node:assert/strict';

import { seededRandom } from '@berth/control/virtual-clock.ts';
import type { GroupTraffic } from '@berth/model/generated/messages.ts';
import { groupSettings } from '@berth/model/routing/group-settings.ts';
import * as records from '@berth/model/routing/testing.ts';
import { realClock } from '@berth/process/real-clock.ts';
import { Counter, Gauge, Histogram, type MetricObject, Registry } from 'prom-client';

import { DEFAULT_SETTINGS } from '../settings.ts';
import { Target } from '../target.ts';
import { UpdateParts } from '../update-parts.ts';
import { Drains } from './drains.ts';
import { findTarget, nameOfTarget } from './messages.ts';
import { type KeptSocket, Slots, type Take } from './slots.ts';
import { MetricSums, TrafficSums } from './sums.ts';

const targetOf = (id: string, registeredAt = 1): Target =>
  new Target(
    { ...records.target('web', id), registeredAt },
    groupSettings(records.targetGroup('web')),
    DEFAULT_SETTINGS,
    realClock,
  );

const traffic = (requests: number, active = 0, group = 'web'): GroupTraffic => ({
  group,
  requests,
  failed: 0,
  targetErrors: 0,
  active,
});

describe('drains of several workers', () => {
  it('are over when every worker has said so, in whatever order', () => {
    const random = seededRandom(3);
    for (let round = 0; round < 200; round += 1) {
      const drains = new Drains();
      const target = targetOf('t');
      const workers = [1, 2, 3, 4].filter(() => random() < 0.8);
      const said = new Set<number>();
      for (let step = 0; step < 8; step += 1) {
        const worker = 1 + Math.floor(random() * 4);
        const phase = random() < 0.5 ? 'draining' : 'drained';
        drains.note(target, worker, { phase, cut: false });
        if (phase === 'drained') said.add(worker);
        else said.delete(worker);
        const expected = workers.every((one) => said.has(one));
        assert.equal(drains.drained(target, workers) !== undefined, expected);
      }
    }
  });

  it('do not wait for a worker that is gone, and remember what was cut', () => {
    const drains = new Drains();
    const target = targetOf('t');
    drains.note(target, 1, { phase: 'drained', cut: true });
    drains.note(target, 2, { phase: 'draining', cut: false });
    assert.equal(drains.drained(target, [1, 2]), undefined);
    drains.forgetWorker(2);
    assert.deepEqual(drains.drained(target, [1]), { cut: true });
    drains.forgetAllBut(new Set());
    assert.equal(drains.drained(target, [1]), undefined);
  });

  it('tell registrations of the same name apart', () => {
    const before = targetOf('t');
    const after = targetOf('t', 2);
    const groups = new Map([['web', { targets: new Map([['t', after]]) }]]);
    assert.equal(findTarget(groups, nameOfTarget(before)), undefined);
    assert.equal(findTarget(groups, nameOfTarget(after)), after);
  });
});

describe('sums of several workers', () => {
  it('keep what a worker has counted that is gone, but not what it had in flight', () => {
    const sums = new TrafficSums();
    const live = [[traffic(5, 1)], [traffic(7, 2)]];
    assert.deepEqual(sums.totals(['web'], live), [traffic(12, 3)]);
    sums.add(live[0] ?? []);
    assert.deepEqual(sums.totals(['web'], live.slice(1)), [traffic(12, 2)]);
    assert.deepEqual(sums.totals(['web', 'new'], []), [traffic(5), traffic(0, 0, 'new')]);
    sums.forgetAllBut(new Map());
    assert.deepEqual(sums.totals(['web'], []), [traffic(0)]);
  });

  it('of metrics never go back', async () => {
    const worker = async (count: number): Promise<readonly MetricObject[]> => {
      const own = new Registry();
      const registers = [own];
      const labelNames = ['group'] as const;
      new Counter({ name: 'c_total', help: 'c', labelNames, registers }).inc({ group: 'a' }, count);
      const histogram = new Histogram({ name: 'h', help: 'h', buckets: [1], registers });
      for (let turn = 0; turn < count; turn += 1) histogram.observe(turn % 2 === 0 ? 0.5 : 2);
      new Gauge({ name: 'g', help: 'g', registers }).set(count);
      new Gauge({ name: 'm', help: 'm', registers, aggregator: 'min' }).set(count);
      return await own.getMetricsAsJSON();
    };
    const registry = new Registry();
    let live = [await worker(3), await worker(4)];
    const sums = new MetricSums(registry, () => live);
    for (const metrics of live) sums.show(metrics);
    const read = async (): Promise<string[]> => {
      await new Promise((resolve) => setImmediate(resolve));
      return (await registry.metrics()).split('\n').filter((line) => !line.startsWith('#') && line);
    };
    assert.deepEqual(await read(), [
      'c_total{group="a"} 7',
      'h_bucket{le="1"} 4',
      'h_bucket{le="+Inf"} 7',
      'h_sum 8',
      'h_count 7',
      'g 7',
      'm 3',
    ]);
    const [gone = []] = live;
    live = live.slice(1);
    await sums.add(gone);
    const after = await read();
    assert.ok(after.includes('c_total{group="a"} 7'));
    assert.ok(after.includes('h_count 7'));
    assert.ok(after.includes('g 4'));
    sums.forgetAllBut(new Map());
    assert.ok((await read()).includes('c_total{group="a"} 4'));
    sums.remove();
    assert.deepEqual(await read(), []);
  });
});

describe('slots of sockets', () => {
  const closed: string[] = [];
  const socket = (name: string): KeptSocket => ({ close: () => closed.push(name) });
  const asker = (slot: number, number: number, answers: Take[]) => ({
    slot,
    number,
    answer: (take: Take) => void answers.push(take),
  });
  beforeEach(() => closed.splice(0));

  it('give a successor the socket of its slot', () => {
    const slots = new Slots();
    const answers: Take[] = [];
    slots.ask(80, asker(0, 1, answers));
    const kept = socket('a');
    slots.opened(80, 0, 80, kept);
    slots.ask(80, asker(1, 2, answers));
    slots.ask(80, asker(0, 3, answers));
    assert.deepEqual(answers, [
      { port: 80, bind: 80, socket: undefined },
      { port: 80, bind: 80, socket: undefined },
      { port: 80, bind: 80, socket: kept },
    ]);
    slots.keepOnly(new Set());
    assert.deepEqual(closed, ['a']);
    assert.equal(slots.actualPort(80), undefined);
  });

  it('let all workers find the same port where any will do', () => {
    const slots = new Slots();
    const answers: Take[] = [];
    slots.ask(0, asker(0, 1, answers));
    slots.ask(0, asker(1, 2, answers));
    assert.equal(answers.length, 1);
    slots.opened(0, 0, 4711, socket('a'));
    assert.deepEqual(answers[1], { port: 0, bind: 4711, socket: undefined });
  });

  it('ask the next when the one who was to find it is gone', () => {
    const slots = new Slots();
    const answers: Take[] = [];
    const second: Take[] = [];
    slots.ask(0, asker(0, 1, answers));
    slots.ask(0, asker(1, 2, second));
    slots.gaveUp(1);
    assert.deepEqual(second, [{ port: 0, bind: 0, socket: undefined }]);
  });
});

describe('an update in parts', () => {
  const part = (parts: object): ReturnType<typeof records.update> =>
    records.update(5, { ...parts });

  it('is whole when its last part has come', () => {
    const parts = new UpdateParts();
    const listener = records.listener(80, records.fixed('200'));
    assert.equal(
      parts.take(part({ snapshot: true, listeners: [listener], more: true })),
      undefined,
    );
    assert.equal(parts.take(part({ acmeChanged: true, more: true })), undefined);
    const whole = parts.take(part({ targets: [records.target('web', 't')] }));
    assert.equal(whole?.snapshot, true);
    assert.equal(whole.acmeChanged, true);
    assert.equal(whole.more, false);
    assert.deepEqual([whole.listeners.length, whole.targets.length], [1, 1]);
    assert.equal(parts.take(part({}))?.targets.length, 0, 'the next begins anew');
  });
});
