import assert from 'node:assert/strict';

import { type Patience, Silence } from './silence.ts';

const PATIENCE: Patience = { pingMs: 1_000, endMs: 2_000 };

describe('Silence', () => {
  let silence: Silence;
  let received: number | undefined;
  let said: string[];
  beforeEach(() => {
    silence = new Silence();
    received = 0;
    said = [];
    silence.add(
      {
        received: () => received,
        ping: () => said.push('ping'),
        end: () => said.push('end'),
      },
      PATIENCE,
    );
  });
  const wait = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 250) silence.look(250);
  };

  it('pings a peer that says nothing, once, and ends its connection when that does not help', () => {
    wait(750);
    assert.deepEqual(said, []);
    wait(1_000);
    assert.deepEqual(said, ['ping']);
    wait(500);
    assert.deepEqual(said, ['ping', 'end']);
    assert.equal(silence.size, 0);
    wait(5_000);
    assert.deepEqual(said, ['ping', 'end']);
  });

  it('begins anew with every byte', () => {
    for (let bytes = 1; bytes < 5; bytes += 1) {
      wait(1_750);
      received = bytes;
      silence.look(250);
    }
    assert.deepEqual(said, ['ping', 'ping', 'ping', 'ping']);
    assert.equal(silence.size, 1);
  });

  it('does not hold its own absence against the peer', () => {
    silence.look(60_000);
    assert.deepEqual(said, []);
    wait(1_500);
    assert.deepEqual(said, ['ping', 'end']);
  });

  it('forgets a connection that is over', () => {
    received = undefined;
    silence.look(250);
    assert.equal(silence.size, 0);
    assert.deepEqual(said, []);
  });
});
