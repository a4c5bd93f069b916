import assert from 'node:assert/strict';

import type { TargetRecord } from '@berth/model/generated/messages.ts';
import type { TargetHealth } from '@berth/model/routing/target-health.ts';
import * as records from '@berth/model/routing/testing.ts';
import { EMPTY_TABLE, updateTable } from '@berth/model/routing/table.ts';
import { VirtualClock } from '@berth/control/virtual-clock.ts';
import { Registry } from 'prom-client';

import type { TargetWaiter } from './balancing/target-queue.ts';
import { Group } from './group.ts';
import { ProxyMetrics } from './metrics.ts';
import { DEFAULT_SETTINGS, type ProxySettings } from './settings.ts';
import type { Target } from './target.ts';
import { targetAt } from './testing/data-path.ts';

const LEAST = { 'load_balancing.algorithm.type': 'least_outstanding_requests' };

const WELL: TargetHealth = { state: 'healthy', failures: 0 };
const SICK: TargetHealth = {
  state: 'unhealthy',
  successes: 0,
  cause: { reason: 'Target.Timeout', description: 'Request timed out' },
};

/** A group whose targets are all healthy. */
function groupOf(
  targets: readonly TargetRecord[],
  attributes: Readonly<Record<string, string>> = {},
  settings: Partial<ProxySettings> = {},
  onIdle: (target: Target) => void = () => undefined,
  more: { clock?: VirtualClock; random?: () => number; odd?: Target[] } = {},
): Group {
  const { clock = new VirtualClock(), random = Math.random, odd = [] } = more;
  const none = (): number => 0;
  const metrics = new ProxyMetrics(new Registry(), {
    tableRevision: none,
    clientConnections: none,
    failedListeners: none,
    groups: () => [],
  });
  const routes = routesOf(targets, attributes);
  const limits = { ...DEFAULT_SETTINGS, ...settings };
  const hooks = { onIdle, onAnomaly: (target: Target) => odd.push(target) };
  const group = new Group(routes, metrics.meter('web'), { hooks, settings: limits, clock, random });
  group.apply(routes);
  for (const target of group.targets.values()) target.health = WELL;
  group.refresh();
  return group;
}

function routesOf(
  targets: readonly TargetRecord[],
  attributes: Readonly<Record<string, string>> = {},
): Parameters<Group['apply']>[0] {
  const update = records.update(1, {
    targetGroups: [records.targetGroup('web', attributes)],
    targets,
  });
  const routes = updateTable(EMPTY_TABLE, update).groups.get('web');
  assert.ok(routes);
  return routes;
}

const at = (port: number, address = '127.0.0.1'): TargetRecord => ({
  ...targetAt('web', port),
  address,
});
const ports = (chosen: readonly (Target | undefined)[]): (number | undefined)[] =>
  chosen.map((target) => target?.record.port);

