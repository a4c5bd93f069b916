import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { Strategy } from './strategies.ts';
import { attributeMap } from './host.ts';
import { chooseVictims } from './victims.ts';
import type { VictimHost, VictimTask } from './victims.ts';

function task(id: string, hostId: string, more: Partial<VictimTask> = {}): VictimTask {
  const base = { running: true, unhealthy: false, protected: false, cpu: 100, memory: 100 };
  return { id, hostId, ...base, ...more };
}

function host(id: string, zone: string, more: Partial<VictimHost> = {}): VictimHost {
  const attributes = attributeMap([{ name: 'ecs.availability-zone', value: zone }]);
  return { id, ready: true, attributes, cpuFree: 0, memoryFree: 0, ...more };
}

describe('scale-in', () => {
  const hosts = [host('a1', 'a'), host('a2', 'a'), host('b1', 'b')];
  const choose = (
    tasks: readonly VictimTask[],
    count: number,
    strategy: readonly Strategy[] = [],
    among = hosts,
    seed = 7,
  ): readonly string[] => chooseVictims({ tasks, count, strategy, hosts: among, seed });

  it('takes tasks that do not run yet, then unhealthy ones, then those on hosts that are not ready', () => {
    const tasks = [
      task('sound', 'a1'),
      task('draining', 'x1'),
      task('unhealthy', 'a1', { unhealthy: true }),
      task('pending', 'b1', { running: false }),
      task('unknown-host', 'gone'),
    ];
    const among = [...hosts, host('x1', 'a', { ready: false })];
    const chosen = choose(tasks, 5, [], among);
    assert.deepEqual(chosen.slice(0, 2), ['pending', 'unhealthy']);
    assert.deepEqual([...chosen.slice(2, 4)].sort(), ['draining', 'unknown-host']);
    assert.equal(chosen[4], 'sound');
  });

  it('never takes a protected task, but counts it', () => {
    const tasks = [
      task('p1', 'a1', { protected: true, running: false }),
      task('p2', 'a2', { protected: true }),
      task('a', 'a1'),
      task('b', 'b1'),
    ];
    assert.deepEqual(choose(tasks, 9), ['a', 'b']);
  });

  it('takes from the fullest zone, then from the fullest host, by default', () => {
    const tasks = [
      task('1', 'a1'),
      task('2', 'a1'),
      task('3', 'a2'),
      task('4', 'b1'),
      task('5', 'b1'),
    ];
    const [first = '', second = ''] = choose(tasks, 2);
    assert.ok(['1', '2'].includes(first), 'zone a has three, of them host a1 two');
    assert.ok(['4', '5'].includes(second), 'then zones are even and b1 has most');
  });

  it('empties hosts under binpack', () => {
    const among = [host('a1', 'a', { memoryFree: 50 }), host('b1', 'b', { memoryFree: 500 })];
    const tasks = [task('1', 'a1'), task('2', 'b1'), task('3', 'b1')];
    const chosen = choose(tasks, 2, [{ kind: 'binpack', resource: 'memory' }], among);
    assert.deepEqual([...chosen].sort(), ['2', '3']);
  });

  it('follows chained strategies one after the other', () => {
    const strategy = [
      { kind: 'spread', attribute: 'ecs.availability-zone' },
      { kind: 'binpack', resource: 'cpu' },
    ] as const;
    const among = [
      host('a1', 'a', { cpuFree: 10 }),
      host('a2', 'a', { cpuFree: 90 }),
      host('b1', 'b', { cpuFree: 900 }),
    ];
    const tasks = [task('1', 'a1'), task('2', 'a2'), task('3', 'b1')];
    assert.deepEqual(choose(tasks, 1, strategy, among), ['2']);
  });

  it('leaves zones within one task of each other, never more than asked, in any order of the tasks', () => {
    const list = fc.array(fc.constantFrom('a1', 'a2', 'b1'), { maxLength: 12 });
    fc.assert(
      fc.property(list, fc.nat(12), fc.nat(), fc.nat(), (places, count, seed, turn) => {
        const tasks = places.map((hostId, index) => task(String(index), hostId));
        const chosen = choose(tasks, count, [], hosts, seed);
        assert.equal(chosen.length, Math.min(count, tasks.length));
        assert.equal(new Set(chosen).size, chosen.length);
        const turned = tasks.map((_, index) => tasks[(index + turn) % tasks.length] as VictimTask);
        assert.deepEqual(choose(turned, count, [], hosts, seed), chosen);
        const left = (zone: string, victims: readonly string[]): number =>
          tasks.filter(({ id, hostId }) => hostId.startsWith(zone) && !victims.includes(id)).length;
        const gap = (victims: readonly string[]): number =>
          Math.abs(left('a', victims) - left('b', victims));
        assert.ok(gap(chosen) <= Math.max(1, gap([]) - chosen.length));
      }),
    );
  });
});
