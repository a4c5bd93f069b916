import assert from 'node:assert/strict';

import { Semaphore } from '@berth/control/semaphore.ts';
import { VirtualClock } from '@berth/control/virtual-clock.ts';
import type {
  ContainerDefinition,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';
import { testLogger } from '@berth/rpc/testing/fixtures.ts';

import { LABEL } from './labels.ts';
import { Ports } from './ports.ts';
import { createImages } from './runtime/images.ts';
import { MemoryRuntime, type ModelProgram } from './runtime/memory-runtime.ts';
import { RuntimeError, type Operation } from './runtime/runtime.ts';
import { TaskLoop } from './task-loop.ts';
import { adopt, type TaskMemory } from './task-memory.ts';
import type { Workshop } from './task-operations.ts';
import { HOST_ID, sampleMemory } from './testing/samples.ts';

const PROGRAMS: Readonly<Record<string, ModelProgram>> = {
  '': {},
  deaf: { ignoresStop: true },
  five: { exitCode: 5 },
};
const FIRST_PORT = 20_000;
const LIMIT_MS = 600_000;
const ordered = {
  desiredStatus: 'STOPPED',
  stopCode: 'UserInitiated',
  stoppedReason: 'bye',
} as const;

class World {
  readonly clock = new VirtualClock();
  readonly runtime = new MemoryRuntime({
    clock: this.clock,
    program: (command) => PROGRAMS[command.join(' ')] ?? {},
    images: ['busybox'],
    registry: ['remote'],
  });
  readonly ports = new Ports({
    range: { first: FIRST_PORT, last: FIRST_PORT + 9 },
    clock: this.clock,
    inUse: () => Promise.resolve(false),
    used: [],
  });
  readonly workshop: Workshop = {
    runtime: this.runtime,
    ports: this.ports,
    clock: this.clock,
    images: createImages(this.runtime, () => undefined),
    pins: { pinOf: (_task, image) => Promise.reject(new Error(`nobody asks for ${image}`)) },
    host: { id: HOST_ID, cluster: 'default', address: '10.0.0.1', gpus: new Map() },
    starts: new Semaphore(4),
    stops: new Semaphore(4),
    saveUsedPorts: () => Promise.resolve(),
  };
  readonly reports: TaskStatusRecord[] = [];
  /** What has been on the modelled disk, the newest last. */
  readonly saves: TaskMemory[] = [];
  readonly life = new AbortController();

  loop(memory: TaskMemory, life = this.life.signal): { loop: TaskLoop; ended: Promise<void> } {
    const loop = new TaskLoop({
      memory,
      workshop: this.workshop,
      logger: testLogger(),
      save: (newest) => {
        this.saves.push(newest);
        return Promise.resolve();
      },
      report: (status) => this.reports.push(status),
      mayStart: () => true,
    });
    void this.#watch(loop);
    return { loop, ended: loop.run(life) };
  }

  begin(containers: readonly Input<ContainerDefinition>[], task: Input<TaskRecord> = {}): TaskLoop {
    return this.loop(sampleMemory(containers, task)).loop;
  }

  get newest(): TaskStatusRecord | undefined {
    return this.reports.at(-1);
  }

  async until(condition: (status: TaskStatusRecord) => boolean): Promise<TaskStatusRecord> {
    await this.clock.advanceUntil(() => !!this.newest && condition(this.newest), LIMIT_MS);
    return this.newest!;
  }

  /** As the engine's watcher does. */
  async #watch(loop: TaskLoop): Promise<void> {
    try {
      for await (const event of this.runtime.events(
        {},
        undefined,
        () => undefined,
        this.life.signal,
      )) {
        loop.touch(event.labels[LABEL.container]);
      }
    } catch {
      // the world ends
    }
  }
}

const running = ({ lastStatus }: TaskStatusRecord): boolean => lastStatus === 'RUNNING';
const stopped = ({ lastStatus }: TaskStatusRecord): boolean => lastStatus === 'STOPPED';

function failure(kind: RuntimeError['kind'], operation: Operation): RuntimeError {
  return new RuntimeError(kind, operation, `made to fail: ${kind}`);
}

