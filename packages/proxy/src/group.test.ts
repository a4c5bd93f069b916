import assert from 'node:assert/strict';

import type { TargetRecord } from '@berth/model/generated/messages.ts';
import * as records from '@berth/model/routing/testing.ts';
import { EMPTY_TABLE, updateTable } from '@berth/model/routing/table.ts';
import { VirtualClock } from '@berth/control/virtual-clock.ts';
import { Registry } from 'prom-client';

import { Group } from './group.ts';
import { ProxyMetrics } from './metrics.ts';
import { DEFAULT_SETTINGS, type ProxySettings } from './settings.ts';
import type { Target } from './target.ts';
import { targetAt } from './testing/data-path.ts';

const LEAST = { 'load_balancing.algorithm.type': 'least_outstanding_requests' };

/** A group whose targets are all healthy. */
function groupOf(
  targets: readonly TargetRecord[],
  attributes: Readonly<Record<string, string>> = {},
  settings: Partial<ProxySettings> = {},
  onIdle: (target: Target) => void = () => undefined,
): Group {
  const none = (): number => 0;
  const metrics = new ProxyMetrics(new Registry(), {
    tableRevision: none,
    sessionUp: () => true,
    clientConnections: none,
    failedListeners: none,
    groups: () => [],
  });
  const routes = routesOf(targets, attributes);
  const limits = { ...DEFAULT_SETTINGS, ...settings };
  const group = new Group(routes, metrics.meter('web'), { onIdle }, limits, new VirtualClock());
  group.apply(routes);
  for (const target of group.targets.values()) target.health = { state: 'healthy', failures: 0 };
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
});
