import assert from 'node:assert/strict';

import type { Clock } from '@berth/control/clock.ts';
import { VirtualClock } from '@berth/control/virtual-clock.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change } from '@berth/store/state.ts';
import { stateOf, StateView } from '@berth/store/state-view.ts';

import { Observations } from './observations.ts';

const LOST_AFTER = 15_000;

const stored = (parts: readonly string[], value: unknown) => ({
  key: parts.join('/'),
  parts,
  value,
  createRevision: 1,
  modRevision: 1,
});

const session = (kind: string, id: string, there: boolean): Change => {
  const record = stored([kind, id], complete('SessionRecord', { id, kind }));
  const parts = [kind, id];
  return there
    ? { collection: 'sessions', parts, after: record }
    : { collection: 'sessions', parts, before: record };
};

const status = (id: string, lastStatus: string, startedAt?: number) =>
  complete('TaskStatusRecord', { id, cluster: 'c', lastStatus, startedAt });

const statusChange = (id: string, lastStatus: string, before?: string): Change => ({
  collection: 'taskStatus',
  parts: ['c', id],
  before: before === undefined ? undefined : stored(['c', id], status(id, before)),
  after: stored(['c', id], status(id, lastStatus)),
});

describe('observations', () => {
  let clock: VirtualClock;
  const begin = (by: Clock = clock): Observations =>
    new Observations({
      clock: by,
      proxyLostAfterMs: LOST_AFTER,
      hostLostAfterMs: LOST_AFTER,
      connectedHosts: ['h', 'another'],
    });

  beforeEach(() => {
    clock = new VirtualClock();
  });

  it('know since when a host has been away', async () => {
    const seen = begin();
    await clock.advance(5_000);
    seen.note(session('host', 'h', false));
    const gone = clock.now();
    await clock.advance(7_000);
    assert.equal(seen.hostGoneSince('h'), gone);
  });

  it('give a host that nobody watched the time from the beginning of the term', async () => {
    const seen = begin();
    seen.note(session('host', 'h', false));
    await clock.advance(60_000);
    seen.beginTerm();
    assert.equal(seen.hostGoneSince('h'), clock.now());
    assert.equal(seen.hostGoneSince('never seen'), clock.now());
  });

  it('hold nothing against a host while all are away, nor while the others come back', async () => {
    const seen = begin();
    for (const id of ['h', 'another']) seen.note(session('host', id, false));
    await clock.advance(60_000);
    assert.equal(seen.hostGoneSince('h'), clock.now());
    seen.note(session('host', 'another', true));
    const back = clock.now();
    await clock.advance(10_000);
    assert.equal(seen.hostGoneSince('h'), back);
  });

  it('give a new host time to connect', async () => {
    const seen = begin();
    await clock.advance(60_000);
    const host = stored(['c', 'h'], complete('HostRecord', { id: 'h', cluster: 'c' }));
    seen.note({ collection: 'hosts', parts: ['c', 'h'], after: host });
    assert.equal(seen.hostGoneSince('h'), clock.now());
  });

  it('remember a proxy that vanished, for as long as it may route', async () => {
    const p1 = complete('SessionRecord', { id: 'p1', kind: 'proxy' });
    const state = stateOf({ of: collections.sessions, parts: ['proxy', 'p1'], value: p1 });
    const seen = begin();
    seen.note(session('proxy', 'p2', false));
    const until = clock.now() + LOST_AFTER;
    assert.deepEqual(seen.proxies(state), {
      live: ['p1'],
      vanished: [{ id: 'p2', until }],
      settledAt: until,
    });
    await clock.advance(LOST_AFTER + 1);
    assert.deepEqual(seen.proxies(state).vanished, []);
  });

  it('forget the absence of a proxy that is back', () => {
    const seen = begin();
    seen.note(session('proxy', 'p1', false));
    seen.note(session('proxy', 'p1', true));
    assert.deepEqual(seen.proxies(new StateView()).vanished, []);
  });

  it('count the running of a task by their own clock, not by its host', async () => {
    const seen = begin();
    await clock.advance(1_000);
    seen.note(statusChange('t', 'RUNNING'));
    const since = clock.now();
    await clock.advance(9_000);
    seen.note(statusChange('t', 'RUNNING'));
    assert.equal(seen.runningSince(status('t', 'RUNNING')), since);
    seen.note(statusChange('t', 'STOPPED'));
    assert.equal(seen.runningSince(status('t', 'STOPPED')), undefined);
  });

  it("take the host's word for tasks that ran before, but never a time to come", async () => {
    const now = clock.now();
    const seen = begin();
    await clock.advance(1_000);
    seen.note(statusChange('old', 'RUNNING', 'RUNNING'));
    assert.equal(seen.runningSince(status('old', 'RUNNING', now - 90_000)), now - 90_000);
    assert.equal(seen.runningSince(status('ahead', 'RUNNING', now + 90_000)), now);
    assert.equal(seen.runningSince(status('silent', 'RUNNING')), now);
  });

  it('tell the same times while the clocks only drift, and follow the wall clock when it is set', () => {
    let set = 0;
    const wall: Clock = {
      now: () => clock.now() + set,
      monotonic: () => clock.monotonic(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
    };
    const seen = begin(wall);
    const since = clock.now();
    const task = status('t', 'RUNNING', since);
    set = 99;
    assert.equal(seen.runningSince(task), since);
    set = -5_000;
    assert.equal(seen.runningSince(task), since - 5_000);
  });
});
