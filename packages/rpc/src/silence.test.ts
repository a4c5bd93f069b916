import assert from 'node:assert/strict';

import { type Patience, Silence } from './silence.ts';

const PATIENCE: Patience = { pingMs: 1_000, endMs: 2_000 };

describe('Silence', () => {
  let silence: Silence;
  let received: number | undefined;
  let sent: number;
  let said: string[];
  beforeEach(() => {
    silence = new Silence();
    received = 0;
    sent = 0;
    said = [];
    silence.add(
      {
        received: () => received,
        sent: () => sent,
        ping: () => {
          sent += 1;
          said.push('ping');
        },
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
    assert.ok(said.length >= 4 && !said.includes('end'));
    assert.equal(silence.size, 1);
  });

  it('pings a peer that talks and hears nothing, and one that only listens', () => {
    for (let bytes = 1; bytes <= 12; bytes += 1) {
      received = bytes;
      silence.look(250);
    }
    assert.deepEqual(said, ['ping', 'ping'], 'a peer counts our silence');
    said = [];
    for (let bytes = 1; bytes < 8; bytes += 1) {
      sent += 1;
      silence.look(250);
    }
    assert.deepEqual(said, ['ping'], 'what is sent is no question');
    sent += 1;
    silence.look(250);
    assert.deepEqual(said, ['ping', 'end']);
  });

  it('neither pings nor ends where both ends talk', () => {
    for (let bytes = 1; bytes <= 40; bytes += 1) {
      received = bytes;
      sent += 1;
      silence.look(250);
    }
    assert.deepEqual(said, []);
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
