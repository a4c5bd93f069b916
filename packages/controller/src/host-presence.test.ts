import assert from 'node:assert/strict';

import { VirtualClock } from '@berth/control/virtual-clock.ts';

import { HostPresence } from './host-presence.ts';

const LOST_AFTER = 20_000;
const MINUTE = 60_000;

describe('the presence of hosts', () => {
  let clock: VirtualClock;
  const begin = (...present: string[]): HostPresence =>
    new HostPresence({ clock, lostAfterMs: LOST_AFTER, present });

  beforeEach(async () => {
    clock = new VirtualClock();
    await clock.advance(5_000);
  });

  it('counts the absence of one from when it went, however often others come and go later', async () => {
    const presence = begin('a', 'b', 'c');
    const begun = clock.monotonic();
    await clock.advance(MINUTE);
    presence.went('a');
    presence.went('b');
    await clock.advance(5_000);
    presence.came('b');
    assert.equal(presence.countsFrom, begun);
  });

  it('counts nothing while all are away, and from the first that comes back then', async () => {
    const presence = begin('a', 'b');
    presence.went('a');
    presence.went('b');
    for (let minute = 0; minute < 10; minute += 1) {
      await clock.advance(MINUTE);
      assert.equal(presence.countsFrom, clock.monotonic());
    }
    presence.came('a');
    const back = clock.monotonic();
    await clock.advance(MINUTE);
    assert.equal(presence.countsFrom, back);
  });

  it('counts from the last that came back, as long as they come one soon after the other', async () => {
    const presence = begin('a');
    let last = 0;
    for (const id of ['b', 'c', 'd']) {
      await clock.advance(LOST_AFTER - 1_000);
      presence.came(id);
      last = clock.monotonic();
      assert.equal(presence.countsFrom, last);
    }
    presence.came('d');
    await clock.advance(LOST_AFTER);
    presence.came('e');
    assert.equal(presence.countsFrom, last);
  });

  it('waits for no more than five minutes for them', async () => {
    const presence = begin('0');
    const begun = clock.monotonic();
    for (let id = 1; id < 60; id += 1) {
      await clock.advance(10_000);
      presence.came(String(id));
    }
    assert.equal(presence.countsFrom, begun + 5 * MINUTE - 10_000);
  });

  it('expects all of them anew when a term begins', async () => {
    const presence = begin('a');
    await clock.advance(10 * MINUTE);
    presence.expectAll();
    assert.equal(presence.countsFrom, clock.monotonic());
  });
});
