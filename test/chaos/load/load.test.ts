import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { type Fate, between, decodeFate, encodeFate, summarize } from './fate.ts';
import { startLoad } from './load.ts';
import { type LoadOptions, departure } from './schedule.ts';

const fate = (at: number, outcome: Fate['outcome']): Fate => {
  return { kind: 'upload', door: 0, at, tookMs: at, outcome };
};

describe('the schedule of a load', () => {
  it('sends at a steady pace, the same mixture through each door', () => {
    const options = { urls: ['a', 'b', 'c'], requestsPerSecond: 300 };
    const all = Array.from({ length: 300 }, (_, number) => departure(number, options));
    assert.equal(all.at(-1)?.atMs.toFixed(3), '996.667');
    for (const door of [0, 1, 2]) {
      const kinds = all.filter((one) => one.door === door).map(({ kind }) => kind);
      const count = (kind: string): number => kinds.filter((one) => one === kind).length;
      assert.deepEqual(
        ['keep-alive', 'new connection', 'upload', 'slow', 'websocket'].map(count),
        [59, 25, 10, 5, 1],
      );
    }
  });
});

describe('the fates of a load', () => {
  it('are counted by how they failed, with the window of the failures', () => {
    const fates = [fate(10, 'ok'), fate(30, 'reset'), fate(70, 'status'), fate(50, 'reset')];
    const { requests, failed, how, windowMs, first, p50Ms } = summarize(fates);
    assert.deepEqual([requests, failed, windowMs, first?.at, p50Ms], [4, 3, 40, 30, 30]);
    assert.deepEqual(how, [
      ['reset', 2],
      ['status', 1],
    ]);
    assert.equal(summarize(between(fates, 0, 30)).failed, 0);
    assert.deepEqual(summarize([]).how, []);
  });

  it('survive being written to a file', () => {
    const one: Fate = { ...fate(1.5, 'status'), detail: '502: [nobody]', task: 'f'.repeat(32) };
    assert.deepEqual(decodeFate(encodeFate(one)), one);
    assert.deepEqual(decodeFate(encodeFate(fate(2, 'ok'))), fate(2, 'ok'));
  });
});

describe('a load', () => {
  const options: Omit<LoadOptions, 'urls'> = {
    requestsPerSecond: 200,
    timeoutMs: 400,
    seconds: 1,
    mostOpen: 150,
  };
  const answer = JSON.stringify({ task: 'a'.repeat(32) });

  it('sees of each request how it failed', async () => {
    let number = 0;
    const server = createServer((request, response) => {
      request.resume().once('end', () => {
        const turn = (number += 1) % 4;
        if (turn === 0) response.end(answer);
        else if (turn === 1) response.writeHead(503).end('no');
        else if (turn === 2) request.socket.destroy();
        else response.end('{}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const urls = [`http://127.0.0.1:${port}/hello`];
    const load = await startLoad({ ...options, urls });
    const fates = await load.finish();
    server.closeAllConnections();
    server.close();
    assert.equal(fates.length, 200);
    const { how } = summarize(fates);
    const kinds = how.map(([outcome]) => outcome);
    for (const outcome of ['reset', 'status', 'wrong body', 'refused']) {
      assert.ok(kinds.includes(outcome as Fate['outcome']), `${outcome} in ${kinds.join()}`);
    }
    assert.ok(fates.some(({ outcome, task }) => outcome === 'ok' && task === 'a'.repeat(32)));
  });

  it('goes on at its pace when nobody answers, and is bounded', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const urls = [`http://127.0.0.1:${port}/hello`];
    const load = await startLoad({ ...options, urls, mostOpen: 20 });
    const fates = await load.finish();
    server.closeAllConnections();
    server.close();
    assert.equal(fates.length, 200);
    const kinds = new Set(fates.map(({ outcome }) => outcome));
    assert.deepEqual([...kinds].sort(), ['not sent', 'time-out']);
  });
});
