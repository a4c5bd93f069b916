import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Semaphore } from '@berth/control/semaphore.ts';
import { VirtualClock } from '@berth/control/virtual-clock.ts';
import type {
  AssignedTask,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import { realClock } from '@berth/process/real-clock.ts';
import type { Input } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';
import { testLogger } from '@berth/rpc/testing/fixtures.ts';

import { EngineWatch } from './engine-watch.ts';
import { hostLabels } from './labels.ts';
import { LocalState } from './local-state.ts';
import { Ports } from './ports.ts';
import { Reporter } from './reporter.ts';
import { createImages } from './runtime/images.ts';
import { MemoryRuntime } from './runtime/memory-runtime.ts';
import { RuntimeError } from './runtime/runtime.ts';
import type { Workshop } from './task-operations.ts';
import { Tasks } from './tasks.ts';
import { HOST_ID, sampleDefinition, sampleTask } from './testing/samples.ts';

const DEFINITION = sampleDefinition([
  { name: 'web', portMappings: [{ containerPort: 80 }], stopTimeout: 1 },
]);
const ID_A = 'a'.repeat(32);
const ID_B = 'b'.repeat(32);

/** One agent's life without its session; a second one continues where the first ended. */
class Host {
  readonly clock = realClock;
  readonly reporter = new Reporter(this.clock);
  readonly state: LocalState;
  readonly ports = new Ports({
    range: { first: 20_000, last: 20_009 },
    clock: this.clock,
    inUse: () => Promise.resolve(false),
    used: [],
  });
  readonly tasks: Tasks;
  readonly runtime: MemoryRuntime;

  constructor(directory: string, runtime: MemoryRuntime) {
    this.runtime = runtime;
    this.state = new LocalState(directory);
    const workshop: Workshop = {
      runtime,
      ports: this.ports,
      clock: this.clock,
      images: createImages(runtime, () => undefined),
      pins: { pinOf: (_task, image) => Promise.reject(new Error(`nobody asks for ${image}`)) },
      host: { id: HOST_ID, cluster: 'default', address: '10.0.0.1', gpus: new Map() },
      starts: new Semaphore(4),
      stops: new Semaphore(4),
      saveUsedPorts: () => Promise.resolve(),
    };
    this.tasks = new Tasks({
      workshop,
      state: this.state,
      reporter: this.reporter,
      logger: testLogger(),
      onBroken: (error) => assert.fail(String(error)),
    });
  }

  assign(...tasks: readonly AssignedTask[]): void {
    this.tasks.changes({ tasks, removedTaskIds: [] });
  }

  async list(): Promise<void> {
    const { signal } = new AbortController();
    this.tasks.onList(await this.runtime.list(hostLabels('default', HOST_ID), signal));
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    for (let tries = 0; !condition(); tries += 1) {
      assert.ok(tries < 500, `not in time: ${what}`);
      await this.list();
      await realClock.sleep(10, new AbortController().signal);
    }
  }

  async status(id: string, lastStatus: TaskStatusRecord['lastStatus']): Promise<TaskStatusRecord> {
    await this.until(
      `${id} ${lastStatus}`,
      () => this.reporter.newest(id)?.lastStatus === lastStatus,
    );
    return this.reporter.newest(id)!;
  }
}

function assigned(
  id: string,
  task: Input<TaskRecord> = {},
  status?: Input<TaskStatusRecord>,
): AssignedTask {
  return {
    task: sampleTask({ id, ...task }),
    taskDefinition: DEFINITION,
    status: status && complete('TaskStatusRecord', { id, ...status }),
    imagePins: [],
  };
}

describe('Tasks', () => {
  let directory: string;
  let runtime: MemoryRuntime;
  let host: Host;
  const { signal } = new AbortController();
  const stopNow = { desiredStatus: 'STOPPED' } as const;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-tasks-'));
    runtime = new MemoryRuntime({ clock: realClock, program: () => ({}), images: ['busybox'] });
    host = new Host(directory, runtime);
    await host.tasks.restore(signal);
  });
  afterEach(async () => {
    await host.tasks.close();
    await rm(directory, { recursive: true });
  });

  async function again(): Promise<void> {
    await host.tasks.close();
    host = new Host(directory, runtime);
    await host.tasks.restore(signal);
  }

  function welcome(...tasks: readonly AssignedTask[]): void {
    host.tasks.welcome({ hostId: HOST_ID, tasks });
  }

  it('starts nothing before the first welcome, also what it remembers', async () => {
    welcome(assigned(ID_A));
    await host.status(ID_A, 'RUNNING');
    await again();
    assert.equal(host.tasks.memoryOf(ID_A)?.stage, 'RUNNING');
    host.assign(assigned(ID_B));
    await host.status(ID_B, 'PENDING');
    await host.list();
    assert.equal(runtime.containers.length, 1);
    welcome(assigned(ID_A), assigned(ID_B));
    await host.status(ID_B, 'RUNNING');
  });

  it('stops, removes and forgets what the welcome does not name', async () => {
    welcome(assigned(ID_A), assigned(ID_B));
    await host.status(ID_A, 'RUNNING');
    await host.status(ID_B, 'RUNNING');
    await again();
    welcome(assigned(ID_B));
    await host.until('the container of A is gone', () => runtime.containers.length === 1);
    await host.until('A is forgotten', () => host.tasks.memoryOf(ID_A) === undefined);
    assert.equal(host.reporter.newest(ID_A), undefined);
    assert.equal(runtime.containers[0]?.state, 'running');
    await again();
    assert.equal(host.tasks.memoryOf(ID_A), undefined);
  });

  it('forgets a task whose record is removed', async () => {
    welcome(assigned(ID_A));
    await host.status(ID_A, 'RUNNING');
    host.tasks.changes({ tasks: [], removedTaskIds: [ID_A] });
    await host.until('it is gone', () => runtime.containers.length === 0);
    await host.until('its port is free', () => host.ports.heldCount === 0);
  });

  it('removes containers of its own labels that nobody knows, and no others', async () => {
    welcome(assigned(ID_A));
    await host.status(ID_A, 'RUNNING');
    await host.tasks.close();
    await rm(join(directory, 'tasks'), { recursive: true });
    host = new Host(directory, runtime);
    await host.tasks.restore(signal);
    await host.list();
    assert.equal(runtime.containers.length, 1, 'not before the control plane has spoken');
    welcome();
    await host.until('it is gone', () => runtime.containers.length === 0);
  });

  it('adopts by label what it has lost the memory of', async () => {
    welcome(assigned(ID_A));
    const before = await host.status(ID_A, 'RUNNING');
    await host.tasks.close();
    await rm(join(directory, 'tasks'), { recursive: true });
    host = new Host(directory, runtime);
    await host.tasks.restore(signal);
    welcome(assigned(ID_A, {}, before));
    await host.until('it is adopted', () => host.tasks.memoryOf(ID_A)?.stage === 'RUNNING');
    const port = before.containers[0]?.networkBindings[0]?.hostPort ?? 0;
    await host.until('its port is held', () => host.ports.ownerOf(port, 'tcp') === ID_A);
    assert.equal(runtime.containers.length, 1);
  });

  it('does not start again what has run and is gone', async () => {
    welcome(assigned(ID_A, {}, { lastStatus: 'RUNNING', startedAt: 5, sequence: 40 }));
    const status = await host.status(ID_A, 'STOPPED');
    assert.match(status.containers[0]?.reason ?? '', /^ContainerVanishedError/);
    assert.ok(status.sequence > 40);
    assert.equal(runtime.containers.length, 0);
  });

  it('starts what is stored as pending, above the stored sequence', async () => {
    welcome(assigned(ID_A, {}, { lastStatus: 'PENDING', sequence: 12 }));
    assert.ok((await host.status(ID_A, 'RUNNING')).sequence > 12);
  });

  it('keeps the ports of a stopped task for as long as it has to, over its own restarts', async () => {
    const hold = { ...stopNow, holdPorts: true };
    welcome(assigned(ID_A, { holdPorts: true }));
    await host.status(ID_A, 'RUNNING');
    host.assign(assigned(ID_A, hold));
    const status = await host.status(ID_A, 'STOPPED');
    assert.equal(host.ports.heldCount, 1);
    await again();
    assert.equal(host.ports.heldCount, 1);
    welcome(assigned(ID_A, hold, status));
    assert.equal(host.ports.heldCount, 1);
    host.assign(assigned(ID_A, stopNow, status));
    assert.equal(host.ports.heldCount, 0);
  });

  it('holds the ports that a proxy may still send to, even if all memory of the task is lost', async () => {
    const networkBindings = [
      { bindIp: '0.0.0.0', containerPort: 80, hostPort: 20_003, protocol: 'tcp' },
    ] as const;
    const containers = [{ name: 'web', lastStatus: 'STOPPED', networkBindings }] as const;
    welcome(
      assigned(
        ID_A,
        { ...stopNow, holdPorts: true },
        { lastStatus: 'STOPPED', containers, sequence: 3 },
      ),
    );
    assert.equal(host.ports.ownerOf(20_003, 'tcp'), ID_A);
  });

  it('says again what the control plane seems not to have heard', async () => {
    welcome(assigned(ID_A));
    const status = await host.status(ID_A, 'RUNNING');
    host.reporter.all();
    host.assign(assigned(ID_A, {}, { lastStatus: 'PENDING', sequence: 1 }));
    const batch = await host.reporter.next(signal);
    assert.deepEqual(
      batch.map(({ id, sequence }) => [id, sequence]),
      [[ID_A, status.sequence]],
    );
  });

  it('speaks above a stored sequence that is higher than its own', async () => {
    welcome(assigned(ID_A));
    await host.status(ID_A, 'RUNNING');
    host.assign(assigned(ID_A, {}, { lastStatus: 'PENDING', sequence: 5_000 }));
    await host.until('it is', () => (host.reporter.newest(ID_A)?.sequence ?? 0) > 5_000);
  });

  it('stops what runs although its task has ended, and leaves its logs', async () => {
    const refusal = new RuntimeError('server', 'start', 'something went wrong after the start');
    runtime.failNext('start', refusal, true);
    welcome(assigned(ID_A));
    await host.status(ID_A, 'STOPPED');
    const states = async (): Promise<readonly string[]> =>
      (await runtime.list(hostLabels('default', HOST_ID), signal)).map(({ state }) => state);
    let found: readonly string[] = ['running'];
    await host.until('the container is stopped', () => {
      void states().then((now) => (found = now));
      return found[0] !== 'running';
    });
    assert.deepEqual(found, ['stopped']);
  });

  it('finds by the list what no event has told', async () => {
    welcome(assigned(ID_A));
    await host.status(ID_A, 'RUNNING');
    runtime.exit(runtime.containers[0]?.id ?? '', 4);
    assert.equal((await host.status(ID_A, 'STOPPED')).containers[0]?.exitCode, 4);
  });

  it('removes what an earlier attempt left behind', async () => {
    runtime.failNext('create', new RuntimeError('engine', 'create', 'broke off'));
    welcome(assigned(ID_A));
    await host.status(ID_A, 'RUNNING');
    const facts = runtime.containers[0]!;
    const labels = { ...facts.labels, 'berth.attempt': '0' };
    const [own] = await runtime.list({}, signal);
    assert.ok(own);
    host.tasks.onList([own, { ...own, id: 'earlier', labels }]);
    await host.until('it is removed', () => runtime.calls.includes('remove earlier'));
    assert.equal(runtime.containers.length, 1);
  });

  it('stops and removes everything when it takes its tasks along', async () => {
    welcome(assigned(ID_A), assigned(ID_B));
    await host.status(ID_A, 'RUNNING');
    await host.status(ID_B, 'RUNNING');
    await host.tasks.stopAll(5_000, signal);
    assert.equal(runtime.containers.length, 0);
    for (const id of [ID_A, ID_B]) {
      assert.equal(host.reporter.newest(id)?.lastStatus, 'STOPPED');
      assert.equal(host.reporter.newest(id)?.stopCode, 'TerminationNotice');
    }
  });
});

