import assert from 'node:assert/strict';

import { complete } from '@berth/rpc/codec.ts';

import { collections, keyOf } from './keys.ts';
import type { StateView } from './state-view.ts';
import { stateOf } from './state-view.ts';

const task = (id: string, fields: object = {}) => ({
  of: collections.tasks,
  parts: ['c', id],
  value: complete('TaskRecord', { id, cluster: 'c', taskDefinition: 'hello:1', ...fields }),
});

const ids = (records: Iterable<{ readonly parts: readonly string[] }>): string[] =>
  Array.from(records, ({ parts }) => parts.at(-1) ?? '').sort();

describe('a view of the state', () => {
  it('finds tasks by client token, family and starter, within their cluster', () => {
    const state = stateOf(
      task('1', { owner: `run/${'a'.repeat(16)}/t/1`, startedBy: 'ada' }),
      task('2', { owner: `run/${'b'.repeat(16)}/t/1`, taskDefinition: 'other:7' }),
      task('3', { owner: 'ecs-svc/1', startedBy: 'ecs-svc/1' }),
    );
    assert.deepEqual(ids(state.tasksByToken('c', 't/1')), ['1', '2']);
    assert.deepEqual(ids(state.tasksByToken('d', 't/1')), []);
    assert.deepEqual(ids(state.tasksByFamily('c', 'hello')), ['1', '3']);
    assert.deepEqual(ids(state.tasksByStarter('c', 'ada')), ['1']);
    assert.deepEqual(ids(state.tasksByStarter('c', '')), []);
  });

  it('gives the tasks of a cluster in order, from any id on', () => {
    const state = stateOf(task('b'), task('a'), task('d'), task('c'));
    assert.deepEqual(
      [...state.tasksAfter('c')].map(({ value }) => value.id),
      ['a', 'b', 'c', 'd'],
    );
    assert.deepEqual(
      [...state.tasksAfter('c', 'b')].map(({ value }) => value.id),
      ['c', 'd'],
    );
    assert.deepEqual([...state.tasksAfter('nothing')], []);
    state.delete('tasks', keyOf(collections.tasks, 'c', 'c'));
    assert.deepEqual(
      [...state.tasksAfter('c', 'bb')].map(({ value }) => value.id),
      ['d'],
    );
  });

  it('finds what was said of a service, and a host in whatever cluster', () => {
    const event = (id: string, fields: object) => ({
      of: collections.events,
      parts: ['c', id],
      value: complete('EventRecord', { id, cluster: 'c', kind: 'service', ...fields }),
    });
    const state: StateView = stateOf(
      event('1', { service: 'web' }),
      event('2', { service: 'web', kind: 'deployment' }),
      event('3', { service: 'web', kind: 'task' }),
      event('4', { service: 'api' }),
      {
        of: collections.hosts,
        parts: ['d', 'h'],
        value: complete('HostRecord', { id: 'h', cluster: 'd' }),
      },
    );
    assert.deepEqual(ids(state.eventsByService('c', 'web')), ['1', '2']);
    assert.deepEqual(
      [...state.hostsById('h')].map(({ value }) => value.cluster),
      ['d'],
    );
  });
});
