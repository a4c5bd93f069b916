// More connections than the process may have files: what is too much is closed at once, everybody who is there is served on, and nothing
// is held against targets. With a real limit of the operating system.
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type Socket, connect } from 'node:net';

import { ClientPlaces } from '../admission/client-places.ts';
import { connectFailure } from '../connect-failure.ts';
import { type BackEnd, startBackEnd, until } from '../testing/data-path.ts';
import { Load } from '../testing/load.ts';
import { rawClient, statuses } from '../testing/raw.ts';

import { ProxyProcess } from './proxy-process.ts';

const FILES = 200;
const { most: PLACES } = new ClientPlaces(FILES);
const FLOOD = 600;

describe('a flood of connections beyond the file limit', () => {
  let backEnd: BackEnd;
  let proxy: ProxyProcess;
  let flood: Socket[] = [];
  let waiting: ServerResponse[] = [];

  before(async () => {
    backEnd = await startBackEnd('ok', (message, response) => {
      message.resume();
      if (message.url === '/hold') waiting.push(response);
      else response.end('ok');
    });
    proxy = await ProxyProcess.start({ target: backEnd.port }, FILES);
  });
  after(async () => {
    for (const socket of flood) socket.destroy();
    await proxy.stop();
    await backEnd.close();
  });

  it('is refused where it is too much; who is there is served, and it recovers', async () => {
    // One connection, kept: of the clients that were there first.
    const load = new Load(proxy.port, 1);
    await until('the client is served', () => load.served > 0);
    flood = Array.from({ length: FLOOD }, () => {
      const socket = connect(proxy.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write('GET / HTTP/1.1\r\n');
      return socket;
    });
    const full = await proxy.until('full', ({ connections }) => connections === PLACES);
    assert.ok(full.well, 'the target is not blamed');
    const refused = (): number => flood.filter(({ closed }) => closed).length;
    await until('the rest is refused', () => refused() >= FLOOD - PLACES);
    assert.equal(flood.filter(({ closed }) => !closed).length, PLACES - 1);
    const servedInFlood = load.served;
    await until('the client is served on', () => load.served > servedInFlood + 20);

    for (const socket of flood) socket.destroy();
    await proxy.until('room again', ({ connections }) => connections <= 1);
    const answer = await rawClient(
      proxy.port,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    ).answer();
    assert.deepEqual(statuses(answer), [200], 'newcomers are served again');
    const { failures } = await load.stop();
    assert.deepEqual(failures, []);
    const { well } = await proxy.until('nothing is left', ({ connections }) => connections === 0);
    assert.ok(well);
    assert.equal(proxy.death, undefined);
  });

  it('answers 503 to whom it can not connect for want of files, and does not hold it against the target', async () => {
    const clients = Array.from({ length: PLACES }, () => rawClient(proxy.port));
    // Who asks before the others are there leaves them no files.
    await proxy.until('all are there', ({ connections }) => connections === PLACES);
    for (const { socket } of clients) {
      socket.write('GET /hold HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    }
    const refused = (): number => clients.filter(({ text }) => text() !== '').length;
    await until('each is refused or waits', () => refused() + waiting.length === PLACES);
    assert.ok(refused() > 0 && waiting.length > 0, `${refused()}, ${waiting.length}`);
    const { well } = await proxy.held();
    assert.ok(well);
    for (const response of waiting) response.end('at last');
    const answers = await Promise.all(clients.map((client) => client.answer()));
    const found = answers.map((answer) => statuses(answer).join());
    assert.deepEqual(new Set(found), new Set(['200', '503']));
    assert.equal(found.filter((status) => status === '200').length, waiting.length);
    waiting = [];
    await proxy.until('nothing is left', ({ connections }) => connections === 0);
  });

  it('leaves files for everything else, however few there are', () => {
    assert.equal(new ClientPlaces(Infinity).most, Infinity);
    assert.equal(new ClientPlaces(1_024).most, 720);
    assert.equal(new ClientPlaces(10).most, 8);
  });

  it('says nothing about a target to which no connection could be made for want of files', () => {
    const code = (text: string): Error => Object.assign(new Error(text), { code: text });
    assert.equal(connectFailure(code('EMFILE')).kind, 'shortage');
    assert.equal(connectFailure(code('EADDRNOTAVAIL')).kind, 'shortage');
    assert.equal(connectFailure(code('ECONNREFUSED')).kind, 'refused');
    assert.equal(connectFailure(undefined).kind, 'refused');
  });
});