describe('EngineWatch', () => {
  it('lists whenever it begins to listen, tells that the engine is away, and comes back', async () => {
    const clock = new VirtualClock();
    const runtime = new MemoryRuntime({ clock, program: () => ({}), images: [] });
    const life = new AbortController();
    let lists = 0;
    const watch = new EngineWatch({
      runtime,
      labels: {},
      clock,
      random: () => 0.5,
      logger: testLogger(),
      onEvent: () => undefined,
      onList: () => (lists += 1),
    });
    const ended = watch.run(life.signal);
    await clock.advanceUntil(() => lists === 1, 1_000);
    assert.equal(watch.trouble, undefined);
    await clock.advance(20_000);
    assert.equal(lists, 2);
    runtime.down = true;
    runtime.close();
    await clock.advance(60_000);
    assert.match(watch.trouble ?? '', /engine is away/);
    const before = lists;
    runtime.down = false;
    await clock.advanceUntil(() => watch.trouble === undefined, 6_000);
    assert.ok(lists > before);
    life.abort();
    await ended;
  });

  it('tells that the engine has fallen silent although its event stream is open', async () => {
    const clock = new VirtualClock();
    const runtime = new MemoryRuntime({ clock, program: () => ({}), images: [] });
    const life = new AbortController();
    const watch = new EngineWatch({
      runtime,
      labels: {},
      clock,
      random: () => 0.5,
      logger: testLogger(),
      onEvent: () => undefined,
      onList: () => undefined,
    });
    const ended = watch.run(life.signal);
    await clock.advance(1_000);
    runtime.down = true;
    await clock.advance(45_000);
    assert.match(watch.trouble ?? '', /^No list of containers: /);
    runtime.down = false;
    await clock.advance(20_000);
    assert.equal(watch.trouble, undefined);
    life.abort();
    await ended;
  });
});
