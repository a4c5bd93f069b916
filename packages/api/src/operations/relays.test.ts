import assert from 'node:assert/strict';

import { Channel } from '@berth/control/channel.ts';
import { isBerthError } from '@berth/model/errors.ts';
import type {
  AgentStreamMessage,
  AgentStreamOrder,
  ExecInput,
  ExecOutput,
  LogChunk,
  StreamOrder,
} from '@berth/model/generated/messages.ts';
import type { Client, Input } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import {
  eventually,
  readAll,
  TestCluster,
  type FakeAgent,
  type Replica,
} from '../testing/cluster.ts';

const HOST = 'a'.repeat(32);
const TASKS = ['1', '2', '3'].map((digit) => digit.repeat(32)) as [string, string, string];

/** The agent's side of one stream. */
class FakeStream {
  readonly order: StreamOrder;
  readonly out = new Channel<Input<AgentStreamMessage>>(10_000);
  readonly orders: AgentStreamOrder[] = [];
  readonly ended: Promise<unknown>;

  constructor(client: Client<'Agents'>, order: StreamOrder) {
    this.order = order;
    this.out.offer({ open: { streamId: order.streamId } });
    this.ended = (async () => {
      for await (const item of client.Stream(this.out)) this.orders.push(item);
    })().catch((error: unknown) => error);
  }

  log(...lines: string[]): void {
    this.out.offer({ log: { container: 'web', stream: 'stdout', lines } });
  }
}

