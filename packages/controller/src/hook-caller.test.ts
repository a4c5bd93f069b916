import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

import type { Clock } from '@berth/control/clock.ts';
import { realClock } from '@berth/store/testing/time.ts';

import { httpHookCaller } from './hook-caller.ts';

/** Does not wait between attempts. */
const impatient: Clock = {
  ...realClock,
  sleep: (ms, signal) => (ms <= 1_000 ? Promise.resolve() : realClock.sleep(ms, signal)),
};

describe('asking a hook', () => {
  const servers: Server[] = [];
  const never = new AbortController().signal;

  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  async function hook(
    answer: (request: IncomingMessage, response: ServerResponse) => void,
  ): Promise<string> {
    const server = createServer(answer);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  }

  it('posts what it is about as JSON, and takes the answer', async () => {
    let asked: unknown;
    const url = await hook((request, response) => {
      void json(request).then((body) => {
        asked = { method: request.method, type: request.headers['content-type'], body };
        response.end('{"hookStatus":"SUCCEEDED"}');
      });
    });
    const outcome = await httpHookCaller(realClock)({ url, payload: { serviceArn: 'a' } }, never);
    assert.deepEqual(outcome, { status: 'SUCCEEDED' });
    assert.deepEqual(asked, {
      method: 'POST',
      type: 'application/json',
      body: { serviceArn: 'a' },
    });
  });

  it('calls an answer with another status a failure, and says which', async () => {
    let calls = 0;
    const url = await hook((_request, response) => {
      calls += 1;
      response.writeHead(500).end('{"hookStatus":"SUCCEEDED"}');
    });
    const outcome = await httpHookCaller(realClock)({ url, payload: {} }, never);
    assert.deepEqual(outcome, { status: 'FAILED', reason: 'it answered with status 500' });
    assert.equal(calls, 1);
  });

  it('tries a connection that breaks again', async () => {
    let calls = 0;
    const url = await hook((request, response) => {
      calls += 1;
      if (calls < 3) request.socket.destroy();
      else response.end('{"hookStatus":"SUCCEEDED"}');
    });
    const outcome = await httpHookCaller(impatient)({ url, payload: {} }, never);
    assert.equal(outcome.status, 'SUCCEEDED');
    assert.equal(calls, 3);
  });

  it('gives up on a hook that says nothing', async () => {
    const clock = { ...realClock, sleep: () => Promise.resolve() };
    const url = await hook(() => undefined);
    const outcome = await httpHookCaller(clock)({ url, payload: {} }, never);
    assert.equal(outcome.status, 'FAILED');
    assert.match(outcome.status === 'FAILED' ? outcome.reason : '', /in 3 attempts/);
  });

  it('reads no endless answer', async () => {
    const url = await hook((_request, response) => {
      response.end('x'.repeat(100_000));
    });
    const outcome = await httpHookCaller(impatient)({ url, payload: {} }, never);
    assert.match(outcome.status === 'FAILED' ? outcome.reason : '', /larger than 65536 bytes/);
  });
});
