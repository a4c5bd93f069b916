import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

import { ECSClient, ListClustersCommand } from '@aws-sdk/client-ecs';

import { isWellFormed, startEndpoint, type TestEndpoint } from '../testing/endpoint.ts';

async function raw(endpoint: TestEndpoint, bytes: string): Promise<string> {
  const { hostname, port } = new URL(endpoint.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(bytes);
  return text(socket);
}

describe('the HTTP side of the AWS endpoint', () => {
  let endpoint: TestEndpoint;

  before(async () => {
    endpoint = await startEndpoint();
  });

  after(() => endpoint.stop());

  it('refuses bodies above its limit, whether their length is told or not', async () => {
    const headers = { 'x-amz-target': 'AmazonEC2ContainerServiceV20141113.ListClusters' };
    const large = 'x'.repeat(2 * 1024 * 1024);
    const told = await fetch(endpoint.url, { method: 'POST', headers, body: large });
    assert.equal(told.status, 413);
    assert.match(await told.text(), /"__type":"RequestEntityTooLargeException"/);
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const answer = await raw(
      endpoint,
      `POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(20)}0\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 413 .*<Code>RequestEntityTooLarge</s);
  });

  it('answers what is no HTTP with an error in XML', async () => {
    for (const bytes of [
      'GARBAGE\r\n\r\n',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n',
    ]) {
      const answer = await raw(endpoint, bytes);
      assert.match(answer, /^HTTP\/1\.1 400 /);
      assert.ok(isWellFormed(answer.slice(answer.indexOf('\r\n\r\n') + 4)));
    }
    const large = await raw(
      endpoint,
      `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`,
    );
    assert.match(large, /^HTTP\/1\.1 431 /);
  });

  it('names a method that it does not know', async () => {
    const answer = await fetch(endpoint.url, { method: 'PUT', body: 'a' });
    assert.equal(answer.status, 405);
    assert.match(await answer.text(), /<Code>InvalidAction</);
  });

  it('serves others while many callers send no body, and none of them is told to come again', async () => {
    const { hostname, port } = new URL(endpoint.url);
    const head = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\nexpect: 100-continue\r\n\r\n';
    const sockets = Array.from({ length: 600 }, () => connect(Number(port), hostname));
    const client = new ECSClient(endpoint.settings);
    try {
      await Promise.all(
        sockets.map(async (socket) => {
          socket.write(head);
          const [begun] = (await once(socket, 'data')) as [Buffer];
          assert.match(begun.toString(), /^HTTP\/1\.1 100 /);
        }),
      );
      await client.send(new ListClustersCommand({}));
      for (const socket of sockets) socket.write('Action=X');
      const answers = await Promise.all(
        sockets.map(async (socket) => ((await once(socket, 'data')) as [Buffer])[0].toString()),
      );
      assert.deepEqual(
        [...new Set(answers.map((answer) => answer.slice(0, 12)))],
        ['HTTP/1.1 400'],
      );
      assert.ok(answers.every((answer) => !answer.includes('Throttling')));
    } finally {
      client.destroy();
      for (const socket of sockets) socket.destroy();
    }
  });

  it('lets calls under way end when it stops', async () => {
    const released = Promise.withResolvers<undefined>();
    const entered = Promise.withResolvers<undefined>();
    const held = await startEndpoint({
      ListClusters: async () => {
        entered.resolve(undefined);
        await released.promise;
        return { clusterArns: ['arn:a'] };
      },
    });
    const client = new ECSClient(held.settings);
    const answered = client.send(new ListClustersCommand({}));
    await entered.promise;
    const stopped = held.stop(10_000);
    released.resolve(undefined);
    assert.deepEqual((await answered).clusterArns, ['arn:a']);
    await stopped;
    client.destroy();
  });

  it('ends a call that does not end by itself when its grace is over', async () => {
    const entered = Promise.withResolvers<undefined>();
    const held = await startEndpoint({
      ListClusters: async () => {
        entered.resolve(undefined);
        const { signal } = held.seen.at(-1)?.call ?? { signal: AbortSignal.abort() };
        await once(signal, 'abort');
        throw signal.reason;
      },
    });
    const client = new ECSClient(held.settings);
    const answered = client.send(new ListClustersCommand({}));
    await entered.promise;
    const [outcome] = await Promise.allSettled([answered, held.stop(0)]);
    assert.equal(outcome.status, 'rejected');
    client.destroy();
  });
});