describe('logs and exec', () => {
  let cluster: TestCluster;
  let replica: Replica;
  let agent: FakeAgent;
  let streams: FakeStream[];

  beforeEach(async () => {
    cluster = new TestCluster();
    replica = await cluster.replica();
    agent = await cluster.agent(replica, HOST);
    streams = [];
    agent.onStream = (order) => streams.push(new FakeStream(agent.client, order));
    await eventually('a welcome', () => agent.welcome);
    await cluster.put(collections.services, ['default', 'web'], {
      cluster: 'default',
      name: 'web',
    });
  });
  afterEach(() => cluster.close());

  async function run(id: string, lastStatus = 'RUNNING', hostId = HOST): Promise<void> {
    const common = { id, cluster: 'default', hostId };
    await cluster.put(collections.tasks, ['default', id], {
      ...common,
      desiredStatus: 'RUNNING',
      taskDefinition: 'web:1',
      service: 'web',
    });
    await cluster.put(collections.taskStatus, ['default', id], {
      ...common,
      lastStatus,
      sequence: 1,
    });
  }

  const stream = (index: number): Promise<FakeStream> =>
    eventually(`stream ${index}`, () => streams[index]);

  const linesOf = (chunks: readonly LogChunk[]): string[] => chunks.flatMap((chunk) => chunk.lines);

  it('relays the lines of a task, asked for by the beginning of its id', async () => {
    await run(TASKS[0]);
    const client = await cluster.client('Operations', replica);
    const reading = readAll(
      client.StreamLogs({ task: '1111', container: 'web', tail: 5, timestamps: true }),
    );
    const source = await stream(0);
    assert.deepEqual(source.order.logs, {
      taskId: TASKS[0],
      container: 'web',
      follow: false,
      tail: 5,
      timestamps: true,
    });
    source.log('one', 'two');
    source.log('three');
    source.out.close();
    const chunks = await reading;
    assert.deepEqual(linesOf(chunks), ['one', 'two', 'three']);
    assert.ok(
      chunks.every(
        ({ taskId, container, stream }) =>
          taskId === TASKS[0] && container === 'web' && stream === 'stdout',
      ),
    );
    assert.equal(await source.ended, undefined);
  });

  it('passes on why the agent has no logs', async () => {
    await run(TASKS[0]);
    const reading = readAll(
      (await cluster.client('Operations', replica)).StreamLogs({ task: TASKS[0] }),
    );
    const refused = assert.rejects(reading, (error) => {
      assert.ok(isBerthError(error, 'ClientException'));
      assert.equal(error.message, 'there is no container "db"');
      return true;
    });
    (await stream(0)).out.offer({ error: 'there is no container "db"' });
    await refused;
  });

  it('passes on that a followed service has no such container', async () => {
    await run(TASKS[0]);
    const client = await cluster.client('Operations', replica);
    const reading = readAll(client.StreamLogs({ service: 'web', container: 'db', follow: true }));
    const refused = assert.rejects(reading, (error) => isBerthError(error, 'ClientException'));
    (await stream(0)).out.offer({ error: 'there is no container "db"' });
    await refused;
  });

  it('tells the agent when nobody reads any more', async () => {
    await run(TASKS[0]);
    const client = await cluster.client('Operations', replica);
    const chunks = client.StreamLogs({ task: TASKS[0], follow: true })[Symbol.asyncIterator]();
    const first = chunks.next();
    const source = await stream(0);
    source.log('one');
    await first;
    await chunks.return?.();
    await source.ended;
    const metrics = (): Promise<string> => replica.surroundings.metrics.metrics();
    await eventually('no stream', async () =>
      (await metrics()).includes('berth_api_log_streams 0'),
    );
  });

  it('interleaves the tasks of a service, and with follow those that start later', async () => {
    await run(TASKS[0]);
    await run(TASKS[1], 'PENDING');
    const client = await cluster.client('Operations', replica);
    const stop = new AbortController();
    const chunks: LogChunk[] = [];
    const reading = readAll(
      client.StreamLogs({ service: 'web', follow: true, tail: 1 }, { signal: stop.signal }),
      chunks,
    );
    (await stream(0)).log('from one');
    await eventually('the first line', () => chunks.length === 1);
    await run(TASKS[1]);
    await run(TASKS[2]);
    await eventually('all streams', () => streams.length === 3);
    for (const source of streams.slice(1)) {
      assert.equal(source.order.logs?.tail, undefined);
      source.log(`from ${source.order.logs?.taskId ?? ''}`);
    }
    streams[0]?.log('again');
    await eventually('all lines', () => chunks.length === 4);
    assert.deepEqual(new Set(chunks.map(({ taskId }) => taskId)), new Set(TASKS));
    stop.abort();
    await assert.rejects(reading, (error) => isBerthError(error, 'Cancelled'));
    await Promise.all(streams.map((source) => source.ended));
  });

  it('ends the logs of a service with those of its tasks when it does not follow', async () => {
    await run(TASKS[0]);
    await run(TASKS[1]);
    const reading = readAll(
      (await cluster.client('Operations', replica)).StreamLogs({ service: 'web' }),
    );
    await eventually('both streams', () => streams.length === 2);
    streams[0]?.log('one');
    streams[0]?.out.close();
    streams[1]?.out.offer({ error: 'gone' });
    assert.deepEqual(linesOf(await reading), ['one']);
  });

  it('asks the replica that holds the host, and says when none does', async () => {
    const other = await cluster.replica();
    await run(TASKS[0]);
    await run(TASKS[1], 'RUNNING', 'c'.repeat(32));
    const client = await cluster.client('Operations', other);
    const reading = readAll(client.StreamLogs({ task: TASKS[0] }));
    const source = await stream(0);
    source.log('through two replicas');
    source.out.close();
    assert.deepEqual(linesOf(await reading), ['through two replicas']);
    await assert.rejects(readAll(client.StreamLogs({ task: TASKS[1] })), (error) => {
      assert.ok(isBerthError(error, 'Unavailable'));
      assert.match(error.message, /not connected/);
      return true;
    });
  });

  it('refuses what is neither one task nor one service', async () => {
    const client = await cluster.client('Operations', replica);
    for (const request of [
      {},
      { task: 'a', service: 'b' },
      { task: 'ffff' },
      { task: TASKS[0], tail: -1 },
    ]) {
      await assert.rejects(readAll(client.StreamLogs(request)), (error) =>
        isBerthError(error, 'InvalidParameterException'),
      );
    }
    await assert.rejects(readAll(client.StreamLogs({ service: 'none' })), (error) =>
      isBerthError(error, 'ServiceNotFoundException'),
    );
  });

  describe('exec', () => {
    const outputs: ExecOutput[] = [];
    let inputs: Channel<Input<ExecInput>>;

    beforeEach(() => {
      outputs.length = 0;
      inputs = new Channel(10);
    });

    const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

    for (const where of ['the same replica', 'another replica']) {
      it(`runs a command through ${where} and ends with its exit code`, async () => {
        await run(TASKS[0]);
        const entry = where === 'another replica' ? await cluster.replica() : replica;
        const client = await cluster.client('Operations', entry);
        inputs.offer({
          start: {
            task: TASKS[0],
            command: ['sh'],
            tty: true,
            stdin: true,
            size: { columns: 120, rows: 40 },
          },
        });
        const running = readAll(client.Exec(inputs), outputs);
        const shell = await stream(0);
        assert.deepEqual(shell.order.exec, {
          taskId: TASKS[0],
          command: ['sh'],
          tty: true,
          stdin: true,
          columns: 120,
          rows: 40,
        });
        inputs.offer({ stdin: Buffer.from('ls\n') });
        inputs.offer({ resize: { columns: 90, rows: 30 } });
        inputs.close();
        await eventually('all input', () => shell.orders.some((order) => order.stdinEnd));
        assert.deepEqual(
          shell.orders.map((order) => [
            text(order.stdin),
            order.columns,
            order.rows,
            order.stdinEnd,
          ]),
          [
            ['ls\n', undefined, undefined, undefined],
            ['', 90, 30, undefined],
            ['', undefined, undefined, true],
          ],
        );
        shell.out.offer({ stdout: Buffer.from('file') });
        shell.out.offer({ stderr: Buffer.from('warning') });
        shell.out.offer({ exitCode: 3 });
        await running;
        assert.deepEqual(
          outputs.map((output) => [text(output.stdout), text(output.stderr), output.exitCode]),
          [
            ['file', '', undefined],
            ['', 'warning', undefined],
            ['', '', 3],
          ],
        );
        await shell.ended;
      });
    }

    it('says when the command can not be started, and when it is lost', async () => {
      await run(TASKS[0]);
      const client = await cluster.client('Operations', replica);
      const cases = [
        {
          end: (shell: FakeStream) => shell.out.offer({ error: 'no such file' }),
          code: 'ClientException',
        },
        { end: (shell: FakeStream) => shell.out.close(), code: 'Unavailable' },
      ] as const;
      for (const [index, { end, code }] of cases.entries()) {
        const own = new Channel<Input<ExecInput>>(10);
        own.offer({ start: { task: TASKS[0], command: ['x'] } });
        const running = assert.rejects(readAll(client.Exec(own)), (error) =>
          isBerthError(error, code),
        );
        end(await stream(index));
        await running;
        own.close();
      }
    });

    it('refuses a task that does not run, and a command that is none', async () => {
      await run(TASKS[0], 'STOPPED');
      await run(TASKS[1]);
      const client = await cluster.client('Operations', replica);
      for (const start of [
        { task: TASKS[0], command: ['sh'] },
        { task: TASKS[1], command: [] },
        { task: 'ffff', command: ['sh'] },
      ]) {
        const own = new Channel<Input<ExecInput>>(10);
        own.offer({ start });
        await assert.rejects(readAll(client.Exec(own)), (error) =>
          isBerthError(error, 'InvalidParameterException'),
        );
        own.close();
      }
    });

    it('lets a slow reader slow the command, not fill the memory', async () => {
      await run(TASKS[0]);
      const client = await cluster.client('Operations', replica);
      inputs.offer({ start: { task: TASKS[0], command: ['cat'] } });
      const reader = client.Exec(inputs)[Symbol.asyncIterator]();
      const first = reader.next();
      const shell = await stream(0);
      const total = 2_000;
      for (let index = 0; index < total; index += 1)
        shell.out.offer({ stdout: Buffer.alloc(16_384) });
      await first;
      // When two looks some time apart see the same count, the stream is full and nobody takes any more.
      let before = -1;
      while (before !== shell.out.size) {
        before = shell.out.size;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.ok(
        shell.out.size > total / 4,
        `only ${shell.out.size} of ${total} chunks wait at their source`,
      );
      await reader.return?.();
      await shell.ended;
    });
  });
});
