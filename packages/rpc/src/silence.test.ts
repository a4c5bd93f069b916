import assert from 'node:assert/strict';

import { type Pinged, Silence } from './silence.ts';

describe('Silence', () => {
  let silence: Silence;
  let received: number | undefined;
  let sent: number;
  let said: string[];
  const peer = (): Pinged => ({
    received: () => received,
    sent: () => sent,
    ping: (nextMs) => {
      sent += 1;
      said.push(`ping ${nextMs}`);
    },
    end: () => said.push('end'),
  });
  beforeEach(() => {
    silence = new Silence();
    received = 0;
    sent = 0;
    said = [];
    silence.add(peer());
  });
  const wait = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 250) silence.look(250);
  };

  it('pings a peer that says nothing, and ends its connection when that does not help', () => {
    wait(750);
    assert.deepEqual(said, []);
    wait(1_000);
    assert.deepEqual(said, ['ping 1000']);
    wait(1_000);
    assert.deepEqual(said, ['ping 1000', 'ping 1000', 'end']);
    assert.equal(silence.size, 0);
    wait(5_000);
    assert.deepEqual(said, ['ping 1000', 'ping 1000', 'end']);
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
    assert.deepEqual(said, ['ping 1000', 'ping 1000'], 'a peer counts our silence');
    said = [];
    for (let bytes = 1; bytes < 11; bytes += 1) {
      sent += 1;
      silence.look(250);
    }
    assert.deepEqual(said, ['ping 1000', 'ping 1000'], 'what is sent is no question');
    sent += 1;
    silence.look(250);
    assert.deepEqual(said, ['ping 1000', 'ping 1000', 'end']);
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
    wait(2_250);
    assert.deepEqual(said, ['ping 1000', 'ping 1000', 'end']);
  });

  it('pings each of very many less often, and says so with the ping before', () => {
    for (let others = 0; others < 4_999; others += 1) {
      silence.add({ ...peer(), ping: () => undefined, end: () => undefined });
    }
    wait(1_000);
    assert.deepEqual(said, ['ping 5000']);
    received = 1;
    wait(7_500);
    assert.deepEqual(said, ['ping 5000', 'ping 5000']);
    wait(8_500);
    assert.deepEqual(said, ['ping 5000', 'ping 5000', 'ping 5000', 'end']);
  });

  it('waits as long as was announced where the peer is the one that pings', () => {
    let announced = 1_000;
    let bytes = 0;
    let ended = false;
    silence.add({
      received: () => bytes,
      announcedMs: () => announced,
      end: () => {
        ended = true;
      },
    });
    wait(2_000);
    assert.equal(ended, false);
    announced = 4_000;
    bytes = 8;
    wait(9_000);
    assert.equal(ended, false);
    wait(1_000);
    assert.equal(ended, true);
  });

  it('forgets a connection that is over', () => {
    received = undefined;
    silence.look(250);
    assert.equal(silence.size, 0);
    assert.deepEqual(said, []);
  });
});
