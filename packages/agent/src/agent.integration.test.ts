import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type {
  AgentStreamMessage,
  ContainerDefinition,
  TaskDefinitionRecord,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import type { Role } from '@berth/process/role.ts';
import type { Input } from '@berth/rpc/api.ts';
import { testIdentity, testLogger, type LoggedLine } from '@berth/rpc/testing/fixtures.ts';
import { Registry } from 'prom-client';

import { hostLabels, LABEL } from './labels.ts';
import { LocalState } from './local-state.ts';
import type { ContainerSummary, Runtime } from './runtime/runtime.ts';
import { startAgent, type AgentOptions } from './start.ts';
import { DOCKER_HOST, dockerLab, TEST_IMAGE, type DockerLab } from './testing/docker-lab.ts';
import { sampleDefinition, sampleTask } from './testing/samples.ts';
import { ScriptedApi } from './testing/scripted-api.ts';

const SLEEP = ['sleep', '1000'];
const stopped = ({ lastStatus }: TaskStatusRecord): boolean => lastStatus === 'STOPPED';
const running = ({ lastStatus }: TaskStatusRecord): boolean => lastStatus === 'RUNNING';

describe('the agent with a real Docker Engine', function () {
  this.timeout(60_000);
  const { signal } = new AbortController();
  let lab: DockerLab;
  let runtime: Runtime;
  let api: ScriptedApi;
  let directory: string;
  let agent: Role & { readonly hostId: string };
  const lines: LoggedLine[] = [];

  before(async () => {
    lab = await dockerLab();
    runtime = lab.runtime;
  });
  after(() => lab.dispose());

  beforeEach(async () => {
    lines.length = 0;
    api = await ScriptedApi.open();
    directory = await mkdtemp(join(tmpdir(), 'berth-agent-'));
    agent = await start();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed')
      console.log(lines.map((line) => JSON.stringify(line)).join('\n'));
    await agent.stop(1_000);
    for (const { id } of await ours()) await runtime.remove(id, signal);
    await api.close();
    await rm(directory, { recursive: true });
  });

  async function start(
    more: Partial<AgentOptions> = {},
  ): Promise<Role & { readonly hostId: string }> {
    const hostId = await new LocalState(directory).hostId();
    return await startAgent(
      {
        api: [api.address],
        tls: await testIdentity('host', hostId),
        cluster: lab.cluster,
        name: 'test-host',
        address: '127.0.0.1',
        dataDirectory: directory,
        dockerHost: DOCKER_HOST,
        portRange: lab.portRange,
        attributes: [{ name: 'ecs.availability-zone', value: 'rack-1' }],
        stopTasksOnExit: false,
        ...more,
      },
      { clock: realClock, random: realRandom, logger: testLogger(lines), metrics: new Registry() },
    );
  }

  async function ours(taskId?: string): Promise<readonly ContainerSummary[]> {
    const all = await runtime.list(hostLabels(lab.cluster, agent.hostId), signal);
    return all.filter(({ labels }) => taskId === undefined || labels[LABEL.task] === taskId);
  }

  function order(
    containers: readonly Input<ContainerDefinition>[],
    task: Input<TaskRecord> = {},
    definition: Input<TaskDefinitionRecord> = {},
  ): string {
    const id = randomBytes(16).toString('hex');
    const withImage = containers.map((container) => ({ image: TEST_IMAGE, ...container }));
    api.assign(
      sampleTask({ id, cluster: lab.cluster, hostId: agent.hostId, ...task }),
      sampleDefinition(withImage, definition),
    );
    return id;
  }

  const stopNow = {
    desiredStatus: 'STOPPED',
    stopCode: 'UserInitiated',
    stoppedReason: 'enough',
  } as const;

  it('says who it is', () => {
    const [hello] = api.hellos;
    assert.equal(hello?.hostId, agent.hostId);
    assert.match(hello.bootId, /^[0-9a-f-]{36}$/);
    assert.ok(hello.resources && hello.resources.cpu >= 1024 && hello.resources.memory > 0);
    assert.ok(hello.resources.ports.includes(2375));
    const attribute = (name: string): string | undefined =>
      hello.attributes.find((one) => one.name === name)?.value;
    assert.equal(attribute('ecs.os-type'), 'linux');
    assert.equal(attribute('ecs.availability-zone'), 'rack-1');
    assert.equal(agent.unready(), undefined);
  });

  it('runs a task of two containers in order, with ports, and stops it in reverse', async () => {
    const id = order([
      {
        name: 'db',
        command: [
          'sh',
          '-c',
          'sleep 1; touch /tmp/ready; trap "exit 0" TERM; while true; do sleep 0.1; done',
        ],
        stopTimeout: 5,
        healthCheck: {
          command: ['CMD-SHELL', 'test -f /tmp/ready'],
          interval: 5,
          timeout: 2,
          retries: 3,
        },
      },
      {
        name: 'web',
        command: ['httpd', '-f', '-p', '8000', '-h', '/'],
        stopTimeout: 5,
        portMappings: [{ containerPort: 8000 }],
        dependsOn: [{ containerName: 'db', condition: 'HEALTHY' }],
      },
    ]);
    const status = await api.until(id, 'RUNNING', running);
    const web = status.containers.find(({ name }) => name === 'web');
    const binding = web?.networkBindings[0];
    assert.equal(binding?.bindIp, '0.0.0.0');
    assert.ok(binding.hostPort >= lab.portRange.first && binding.hostPort <= lab.portRange.last);
    const answer = await fetch(`http://127.0.0.1:${String(binding.hostPort)}/tmp/none`);
    assert.equal(answer.status, 404);
    assert.equal(status.containers.find(({ name }) => name === 'db')?.healthStatus, 'HEALTHY');
    assert.equal(web?.healthStatus, 'UNKNOWN', 'the image’s own health check does not count');

    api.change(id, { ...stopNow, drainBeforeStop: true });
    api.change(id, { drainBeforeStop: false });
    const end = await api.until(id, 'STOPPED', stopped);
    assert.equal(end.stopCode, 'UserInitiated');
    assert.equal(end.stoppedReason, 'enough');
    const [dbFacts, webFacts] = await Promise.all(
      ['db', 'web'].map(async (name) => {
        const runtimeId = end.containers.find((one) => one.name === name)?.runtimeId ?? '';
        return await runtime.inspect(runtimeId, signal);
      }),
    );
    assert.ok((webFacts?.finishedAt ?? 0) <= (dbFacts?.finishedAt ?? 0), 'db stopped before web');
    const ranks = api.history.filter((one) => one.id === id).map(({ lastStatus }) => lastStatus);
    assert.deepEqual([...new Set(ranks)], ['PENDING', 'RUNNING', 'STOPPING', 'STOPPED']);
  });

  it('reports the exit code of what ends at once, and its environment and logs', async () => {
    const id = order([
      {
        name: 'main',
        command: ['sh', '-c', 'echo $BERTH_TASK_ID $WHO; echo oops >&2; exit 5'],
        environment: [{ name: 'WHO', value: 'me' }],
      },
    ]);
    const status = await api.until(id, 'STOPPED', stopped);
    assert.equal(status.containers[0]?.exitCode, 5);
    assert.equal(status.stopCode, 'EssentialContainerExited');
    assert.equal(status.stoppedReason, 'Essential container in task exited');
    assert.ok(status.startedAt !== undefined || status.executionStoppedAt !== undefined);
    const stream = api.stream({ streamId: 'l1', logs: { taskId: id } });
    const found = await collect(stream.messages);
    const text = found.flatMap(({ log }) =>
      log ? log.lines.map((line) => `${log.stream} ${line}`) : [],
    );
    assert.deepEqual(text.sort(), ['stderr oops', `stdout ${id} me`]);
  });

  it('tells an exhausted memory from a kill', async () => {
    const hungry = order([
      {
        name: 'main',
        memory: 16,
        command: ['sh', '-c', 'exec dd if=/dev/zero of=/dev/null bs=200M'],
      },
    ]);
    const killed = order([{ name: 'main', command: SLEEP }]);
    const oom = await api.until(hungry, 'STOPPED', stopped);
    assert.equal(oom.containers[0]?.exitCode, 137);
    assert.equal(
      oom.containers[0].reason,
      'OutOfMemoryError: Container killed due to memory usage',
    );
    const status = await api.until(killed, 'RUNNING', running);
    await lab.kill(status.containers[0]?.runtimeId ?? '');
    const end = await api.until(killed, 'STOPPED', stopped);
    assert.equal(end.containers[0]?.exitCode, 137);
    assert.equal(end.containers[0].reason, undefined);
    assert.equal(end.stopCode, 'EssentialContainerExited');
  });

  it('names a missing image and a missing command', async () => {
    const noImage = order([{ name: 'main', image: '127.0.0.1:1/berth/none:v9' }]);
    const noCommand = order([
      {
        name: 'main',
        command: ['/bin/nothing-here'],
        linuxParameters: { initProcessEnabled: false },
      },
    ]);
    const pull = await api.until(noImage, 'STOPPED', stopped);
    assert.equal(pull.stopCode, 'TaskFailedToStart');
    assert.match(
      pull.stoppedReason ?? '',
      /^CannotPullContainerError: .*127\.0\.0\.1:1\/berth\/none:v9/,
    );
    assert.equal(pull.containers[0]?.exitCode, undefined);
    const begin = await api.until(noCommand, 'STOPPED', stopped);
    assert.match(begin.stoppedReason ?? '', /^CannotStartContainerError: .*nothing-here/s);
    assert.equal(begin.containers[0]?.exitCode, undefined);
  });

  it('gives containers the devices that their task was placed with, and no others', async () => {
    await agent.stop(1_000);
    const path = (name: string): string => join(directory, name);
    // The kernel's log, which no container may open unless it is given to it.
    for (const name of ['gpu0', 'gpu1', 'gpu1-control']) {
      await promisify(execFile)('mknod', [path(name), 'c', '1', '11']);
    }
    const named = new Map([
      ['first', [path('gpu0')]],
      ['second', [path('gpu1'), path('gpu1-control')]],
    ]);
    agent = await start({ gpus: { nvidia: false, named } });
    const one = { resourceRequirements: [{ type: 'GPU', value: '1' }], essential: false };
    const checks = (script: string): readonly string[] => ['sh', '-c', script];
    const opens = (name: string): string => `true > ${path(name)}`;
    const lacks = (name: string): string => `test ! -e ${path(name)}`;
    const id = order(
      [
        { name: 'main', command: checks(`${lacks('gpu0')} && exec sleep 9`) },
        {
          name: 'a',
          command: checks(`${opens('gpu1')} && ${opens('gpu1-control')} && ${lacks('gpu0')}`),
          ...one,
        },
        { name: 'b', command: checks(`${opens('gpu0')} && ${lacks('gpu1')}`), ...one },
      ],
      { reserved: { gpuIds: ['second', 'first'] } },
    );
    const ended = await api.until(id, 'containers that ended', ({ containers }) =>
      containers.slice(1).every(({ lastStatus }) => lastStatus === 'STOPPED'),
    );
    const codes = ended.containers.map(({ exitCode }) => exitCode);
    assert.deepEqual(codes, [undefined, 0, 0]);

    const late = order([{ name: 'main', command: SLEEP, ...one, essential: true }], {
      reserved: { gpuIds: ['third'] },
    });
    const end = await api.until(late, 'STOPPED', stopped);
    assert.match(
      end.stoppedReason ?? '',
      /^CannotCreateContainerError: .*GPU third is not on this host any more/,
    );
  });

  it('passes over ports that something else on the machine has taken', async () => {
    const holders = await Promise.all([0, 1].map((offset) => hold(lab.portRange.first + offset)));
    try {
      const id = order([{ name: 'main', command: SLEEP, portMappings: [{ containerPort: 80 }] }]);
      const status = await api.until(id, 'RUNNING', running);
      const port = status.containers[0]?.networkBindings[0]?.hostPort ?? 0;
      assert.ok(port >= lab.portRange.first + 2, `got ${String(port)}`);
      assert.equal((await ours(id)).length, 1, 'a container that failed to start stayed behind');
    } finally {
      for (const close of holders) await close();
    }
  });

  it('adopts what runs when it starts again, and notices what happened meanwhile', async () => {
    const staying = order([
      { name: 'main', command: SLEEP, portMappings: [{ containerPort: 80 }] },
    ]);
    const ending = order([
      {
        name: 'main',
        command: ['sh', '-c', 'while ! test -f /tmp/go; do sleep 0.1; done; exit 9'],
      },
    ]);
    const before = await api.until(staying, 'RUNNING', running);
    const other = await api.until(ending, 'RUNNING', running);
    await agent.stop(1_000);
    const go = await runtime.exec(
      other.containers[0]?.runtimeId ?? '',
      { command: ['touch', '/tmp/go'], tty: false, stdin: false, columns: 0, rows: 0 },
      signal,
    );
    await collect(go.output);
    agent = await start();
    const end = await api.until(ending, 'STOPPED', stopped);
    assert.equal(end.containers[0]?.exitCode, 9);
    const now = api.statuses.get(staying);
    assert.deepEqual(now?.containers, before.containers);
    const kept = (await ours(staying)).map(({ id, state }) => ({ id, state }));
    assert.deepEqual(kept, [{ id: before.containers[0]?.runtimeId, state: 'running' }]);
  });

  it('finds its containers by label when its memory is lost', async () => {
    const id = order([{ name: 'main', command: SLEEP }]);
    const before = await api.until(id, 'RUNNING', running);
    const gone = order([{ name: 'main', command: SLEEP }]);
    const victim = await api.until(gone, 'RUNNING', running);
    await agent.stop(1_000);
    await rm(join(directory, 'tasks'), { recursive: true });
    await runtime.remove(victim.containers[0]?.runtimeId ?? '', signal);
    agent = await start();
    const lost = await api.until(gone, 'STOPPED', stopped);
    assert.match(lost.containers[0]?.reason ?? '', /^ContainerVanishedError/);
    const containers = await ours();
    assert.deepEqual(
      containers.map((one) => one.id),
      [before.containers[0]?.runtimeId],
    );
    api.change(id, stopNow);
    await api.until(id, 'STOPPED', stopped);
  });

  it('removes containers that nobody ordered', async () => {
    const id = order([{ name: 'main', command: SLEEP }]);
    await api.until(id, 'RUNNING', running);
    await agent.stop(1_000);
    await rm(join(directory, 'tasks'), { recursive: true });
    api.remove(id);
    agent = await start();
    await eventually('the container is gone', async () => (await ours(id)).length === 0);
  });

  it('makes no duplicate and no orphan when it is killed at any moment of a start', async () => {
    for (let round = 0; round < 20; round += 1) {
      const id = order([
        { name: 'main', command: SLEEP, stopTimeout: 2, portMappings: [{ containerPort: 80 }] },
      ]);
      await realClock.sleep(round * 25, signal);
      // Ends without a word to Docker: what is under way is neither awaited nor undone.
      await agent.stop(0);
      agent = await start();
      const status = await api.until(id, 'RUNNING', running);
      const containers = await ours(id);
      assert.equal(containers.length, 1, `round ${String(round)}: ${JSON.stringify(containers)}`);
      assert.equal(containers[0]?.id, status.containers[0]?.runtimeId);
      api.remove(id);
    }
    await eventually('all containers are gone', async () => (await ours()).length === 0);
  });

  it('goes on with its tasks when the session breaks, and reports what it could not', async () => {
    const id = order([{ name: 'main', command: ['sh', '-c', 'sleep 0.5; exit 3'] }]);
    api.drop();
    const status = await api.until(id, 'STOPPED', stopped);
    assert.equal(status.containers[0]?.exitCode, 3);
  });

  it('runs commands in a container, with input, output, exit code and a terminal', async () => {
    const id = order([{ name: 'main', command: SLEEP }]);
    await api.until(id, 'RUNNING', running);
    const command = ['sh', '-c', 'cat; echo done >&2; exit 7'];
    const plain = api.stream({ streamId: 'x1', exec: { taskId: id, command, stdin: true } });
    plain.orders.offer({ stdin: Buffer.from('hello') });
    plain.orders.offer({ stdinEnd: true });
    const messages = await collect(plain.messages);
    assert.equal(textOf(messages, 'stdout'), 'hello');
    assert.equal(textOf(messages, 'stderr'), 'done\n');
    assert.equal(messages.at(-1)?.exitCode, 7);
    const size = { columns: 91, rows: 33 };
    const terminal = api.stream({
      streamId: 'x2',
      exec: {
        taskId: id,
        command: ['sh', '-c', 'sleep 0.3; stty size'],
        tty: true,
        stdin: true,
        ...size,
      },
    });
    assert.match(textOf(await collect(terminal.messages), 'stdout'), /33 91/);
    const refused = api.stream({
      streamId: 'x3',
      exec: { taskId: 'f'.repeat(32), command: ['true'] },
    });
    assert.match((await collect(refused.messages)).at(-1)?.error ?? '', /not on this host/);
  });

  it('follows logs as they come', async () => {
    const id = order([
      {
        name: 'main',
        command: ['sh', '-c', 'echo first; while ! test -f /tmp/go; do sleep 0.1; done; echo last'],
      },
    ]);
    const stream = api.stream({ streamId: 'f1', logs: { taskId: id, follow: true } });
    const seen: string[] = [];
    const status = await api.until(id, 'RUNNING', running);
    const go = await runtime.exec(
      status.containers[0]?.runtimeId ?? '',
      { command: ['touch', '/tmp/go'], tty: false, stdin: false, columns: 0, rows: 0 },
      signal,
    );
    await collect(go.output);
    for await (const { log } of stream.messages) seen.push(...(log?.lines ?? []));
    assert.deepEqual(seen, ['first', 'last']);
  });

  it('keeps a task’s ports while a proxy may send to them', async () => {
    const id = order(
      [
        {
          name: 'main',
          command: SLEEP,
          stopTimeout: 1,
          portMappings: [{ containerPort: 80, hostPort: lab.portRange.last + 1 }],
        },
      ],
      { holdPorts: true },
    );
    await api.until(id, 'RUNNING', running);
    api.change(id, { ...stopNow, holdPorts: true });
    await api.until(id, 'STOPPED', stopped);
    const next = order([
      {
        name: 'main',
        command: SLEEP,
        portMappings: [{ containerPort: 80, hostPort: lab.portRange.last + 1 }],
      },
    ]);
    await api.until(next, 'WAITING', ({ phase }) => phase === 'WAITING');
    assert.equal((await ours(next)).length, 0);
    api.change(id, { ...stopNow, holdPorts: false });
    await api.until(next, 'RUNNING', running);
  });

  it('mounts volumes that live and die with the task', async () => {
    const id = order(
      [
        {
          name: 'writer',
          essential: false,
          command: ['sh', '-c', 'echo kept > /data/x'],
          mountPoints: [{ sourceVolume: 'scratch', containerPath: '/data' }],
        },
        {
          name: 'reader',
          command: ['sh', '-c', 'cat /data/x; exec sleep 1000'],
          stopTimeout: 1,
          mountPoints: [{ sourceVolume: 'scratch', containerPath: '/data', readOnly: true }],
          dependsOn: [{ containerName: 'writer', condition: 'SUCCESS' }],
        },
      ],
      {},
      { volumes: [{ name: 'scratch' }] },
    );
    await api.until(id, 'RUNNING', running);
    const labels = { ...hostLabels(lab.cluster, agent.hostId), [LABEL.task]: id };
    assert.equal((await runtime.listVolumes(labels, signal)).length, 1);
    const logs = await collect(
      api.stream({ streamId: 'v1', logs: { taskId: id, container: 'reader' } }).messages,
    );
    assert.deepEqual(
      logs.flatMap(({ log }) => log?.lines ?? []),
      ['kept'],
    );
    api.remove(id);
    await eventually(
      'the volume is gone',
      async () => (await runtime.listVolumes(labels, signal)).length === 0,
    );
    assert.equal((await ours(id)).length, 0);
  });

  it('takes its tasks along when it is told to', async () => {
    await agent.stop(1_000);
    agent = await start({ stopTasksOnExit: true });
    const ids = [1, 2, 3].map(() =>
      order([
        { name: 'main', command: SLEEP },
        { name: 'deaf', command: ['sh', '-c', 'trap "" TERM; while true; do sleep 0.1; done'] },
      ]),
    );
    for (const id of ids) await api.until(id, 'RUNNING', running);
    const begin = realClock.monotonic();
    await agent.stop(6_000);
    assert.ok(realClock.monotonic() - begin < 8_000, 'it took longer than its grace');
    for (const id of ids) {
      const status = await api.until(id, 'STOPPED', stopped);
      assert.equal(status.stopCode, 'TerminationNotice');
    }
    assert.deepEqual(await ours(), []);
    agent = await start();
  });
});

async function hold(port: number): Promise<() => Promise<void>> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '0.0.0.0', port }, resolve);
  });
  return async () => {
    await new Promise((resolve) => server.close(resolve));
  };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function textOf(messages: readonly AgentStreamMessage[], stream: 'stdout' | 'stderr'): string {
  return Buffer.concat(messages.flatMap((message) => message[stream] ?? [])).toString();
}

async function eventually(what: string, condition: () => Promise<boolean>): Promise<void> {
  const { signal } = new AbortController();
  const limit = realClock.monotonic() + 30_000;
  while (!(await condition())) {
    assert.ok(realClock.monotonic() < limit, `not within 30 s: ${what}`);
    await realClock.sleep(50, signal);
  }
}
