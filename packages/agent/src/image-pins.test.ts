import assert from 'node:assert/strict';

import { settle, VirtualClock } from '@berth/control/virtual-clock.ts';
import type { ImageFinding, ImagePin } from '@berth/model/generated/messages.ts';

import { ImagePins, needsPin, pinnedName } from './image-pins.ts';
import { ImageQuestions } from './image-questions.ts';
import { createImages } from './runtime/images.ts';
import { MemoryRuntime } from './runtime/memory-runtime.ts';
import { RuntimeError } from './runtime/runtime.ts';
import { sampleContainer, sampleTask } from './testing/samples.ts';

const DIGEST = /^sha256:[0-9a-f]{64}$/;

describe('ImagePins', () => {
  const { signal } = new AbortController();
  const task = sampleTask({ service: 'web', owner: 'ecs-svc/1' });
  let clock: VirtualClock;
  let runtime: MemoryRuntime;
  let pins: ImagePins;
  let questions: ImageQuestions;
  let kept: ImagePin | undefined;
  let findings: ImageFinding[];
  let life: AbortController;

  beforeEach(() => {
    clock = new VirtualClock();
    runtime = new MemoryRuntime({
      clock,
      program: () => ({}),
      images: ['local:v1', 'cached:v1'],
      registry: ['remote:v1', 'cached:v1'],
    });
    questions = new ImageQuestions();
    const images = createImages(runtime, () => undefined);
    pins = new ImagePins({ runtime, images, questions, clock });
    kept = undefined;
    findings = [];
    life = new AbortController();
    void answering();
  });
  afterEach(() => life.abort());

  /** As the api does: the first finding counts. */
  async function answering(): Promise<void> {
    for (;;) {
      const { taskId, image, found } = await questions
        .next(life.signal)
        .catch(() => ({ taskId: '', image: '', found: undefined }));
      if (taskId === '') return;
      if (found) findings.push(found);
      if (found && !kept) kept = { image, ...found, hostId: '', at: 0 };
      questions.answer({ taskId, image, answer: kept ? 'pinned' : 'find', pin: kept });
    }
  }

  /** With time going on meanwhile. */
  async function pinOf(image: string): Promise<ImagePin> {
    const asked = pins.pinOf(task, image, signal);
    let over = false;
    void asked.catch(() => undefined).finally(() => (over = true));
    for (let turn = 0; turn < 50 && !over; turn += 1) {
      await settle();
      await clock.advance(1_000);
    }
    return await asked;
  }
  const asks = (): number =>
    runtime.calls.filter((call) => call.startsWith('resolve-image')).length;
  const away = (): RuntimeError => new RuntimeError('server', 'resolve-image', 'no such host');

  it('asks the registry where nobody knows, and is told what counts', async () => {
    const pin = await pinOf('remote:v1');
    assert.match(pin.digest ?? '', DIGEST);
    assert.equal(pinnedName('remote:v1', pin), `remote@${pin.digest}`);
    assert.ok(!runtime.calls.includes('pull remote:v1'));
  });

  it('asks nobody where it is known', async () => {
    kept = { image: 'remote:v1', digest: 'sha256:known', hostId: '', at: 0 };
    assert.equal((await pinOf('remote:v1')).digest, 'sha256:known');
    assert.deepEqual(runtime.calls, []);
  });

  it('leaves an image that was built here as it is', async () => {
    const pin = await pinOf('local:v1');
    assert.equal(pin.digest, undefined);
    assert.match(pin.reason ?? '', /never been in a registry/);
    assert.equal(pinnedName('local:v1', pin), 'local:v1');
    assert.equal(asks(), 0);
  });

  it('goes on with what it has after three tries', async () => {
    for (let tries = 0; tries < 3; tries += 1) runtime.failNext('resolve-image', away());
    const pin = await pinOf('cached:v1');
    assert.deepEqual([pin.digest, pin.reason], [undefined, 'no such host']);
    assert.equal(asks(), 3);
  });

  it('takes a third answer', async () => {
    for (let tries = 0; tries < 2; tries += 1) runtime.failNext('resolve-image', away());
    assert.match((await pinOf('cached:v1')).digest ?? '', DIGEST);
  });

  it('takes the digest of a pull where the registry does not answer questions', async () => {
    for (let tries = 0; tries < 3; tries += 1) runtime.failNext('resolve-image', away());
    assert.match((await pinOf('remote:v1')).digest ?? '', DIGEST);
    assert.ok(runtime.calls.includes('pull remote:v1'));
  });

  it('pins nothing that can not be had at all', async () => {
    await assert.rejects(pinOf('missing:v1'), /manifest for missing:v1 not found/);
    assert.deepEqual(findings, []);
    assert.equal(asks(), 1);
  });

  it('pins nothing while the engine is away', async () => {
    runtime.failNext('resolve-image', new RuntimeError('engine', 'resolve-image', 'gone'));
    await assert.rejects(pinOf('cached:v1'), /gone/);
    assert.deepEqual(findings, []);
  });

  it('looks once for the tasks of a deployment that come together', async () => {
    const tasks = ['a', 'b', 'c'].map((letter) => ({ ...task, id: letter.repeat(32) }));
    const all = await Promise.all(tasks.map((each) => pins.pinOf(each, 'remote:v1', signal)));
    assert.equal(new Set(all.map(({ digest }) => digest)).size, 1);
    assert.equal(asks(), 1);
  });

  it('pins only images of services that are named by a tag', () => {
    const container = sampleContainer({ name: 'web', image: 'web:v1' });
    assert.ok(needsPin(task, container));
    assert.ok(needsPin(task, { ...container, versionConsistency: 'enabled' }));
    assert.ok(!needsPin(task, { ...container, versionConsistency: 'disabled' }));
    assert.ok(!needsPin(task, { ...container, image: `web@sha256:${'0'.repeat(64)}` }));
    assert.ok(!needsPin(sampleTask(), container));
  });
});
