// The promises of `Runtime`, as tests that every implementation has to pass: what holds for the model holds for
// the Docker Engine.
import assert from 'node:assert/strict';

import { realClock } from '@berth/process/real-clock.ts';

import { LABEL, taskLabels, type Labels } from '../labels.ts';
import { sampleContainer, sampleDefinition, sampleTask } from '../testing/samples.ts';
import { containerSpec } from './container-spec.ts';
import type { ModelProgram } from './memory-runtime.ts';
import { RuntimeError, type ContainerFacts, type FailureKind, type Runtime } from './runtime.ts';

export interface ContractSubject {
  readonly runtime: Runtime;
  readonly image: string;
  readonly cluster: string;
  readonly hostId: string;
  /** A host port that is free. */
  readonly freePort: () => Promise<number>;
  readonly dispose: () => Promise<void>;
}

const FOREVER = ['sleep', '1000'];
const DEAF = ['sh', '-c', 'trap "" TERM; echo deaf; while true; do sleep 0.1; done'];
const FIVE = ['sh', '-c', 'exit 5'];
const SLOW = [
  'sh',
  '-c',
  'trap "sleep 0.3; exit 0" TERM; echo slow; while true; do sleep 0.1; done',
];
const PRINTS = ['sh', '-c', 'echo one; echo two >&2'];
const CAT = ['cat'];

/** What a model has to make of the commands that the contract uses. */
export function contractProgram(command: readonly string[]): ModelProgram {
  switch (command.join(' ')) {
    case FOREVER.join(' '):
      return {};
    case DEAF.join(' '):
      return { ignoresStop: true, stdout: 'deaf\n' };
    case SLOW.join(' '):
      return { stdout: 'slow\n', endsAfterMs: 300 };
    case FIVE.join(' '):
      return { exitCode: 5 };
    case PRINTS.join(' '):
      return { stdout: 'one\n', stderr: 'two\n', exitCode: 0 };
    case CAT.join(' '):
      return { echoes: true };
    default:
      throw new Error(`the model does not know ${command.join(' ')}`);
  }
}