describe('group', () => {
  it('counts a request in the same step in which it chooses', () => {
    const group = groupOf([at(1), at(2)]);
    const chosen = [group.select(), group.select(), group.select()];
    assert.deepEqual(ports(chosen), [1, 2, 1]);
    assert.deepEqual(
      [...group.targets.values()].map((target) => target.inFlight),
      [2, 1],
    );
  });

  it('after a failure rather takes a target of another host', () => {
    const group = groupOf([at(1, '10.0.0.1'), at(2, '10.0.0.1'), at(3, '10.0.0.2')]);
    const first = group.select();
    assert.ok(first);
    const second = group.select([first]);
    assert.ok(second);
    assert.deepEqual(ports([first, second]), [1, 3]);
    assert.deepEqual(ports([group.select([first, second])]), [2]);
    assert.equal(group.select([...group.targets.values()]), undefined);
  });

  it('takes the idlest, if its attribute says so', () => {
    const group = groupOf([at(1), at(2)], LEAST);
    const [one, two] = [group.select(), group.select()];
    assert.deepEqual(ports([one, two]), [1, 2]);
    assert.ok(two);
    group.release(two);
    assert.deepEqual(ports([group.select(), group.select()]), [2, 1]);
  });

  it('passes over targets that are full, and refuses when all are', () => {
    const group = groupOf([at(1), at(2)], {}, { targetConnections: 2 });
    const chosen = Array.from({ length: 5 }, () => group.select());
    assert.deepEqual(ports(chosen), [1, 2, 1, 2, undefined]);
  });

  it('chooses nothing that is draining, not even again, and tells when its last request ends', () => {
    const idle: Target[] = [];
    const group = groupOf([at(1)], {}, {}, (target) => idle.push(target));
    const target = group.select();
    assert.ok(target);
    group.apply(routesOf([{ ...at(1), state: 'DRAINING' }]));
    assert.equal(group.targets.get(target.record.id), target, 'the registration is the same');
    assert.equal(group.select(), undefined);
    assert.equal(group.retake(target), false);
    assert.deepEqual(idle, []);
    group.release(target);
    assert.deepEqual(idle, [target]);
  });

  it('makes a new target of a new registration, whatever its address', () => {
    const group = groupOf([at(1)]);
    const before = group.targets.get('t-1');
    const gone = group.apply(routesOf([{ ...at(1), registeredAt: 2 }]));
    assert.deepEqual(gone, [before]);
    assert.notEqual(group.targets.get('t-1'), before);
  });

  describe('with a limit for each target', () => {
    const LIMITED = {
      'berth.concurrency.per_target': '1',
      'berth.concurrency.queue_length': '2',
      'berth.concurrency.queue_timeout_ms': '500',
    };
    const waiter = (log: string[], name: string): TargetWaiter => ({
      onTarget: (target) => log.push(`${name} ${target.record.port}`),
      onNoTarget: () => log.push(`${name} none`),
    });

    it('lets requests wait in turn, a bounded number of them', () => {
      const log: string[] = [];
      const group = groupOf([at(1), at(2)], LIMITED);
      const [one] = [group.select(), group.select()];
      assert.equal(group.select(), undefined);
      const [a, b, c] = ['a', 'b', 'c'].map((name) => waiter(log, name));
      assert.ok(one && a && b && c);
      assert.deepEqual([group.wait(a), group.wait(b), group.wait(c)], [true, true, false]);
      group.release(one);
      assert.deepEqual(log, ['a 1']);
      group.leave(b);
      group.release(one);
      assert.deepEqual(log, ['a 1']);
    });

    it('sends them away when their time is over', async () => {
      const log: string[] = [];
      const clock = new VirtualClock();
      const group = groupOf([at(1)], LIMITED, {}, undefined, { clock });
      const target = group.select();
      assert.ok(target);
      group.wait(waiter(log, 'a'));
      await clock.advance(499);
      assert.deepEqual(log, []);
      await clock.advance(1);
      assert.deepEqual(log, ['a none']);
      group.release(target);
      assert.equal(target.inFlight, 0);
    });

    it('serves them when a target becomes healthy', () => {
      const log: string[] = [];
      const group = groupOf([at(1), at(2)], LIMITED);
      const [, second] = [...group.targets.values()];
      assert.ok(second);
      second.health = SICK;
      group.refresh();
      group.select();
      group.wait(waiter(log, 'a'));
      second.health = WELL;
      group.refresh();
      assert.deepEqual(log, ['a 2']);
    });

    it('does not let them wait where there is nobody to wait for', () => {
      assert.equal(groupOf([], LIMITED).wait(waiter([], 'a')), false);
      const unlimited = groupOf([at(1)], {}, { targetConnections: 1 });
      unlimited.select();
      assert.equal(unlimited.wait(waiter([], 'a')), false);
    });
  });

  describe('with slow start', () => {
    const SLOW = { 'slow_start.duration_seconds': '30' };
    const counts = (group: Group, turns: number): Record<number, number> => {
      const found: Record<number, number> = {};
      for (let turn = 0; turn < turns; turn += 1) {
        const target = group.select();
        assert.ok(target);
        group.release(target);
        found[target.record.port] = (found[target.record.port] ?? 0) + 1;
      }
      return found;
    };

    it('gives a newcomer a growing share, then its whole', async () => {
      const clock = new VirtualClock();
      const group = groupOf([at(1)], SLOW, {}, undefined, { clock });
      group.apply(routesOf([at(1), { ...at(2), registeredAt: 9 }], SLOW));
      for (const target of group.targets.values()) target.health = WELL;
      group.refresh();
      assert.deepEqual(counts(group, 110), { 1: 100, 2: 10 });
      await clock.advance(15_000);
      assert.deepEqual(counts(group, 150), { 1: 100, 2: 50 });
      await clock.advance(15_000);
      assert.deepEqual(counts(group, 100), { 1: 50, 2: 50 });
    });

    it('is not for targets that are registered together into an empty group', () => {
      assert.deepEqual(counts(groupOf([at(1), at(2)], SLOW), 100), { 1: 50, 2: 50 });
    });

    it('begins again after a recovery, and is not for those that were healthy when it was switched on', async () => {
      const clock = new VirtualClock();
      const group = groupOf([at(1), at(2)], {}, {}, undefined, { clock });
      group.apply(routesOf([at(1), at(2)], SLOW));
      assert.deepEqual(counts(group, 100), { 1: 50, 2: 50 });
      const [, second] = [...group.targets.values()];
      assert.ok(second);
      second.health = SICK;
      group.refresh();
      await clock.advance(1);
      second.health = WELL;
      group.refresh();
      assert.deepEqual(counts(group, 110), { 1: 100, 2: 10 });
    });
  });

  it('by weighted random sends less to a target whose errors stand out, and tells of it', () => {
    const odd: Target[] = [];
    let draw = 0;
    const random = (): number => (draw = (draw + 0.01) % 1);
    const attributes = {
      'load_balancing.algorithm.type': 'weighted_random',
      'load_balancing.algorithm.anomaly_mitigation': 'on',
    };
    const group = groupOf([at(1), at(2), at(3)], attributes, {}, undefined, { random, odd });
    const [first] = [...group.targets.values()];
    assert.ok(first);
    for (const target of group.targets.values()) {
      for (let i = 0; i < 50; i += 1) target.answers.add(target === first && i < 25);
    }
    for (let look = 0; look < 4; look += 1) group.compareErrors();
    assert.deepEqual([first.anomalous, first.weight], [true, 0.1]);
    assert.deepEqual(odd, [first]);
    let taken = 0;
    for (let i = 0; i < 100; i += 1) if (group.select() === first) taken += 1;
    assert.ok(taken <= 6, String(taken));
    for (let look = 0; look < 6; look += 1) group.compareErrors();
    assert.deepEqual([first.anomalous, first.weight], [false, 1]);
    assert.ok(odd.length > 1);
  });

  it('keeps a client on the target that it names, while that may take requests', () => {
    const group = groupOf([at(1), at(2), at(3)]);
    const second = group.targets.get('t-2');
    assert.ok(second);
    const chosen = [group.select(undefined, second), group.select(undefined, second)];
    assert.deepEqual(ports(chosen), [2, 2]);
    assert.notEqual(group.select([second], second), second);
    group.apply(routesOf([at(1), { ...at(2), state: 'DRAINING' }, at(3)]));
    assert.notEqual(group.select(undefined, second), second);
  });

  it('that is not cross-zone sends to targets of its own zone, while there are any', () => {
    const inZone = (port: number, availabilityZone: string): TargetRecord => ({
      ...at(port),
      availabilityZone,
    });
    const all = [inZone(1, 'a'), inZone(2, 'b'), inZone(3, 'b')];
    const taken = (attributes: Readonly<Record<string, string>>, zone?: string): unknown => {
      const group = groupOf(all, attributes, { zone });
      return ports([group.select(), group.select(), group.select()]);
    };
    const own = { 'load_balancing.cross_zone.enabled': 'false' };
    assert.deepEqual(taken({}, 'a'), [1, 2, 3]);
    assert.deepEqual(taken(own, 'a'), [1, 1, 1]);
    assert.deepEqual(taken(own, 'b'), [2, 3, 2]);
    assert.deepEqual(taken(own, 'c'), [1, 2, 3], 'none is there');
    assert.deepEqual(taken(own), [1, 2, 3], 'the proxy does not know where it is');
  });

  it('of a TCP group keeps clients on their target by their address', () => {
    const group = groupOf([at(1), at(2), at(3)]);
    assert.equal(group.targetOfAddress('192.0.2.1'), undefined);
    group.settings = { ...group.settings, stickiness: { type: 'source_ip' } };
    const found = group.targetOfAddress('192.0.2.1');
    assert.ok(found);
    assert.equal(group.targetOfAddress('192.0.2.1'), found);
  });

  it('bounds what is on a further try', () => {
    const group = groupOf([at(1)]);
    const allowed = Array.from({ length: 5 }, () => group.beginRepeat());
    assert.deepEqual(allowed, [true, true, true, false, false]);
    group.endRepeat();
    assert.equal(group.beginRepeat(), true);
  });
});
