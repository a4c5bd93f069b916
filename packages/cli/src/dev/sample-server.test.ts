// The sample service, as a process: what tasks of a rolling update must do right.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { CHECKOUT } from '../cluster-file.ts';

const TASK = 'ab'.repeat(16);

describe('the sample service', () => {
  let child: ChildProcess;
  let port: number;
  let errors = '';

  async function start(env: Record<string, string> = {}): Promise<void> {
    child = spawn(process.execPath, [join(CHECKOUT, 'deploy/sample/server.mjs')], {
      env: { PORT: '0', BERTH_TASK_ID: TASK, BERTH_REVISION: '7', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    errors = '';
    child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const line = await new Promise<string>((resolve) =>
      child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );
    port = Number(/port (\d+)/.exec(line)?.[1]);
  }

  async function stop(): Promise<number | null> {
    if (child.exitCode !== null) return child.exitCode;
    const exit = once(child, 'exit') as Promise<[number | null]>;
    child.kill('SIGTERM');
    return (await exit)[0];
  }

  afterEach(stop);

  async function ask(
    path: string,
    method = 'GET',
    body?: string,
  ): Promise<{ status: number; message: string; json: Record<string, unknown> }> {
    const outgoing = request({ port, path, method, agent: false });
    outgoing.end(body);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    const answer = await text(incoming);
    return {
      status: incoming.statusCode ?? 0,
      message: incoming.statusMessage ?? '',
      json: (answer === '' ? {} : JSON.parse(answer)) as Record<string, unknown>,
    };
  }

  it('says which task answers, and how much it was sent', async () => {
    await start();
    const { status, json } = await ask('/hello');
    assert.deepEqual(
      [status, json],
      [200, { message: 'hello', task: TASK, revision: 7, hostPort: 0 }],
    );
    assert.equal((await ask('/hello', 'POST', 'twelve bytes')).json['bytes'], 12);
    assert.equal((await ask('/hello', 'DELETE')).status, 405);
    assert.equal((await ask('/elsewhere')).status, 404);
    assert.equal((await ask('/hello/slow?ms=-1')).status, 400);
    assert.equal((await ask('/hello/health')).status, 200);
  });

  it('fails its health check where it is told to, and says why in its log and status line', async () => {
    await start({ UNHEALTHY: '1' });
    const { status, message } = await ask('/hello/health');
    assert.deepEqual([status, message], [503, 'UNHEALTHY=1 is set']);
    assert.match(errors, /health check failed: UNHEALTHY=1 is set/);
    assert.equal((await ask('/hello')).status, 200);
  });

  it('finishes what is under way when it is asked to end', async () => {
    await start();
    const slow = ask('/hello/slow?ms=400');
    // Answered only after the slow one has arrived as well.
    await ask('/hello');
    const exit = stop();
    assert.equal((await slow).status, 200);
    assert.equal(await exit, 0);
  });

  it('sends back each message of a WebSocket, of any size, and says goodbye when it ends', async () => {
    await start();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/hello/ws`);
    socket.binaryType = 'arraybuffer';
    await once(socket, 'open');
    for (const size of [0, 5, 125, 126, 65_535, 65_536, 200_000]) {
      socket.send('x'.repeat(size));
      const [{ data }] = (await once(socket, 'message')) as [{ data: string }];
      assert.equal(data.length, size);
    }
    socket.send(new Uint8Array([1, 2, 3]));
    const [{ data }] = (await once(socket, 'message')) as [{ data: ArrayBuffer }];
    assert.deepEqual([...new Uint8Array(data)], [1, 2, 3]);
    const closed = once(socket, 'close') as Promise<[CloseEvent]>;
    const exit = stop();
    assert.equal((await closed)[0].code, 1001);
    assert.equal(await exit, 0);
  });

  it('refuses frames that are none', async () => {
    await start();
    const outgoing = request({
      port,
      path: '/hello/ws',
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-version': '13',
      },
    });
    outgoing.end();
    const [incoming, socket] = (await once(outgoing, 'upgrade')) as [IncomingMessage, Socket];
    assert.equal(incoming.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    socket.write(Buffer.from([0x81, 0x01, 0x61])); // not masked
    const [frame] = (await once(socket, 'data')) as [Buffer];
    assert.deepEqual([...frame], [0x88, 0x02, 0x03, 0xea]); // close, 1002
    socket.destroy();
  });
});