export function runtimeContract(name: string, open: () => Promise<ContractSubject>): void {
  describe(`runtime contract: ${name}`, () => {
    const { signal } = new AbortController();
    let subject: ContractSubject;
    let runtime: Runtime;
    let serial = 0;

    before(async () => {
      subject = await open();
      runtime = subject.runtime;
    });
    after(() => subject.dispose());

    function labels(taskId: string): Labels {
      return taskLabels(subject.cluster, subject.hostId, taskId);
    }

    async function created(
      command: readonly string[],
      more: { readonly hostPort?: number; readonly image?: string; readonly taskId?: string } = {},
    ): Promise<{ id: string; taskId: string; name: string }> {
      serial += 1;
      const taskId =
        more.taskId ?? serial.toString(16).padStart(12, '0') + subject.hostId.slice(0, 20);
      const task = sampleTask({ id: taskId, cluster: subject.cluster });
      const image = more.image ?? subject.image;
      const container = sampleContainer({ name: 'main', image, command });
      const { hostPort } = more;
      const spec = containerSpec({
        task,
        definition: sampleDefinition([container]),
        container,
        bindings:
          hostPort === undefined
            ? []
            : [{ bindIp: '0.0.0.0', containerPort: 80, hostPort, protocol: 'tcp' }],
        host: {
          id: subject.hostId,
          cluster: subject.cluster,
          address: '127.0.0.1',
          gpus: new Map(),
        },
        attempt: 1,
      });
      return { id: await runtime.create(spec, signal), taskId, name: spec.name };
    }

    async function stopped(id: string): Promise<ContainerFacts> {
      for (let tries = 0; tries < 500; tries += 1) {
        const facts = await runtime.inspect(id, signal);
        if (facts?.state === 'stopped') return facts;
        await realClock.sleep(20, signal);
      }
      return assert.fail('the container did not stop');
    }

    async function printed(id: string, text: string): Promise<void> {
      const options = { follow: false, tail: undefined, since: undefined, timestamps: false };
      for (let tries = 0; tries < 500; tries += 1) {
        const frames = await collect(runtime.logs(id, options, signal));
        if (Buffer.concat(frames.map(({ data }) => data)).toString() === text) return;
        await realClock.sleep(20, signal);
      }
      assert.fail(`the container did not print ${text}`);
    }

    async function refused(kind: FailureKind, call: Promise<unknown>): Promise<void> {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof RuntimeError, String(error));
        assert.equal(error.kind, kind, error.message);
        return true;
      });
    }

    it('describes the engine', async () => {
      const engine = await runtime.describe(signal);
      assert.match(engine.apiVersion, /^1\.\d+$/);
      assert.equal(engine.osType, 'linux');
      assert.ok(engine.cpus >= 1 && engine.memoryBytes > 0);
    });

    it('creates, lists by label, starts, stops and removes', async () => {
      const { id, taskId, name: given } = await created(FOREVER);
      const own = await runtime.list(labels(taskId), signal);
      assert.deepEqual(
        own.map((one) => [one.id, one.state]),
        [[id, 'created']],
      );
      assert.equal(own[0]?.labels[LABEL.container], 'main');
      await runtime.start(id, signal);
      await runtime.start(id, signal);
      const running = await runtime.inspect(id, signal);
      assert.equal(running?.state, 'running');
      assert.equal(running.name, given);
      assert.equal(running.exitCode, undefined);
      assert.equal(running.health, 'UNKNOWN');
      assert.ok(running.startedAt !== undefined && running.finishedAt === undefined);
      await runtime.stop(id, 5, signal);
      await runtime.stop(id, 5, signal);
      const over = await runtime.inspect(id, signal);
      assert.equal(over?.state, 'stopped');
      assert.equal(over.exitCode, 143);
      assert.ok(over.finishedAt !== undefined);
      await runtime.remove(id, signal);
      await runtime.remove(id, signal);
      await runtime.stop(id, 5, signal);
      assert.equal(await runtime.inspect(id, signal), undefined);
      assert.deepEqual(await runtime.list(labels(taskId), signal), []);
    });

    it('kills what does not heed the stop signal', async () => {
      const { id } = await created(DEAF);
      await runtime.start(id, signal);
      await printed(id, 'deaf\n');
      await runtime.stop(id, 1, signal);
      const facts = await runtime.inspect(id, signal);
      assert.deepEqual([facts?.state, facts?.exitCode, facts?.oomKilled], ['stopped', 137, false]);
    });

    it('waits for what ends some time after the stop signal', async () => {
      const { id } = await created(SLOW);
      await runtime.start(id, signal);
      await printed(id, 'slow\n');
      await runtime.stop(id, 10, signal);
      const facts = await runtime.inspect(id, signal);
      assert.equal(facts?.state, 'stopped');
      assert.notEqual(facts.exitCode, 137);
    });

    it('knows the exit code of what ends at once', async () => {
      const { id } = await created(FIVE);
      await runtime.start(id, signal);
      assert.equal((await stopped(id)).exitCode, 5);
    });

    it('removes what still runs', async () => {
      const { id } = await created(FOREVER);
      await runtime.start(id, signal);
      await runtime.remove(id, signal);
      assert.equal(await runtime.inspect(id, signal), undefined);
    });

    it('refuses a name that is taken', async () => {
      const { taskId } = await created(FOREVER);
      await refused('conflict', created(FOREVER, { taskId }));
    });

    it('says that an image is missing', async () => {
      const missing = 'berth-agent-test-missing:none';
      assert.ok(await runtime.findImage(subject.image, signal));
      assert.equal(await runtime.findImage(missing, signal), undefined);
      await refused('gone', created(FOREVER, { image: missing }));
    });

    it('says that a port is taken, and leaves the container created', async () => {
      const hostPort = await subject.freePort();
      const first = await created(FOREVER, { hostPort });
      const second = await created(FOREVER, { hostPort });
      await runtime.start(first.id, signal);
      const facts = await runtime.inspect(first.id, signal);
      const binding = { bindIp: '0.0.0.0', containerPort: 80, hostPort, protocol: 'tcp' };
      assert.deepEqual(facts?.bindings, [binding]);
      await refused('port-taken', runtime.start(second.id, signal));
      assert.equal((await runtime.inspect(second.id, signal))?.state, 'created');
    });

    it('tells of starts and ends to whom it concerns', async () => {
      const { id, taskId } = await created(FIVE);
      const other = await created(FIVE);
      const listening = new AbortController();
      const seen: string[] = [];
      let opened: () => void = () => undefined;
      const open = new Promise<void>((resolve) => (opened = resolve));
      const following = (async () => {
        const events = runtime.events(labels(taskId), undefined, opened, listening.signal);
        for await (const event of events) {
          assert.equal(event.containerId, id);
          assert.equal(event.labels[LABEL.task], taskId);
          seen.push(event.action);
          if (event.action === 'die') return;
        }
      })();
      await open;
      await runtime.start(other.id, signal);
      await runtime.start(id, signal);
      await following;
      assert.deepEqual(seen, ['start', 'die']);
    });

    it('ends an event stream that is given up', async () => {
      const listening = new AbortController();
      const giveUp = (): void => listening.abort();
      const events = runtime.events(labels('none'), undefined, giveUp, listening.signal);
      await refused('cancelled', collect(events));
    });

    it('keeps output apart, and ends a followed log with the container', async () => {
      const { id } = await created(PRINTS);
      await runtime.start(id, signal);
      const options = { follow: true, tail: undefined, since: undefined, timestamps: false };
      const frames = await collect(runtime.logs(id, options, signal));
      const text = (stream: string): string =>
        Buffer.concat(
          frames.filter((one) => one.stream === stream).map(({ data }) => data),
        ).toString();
      assert.deepEqual([text('stdout'), text('stderr')], ['one\n', 'two\n']);
    });

    it('runs commands in a container, with input and exit code', async () => {
      const { id } = await created(FOREVER);
      await runtime.start(id, signal);
      const options = { tty: false, columns: 0, rows: 0 };
      const failing = await runtime.exec(id, { ...options, command: FIVE, stdin: false }, signal);
      assert.deepEqual(await collect(failing.output), []);
      assert.equal(await failing.exitCode(signal), 5);
      const cat = await runtime.exec(id, { ...options, command: CAT, stdin: true }, signal);
      await cat.write(Buffer.from('hello '));
      await cat.write(Buffer.from('you'));
      cat.endInput();
      const said = Buffer.concat((await collect(cat.output)).map(({ data }) => data));
      assert.equal(said.toString(), 'hello you');
      assert.equal(await cat.exitCode(signal), 0);
    });

    it('refuses a command in a container that does not run', async () => {
      const { id } = await created(FOREVER);
      const options = { command: FIVE, stdin: false, tty: false, columns: 0, rows: 0 };
      await refused('conflict', runtime.exec(id, options, signal));
    });

    it('keeps volumes by name and label', async () => {
      const name = `berth-agent-test-${subject.hostId.slice(0, 8)}`;
      const spec = { name, driver: undefined, options: {}, labels: labels('volume') };
      assert.equal(await runtime.findVolume(name, signal), undefined);
      await runtime.createVolume(spec, signal);
      await runtime.createVolume(spec, signal);
      assert.deepEqual(await runtime.findVolume(name, signal), { name });
      assert.deepEqual(await runtime.listVolumes(labels('volume'), signal), [name]);
      await runtime.removeVolume(name, signal);
      await runtime.removeVolume(name, signal);
      assert.deepEqual(await runtime.listVolumes(labels('volume'), signal), []);
    });

    it('says of a container that was removed meanwhile that it is gone', async () => {
      const { id } = await created(FOREVER);
      await runtime.start(id, signal);
      await runtime.remove(id, signal);
      await refused('gone', runtime.start(id, signal));
      await runtime.stop(id, 1, signal);
      assert.equal(await runtime.inspect(id, signal), undefined);
    });

    it('gives up at once what is aborted before it begins', async () => {
      const gone = AbortSignal.abort();
      await refused('cancelled', runtime.list({}, gone));
      await refused('cancelled', runtime.start('0'.repeat(64), gone));
    });
  });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