describe('TaskLoop', () => {
  let world: World;
  beforeEach(() => (world = new World()));
  afterEach(() => world.life.abort());

  const web = { name: 'web', portMappings: [{ containerPort: 80 }] };

  it('takes a task from pull to run to end, and reports growing sequences', async () => {
    const loop = world.begin([{ ...web, image: 'remote' }]);
    const status = await world.until(running);
    assert.equal(status.containers[0]?.networkBindings[0]?.hostPort, FIRST_PORT);
    loop.order({ ...loop.memory.task, ...ordered });
    const end = await world.until(stopped);
    assert.equal(end.containers[0]?.exitCode, 143);
    assert.equal(end.stoppedReason, 'bye');
    const sequences = world.reports.map(({ sequence }) => sequence);
    assert.deepEqual(
      sequences,
      [...new Set(sequences)].sort((a, b) => a - b),
    );
    assert.deepEqual(
      [...new Set(world.reports.map(({ phase }) => phase))],
      ['WAITING', 'PULLING', 'CREATING', 'STARTING', undefined],
    );
  });

  for (const kind of ['engine', 'timeout'] as const) {
    it(`makes no second container when a create that failed as ${kind} has happened`, async () => {
      world.runtime.failNext('create', failure(kind, 'create'), true);
      world.begin([web]);
      await world.until(kind === 'engine' ? running : stopped);
      assert.equal(world.runtime.containers.length, 1);
    });
  }

  it('meets itself when a create that was thought lost comes true later', async () => {
    const { create } = world.runtime;
    world.runtime.create = (spec, signal) => {
      world.runtime.create = create;
      const late = new AbortController();
      void world.clock.sleep(700, late.signal).then(() => create.call(world.runtime, spec, signal));
      return Promise.reject(failure('engine', 'create'));
    };
    world.runtime.failNext('list', failure('engine', 'list'));
    world.begin([web]);
    await world.until(running);
    assert.equal(world.runtime.containers.length, 1);
  });

  it('takes another name when its own belongs to something else', async () => {
    const { create } = world.runtime;
    world.runtime.create = async (spec, signal) => {
      world.runtime.create = create;
      await create.call(world.runtime, { ...spec, body: { ...spec.body, Labels: {} } }, signal);
      return await create.call(world.runtime, spec, signal);
    };
    world.begin([web]);
    await world.until(running);
    assert.deepEqual(
      world.runtime.containers.map(({ state }) => state),
      ['created', 'running'],
    );
  });

  it('creates again when a create that broke off has not happened', async () => {
    world.runtime.failNext('create', failure('engine', 'create'));
    world.begin([web]);
    await world.until(running);
    assert.equal(world.runtime.containers.length, 1);
  });

  it('stops what a start that timed out has started after all', async () => {
    world.runtime.failNext('start', failure('timeout', 'start'), true);
    world.begin([web]);
    const end = await world.until(stopped);
    assert.match(
      end.containers[0]?.reason ?? '',
      /^DockerTimeoutError: Could not transition to running/,
    );
    assert.equal(world.runtime.containers[0]?.state, 'stopped');
  });

  it('records a create before it asks the engine for it', async () => {
    let before: TaskMemory | undefined;
    const { create } = world.runtime;
    world.runtime.create = async (spec, signal) => {
      before = world.saves.at(-1);
      return await create.call(world.runtime, spec, signal);
    };
    world.begin([web]);
    await world.until(running);
    assert.deepEqual([before?.containers[0]?.uncertain, before?.containers[0]?.attempt], [true, 1]);
    assert.equal(before?.containers[0]?.bindings[0]?.hostPort, FIRST_PORT);
  });

  it('takes the next port, and leaves nothing behind, when Docker finds one taken', async () => {
    world.runtime.takenPorts.add(FIRST_PORT).add(FIRST_PORT + 1);
    world.begin([web]);
    const status = await world.until(running);
    assert.equal(status.containers[0]?.networkBindings[0]?.hostPort, FIRST_PORT + 2);
    assert.equal(world.runtime.containers.length, 1);
    assert.equal(world.ports.heldCount, 1);
  });

  it('gives up after five taken ports, and says so', async () => {
    for (let offset = 0; offset < 10; offset += 1)
      world.runtime.takenPorts.add(FIRST_PORT + offset);
    world.begin([web]);
    const end = await world.until(stopped);
    assert.match(
      end.stoppedReason ?? '',
      /^CannotStartContainerError: Bind for 0\.0\.0\.0:20004 failed/,
    );
    assert.equal(end.stopCode, 'TaskFailedToStart');
    assert.equal(world.runtime.calls.filter((call) => call.startsWith('start')).length, 5);
  });

  it('does not try another port for one that the definition fixes', async () => {
    world.runtime.takenPorts.add(8080);
    world.begin([{ name: 'web', portMappings: [{ containerPort: 80, hostPort: 8080 }] }]);
    assert.match((await world.until(stopped)).stoppedReason ?? '', /8080 failed: port is already/);
  });

  it('names the image that can’t be pulled', async () => {
    world.begin([{ name: 'web', image: 'nobody/none:1' }]);
    const end = await world.until(stopped);
    assert.match(end.stoppedReason ?? '', /^CannotPullContainerError: .*nobody\/none:1/);
    assert.equal(end.stopCode, 'TaskFailedToStart');
  });

  it('gives up a pull when the task is to stop', async () => {
    world.runtime.pull = (_image, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(failure('cancelled', 'pull')));
      });
    const loop = world.begin([{ name: 'web', image: 'remote' }]);
    await world.until(({ phase }) => phase === 'PULLING');
    loop.order({ ...loop.memory.task, ...ordered });
    const end = await world.until(stopped);
    assert.equal(end.containers[0]?.exitCode, undefined);
  });

  it('declares nothing dead while the engine is away, and goes on when it is back', async () => {
    const loop = world.begin([{ name: 'a' }, { name: 'b' }]);
    await world.until(running);
    world.runtime.down = true;
    loop.touch();
    await world.clock.advance(300_000);
    assert.equal(world.newest?.lastStatus, 'RUNNING');
    loop.order({ ...loop.memory.task, ...ordered });
    await world.clock.advance(300_000);
    assert.equal(world.newest?.lastStatus, 'STOPPING');
    world.runtime.down = false;
    const end = await world.until(stopped);
    assert.deepEqual(
      end.containers.map(({ exitCode }) => exitCode),
      [143, 143],
    );
  });

  it('notices that a container was removed by somebody else', async () => {
    world.begin([web]);
    await world.until(running);
    await world.runtime.remove(world.runtime.containers[0]?.id ?? '', world.life.signal);
    const end = await world.until(stopped);
    assert.match(end.containers[0]?.reason ?? '', /^ContainerVanishedError/);
    assert.equal(end.stopCode, 'EssentialContainerExited');
  });

  it('calls an exhausted memory by its name only with exit code 137', async () => {
    for (const [exitCode, reason] of [
      [137, /^OutOfMemoryError/],
      [3, /^$/],
    ] as const) {
      world = new World();
      world.begin([web]);
      await world.until(running);
      world.runtime.exit(world.runtime.containers[0]?.id ?? '', exitCode, true);
      assert.match((await world.until(stopped)).containers[0]?.reason ?? '', reason);
    }
  });

  it('reports health as it changes, with the output of the failing check', async () => {
    world.begin([web]);
    await world.until(running);
    const id = world.runtime.containers[0]?.id ?? '';
    world.runtime.setHealth(id, 'UNHEALTHY', 'connection refused');
    const status = await world.until(({ healthStatus }) => healthStatus === 'UNHEALTHY');
    assert.equal(status.containers[0]?.healthOutput, 'connection refused');
    assert.equal(status.lastStatus, 'RUNNING', 'only the control plane replaces unhealthy tasks');
  });

  it('gives each container its own time to stop, kill included', async () => {
    const deaf = { name: 'deaf', command: ['deaf'], stopTimeout: 20 };
    const loop = world.begin([
      deaf,
      { ...web, dependsOn: [{ containerName: 'deaf', condition: 'START' }] },
    ]);
    await world.until(running);
    const begin = world.clock.monotonic();
    loop.order({ ...loop.memory.task, ...ordered });
    const end = await world.until(stopped);
    assert.deepEqual(
      end.containers.map(({ exitCode }) => exitCode),
      [137, 143],
    );
    assert.equal(Math.round((world.clock.monotonic() - begin) / 1000), 20);
  });

  it('shortens a stop that is under way when the agent is in a hurry', async () => {
    const loop = world.begin([{ name: 'deaf', command: ['deaf'], stopTimeout: 100 }]);
    await world.until(running);
    const begin = world.clock.monotonic();
    loop.order({ ...loop.memory.task, ...ordered });
    await world.until(({ lastStatus }) => lastStatus === 'STOPPING');
    loop.hurry(2, 'TerminationNotice', 'Host stopped.');
    const end = await world.until(stopped);
    assert.ok(world.clock.monotonic() - begin <= 3_000);
    assert.equal(end.stoppedReason, 'bye', 'the first reason stays');
  });

  it('goes on from any saved memory as if nothing had happened', async () => {
    world.begin([web]);
    await world.until(running);
    const saves = [...world.saves];
    assert.ok(saves.length > 2);
    for (const saved of saves) {
      const again = new World();
      const containers = await again.runtime.list({}, again.life.signal);
      again.loop(adopt(JSON.parse(JSON.stringify(saved)) as TaskMemory, containers));
      const status = await again.until((one) => running(one) || stopped(one));
      // Its container does not exist in the other world: it is either made, or known to be gone; never both.
      assert.ok(again.runtime.containers.length <= 1);
      assert.equal(running(status), again.runtime.containers.length === 1);
      again.life.abort();
    }
  });

  it('leaves its containers alone when the agent ends', async () => {
    const life = new AbortController();
    const { ended } = world.loop(sampleMemory([web]), life.signal);
    await world.until(running);
    life.abort();
    await ended;
    assert.equal(world.runtime.containers[0]?.state, 'running');
  });
});
