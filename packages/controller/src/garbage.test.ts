import assert from 'node:assert/strict';

import { ulidSource } from '@berth/control/ulid.ts';
import { seededRandom, VirtualClock } from '@berth/control/virtual-clock.ts';
import type { MessageName } from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';
import { type Collection, collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';
import { stateOf } from '@berth/store/state-view.ts';

import {
  EVENTS_KEPT,
  EVENTS_KEPT_A_SERVICE,
  EVENT_KEPT_MS,
  type Garbage,
  garbage,
  STOPPED_TASK_KEPT_MS,
  STOPPED_TASKS_KEPT,
} from './garbage.ts';

const NOW = 2_000_000_000_000;
const HOUR = 3_600_000;

interface Item {
  readonly of: Collection;
  readonly parts: readonly string[];
  readonly value: unknown;
}

function item<N extends MessageName>(of: Collection<N>, parts: string[], value: object): Item {
  return { of, parts, value: complete(of.message, value) };
}

/** A task that has stopped, with its status, on a host with a session. */
function stopped(id: string, ago: number, change: object = {}): Item[] {
  const task = {
    id,
    cluster: 'c',
    hostId: 'h',
    desiredStatus: 'STOPPED',
    stoppingAt: NOW - ago,
    ...change,
  };
  const status = { id, cluster: 'c', lastStatus: 'STOPPED' };
  return [
    item(collections.tasks, ['c', id], task),
    item(collections.taskStatus, ['c', id], status),
  ];
}

const found = (state: State): Garbage[] =>
  [...garbage(state, NOW)].filter((each) => each !== undefined);

const HOST = [
  item(collections.hosts, ['c', 'h'], { id: 'h', cluster: 'c' }),
  item(collections.sessions, ['host', 'h'], { id: 'h', kind: 'host' }),
];

const deleted = (...items: Item[]): string[] =>
  found(stateOf(...HOST, ...items)).flatMap(({ write }) => write.deletes ?? []);

describe('garbage', () => {
  it('is a task an hour after it stopped, with its status', () => {
    assert.deepEqual(deleted(...stopped('a', STOPPED_TASK_KEPT_MS)), [
      '/berth/v1/tasks/c/a',
      '/berth/v1/task-status/c/a',
    ]);
    assert.deepEqual(deleted(...stopped('a', STOPPED_TASK_KEPT_MS - 1)), []);
  });

  it('is no task whose ports are held, whose target is there or whose containers may run', () => {
    const target = item(collections.targets, ['g', 'a-1'], { taskId: 'a', state: 'DRAINING' });
    assert.deepEqual(deleted(...stopped('a', 2 * HOUR, { holdPorts: true })), []);
    assert.deepEqual(deleted(...stopped('a', 2 * HOUR), target), []);
    assert.deepEqual(deleted(stopped('a', 2 * HOUR)[0]!), []);
  });

  it('is a task whose host has been away for an hour', () => {
    const lost = stopped('a', 2 * HOUR, { hostId: 'gone' })[0]!;
    assert.deepEqual(deleted(lost), ['/berth/v1/tasks/c/a']);
  });

  it('are the oldest stopped tasks beyond a thousand', () => {
    const many = Array.from({ length: STOPPED_TASKS_KEPT + 2 }, (_, index) =>
      stopped(`t${index}`, index + 1),
    ).flat();
    const keys = deleted(...many).filter((key) => key.includes('/tasks/'));
    assert.deepEqual(keys, ['/berth/v1/tasks/c/t1000', '/berth/v1/tasks/c/t1001']);
  });

  it('is a report about a task that is no more', () => {
    const status = item(collections.taskStatus, ['c', 'x'], { id: 'x', cluster: 'c' });
    assert.deepEqual(deleted(status), ['/berth/v1/task-status/c/x']);
  });

  it('is a service an hour after it became INACTIVE', () => {
    const service = (status: string, ago: number): Item =>
      item(collections.services, ['c', 's'], { cluster: 'c', status, deletedAt: NOW - ago });
    assert.deepEqual(deleted(service('INACTIVE', HOUR)), ['/berth/v1/services/c/s']);
    assert.deepEqual(deleted(service('INACTIVE', HOUR - 1)), []);
    assert.deepEqual(deleted(service('DRAINING', 2 * HOUR)), []);
  });

  it('is a target without a task, when it has drained by time', () => {
    const target = (change: object): Item =>
      item(collections.targets, ['g', 'x-1'], { group: 'g', id: 'x-1', taskId: 'x', ...change });
    const registered = found(stateOf(target({ state: 'REGISTERED' })));
    assert.equal(registered[0]?.write.puts?.length, 1);
    const draining = (ago: number): string[] =>
      deleted(target({ state: 'DRAINING', drainingSince: NOW - ago }));
    assert.deepEqual(draining(359_999), []);
    assert.deepEqual(draining(360_000), ['/berth/v1/targets/g/x-1']);
  });

  it('are events of more than a day, but for the newest hundred of each service', async () => {
    const clock = new VirtualClock(NOW - EVENT_KEPT_MS - 10 * HOUR);
    const next = ulidSource(clock, seededRandom(1));
    const events: Item[] = [];
    for (let index = 0; index < EVENTS_KEPT_A_SERVICE + 5; index += 1) {
      await clock.advance(1_000);
      const [of, other] = [next(), next()];
      events.push(
        item(collections.events, ['c', of], {
          id: of,
          cluster: 'c',
          service: 's',
          createdAt: clock.now(),
        }),
        item(collections.events, ['c', other], {
          id: other,
          cluster: 'c',
          kind: 'host',
          createdAt: clock.now(),
        }),
      );
    }
    const service = item(collections.services, ['c', 's'], { cluster: 'c', status: 'ACTIVE' });
    const all = deleted(service, ...events);
    assert.equal(all.length, EVENTS_KEPT_A_SERVICE + 5 + 5);
    assert.equal(deleted(...events).length, 2 * (EVENTS_KEPT_A_SERVICE + 5), 'no such service');
  });

  it('are events beyond five thousand, the oldest first', () => {
    const clock = new VirtualClock(NOW);
    const next = ulidSource(clock, seededRandom(1));
    const ids = Array.from({ length: EVENTS_KEPT + 3 }, next);
    const events = ids.map((id) =>
      item(collections.events, ['c', id], { id, cluster: 'c', createdAt: NOW }),
    );
    const expected = ids.slice(0, 3).map((id) => `/berth/v1/events/c/${id}`);
    assert.deepEqual(deleted(...events).sort(), expected);
  });

  it('is a rule without a listener, and no target that somebody registered', () => {
    const rule = { id: 'r', listenerId: 'l' };
    const target = { group: 'g', id: 'x', taskId: '', state: 'REGISTERED' };
    assert.deepEqual(
      deleted(
        item(collections.rules, ['l', 'r'], rule),
        item(collections.rules, ['m', 'r'], { ...rule, listenerId: 'm' }),
        item(collections.listeners, ['m'], { id: 'm' }),
        item(collections.targets, ['g', 'x'], target),
      ),
      ['/berth/v1/rules/l/r'],
    );
  });
});
