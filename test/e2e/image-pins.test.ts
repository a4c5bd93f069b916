// All tasks of a service revision run the image that its tag stood for at first, wherever the tag goes meanwhile: with a real
// registry and a real engine.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Service, Task } from '@berth/model/generated/messages.ts';

import { startRegistry, type TestRegistry } from '../support/registry.ts';
import {
  berth,
  berthJson,
  eventually,
  newPlace,
  type Place,
  type Running,
  startDev,
} from './cluster.ts';

const COUNT = 3;

describe('the image of a deployment', function () {
  this.timeout(180_000);
  const place: Place = newPlace(11);
  let dev: Running;
  let registry: TestRegistry;
  let image: string;
  let digests: readonly [string, string, string];

  const service = async (): Promise<Service> =>
    (await berthJson<{ services: Service[] }>(place, ['service', 'show', 'pinned'])).services[0]!;
  const tasks = async (): Promise<readonly Task[]> =>
    (await berthJson<{ tasks: Task[] }>(place, ['task', 'list', '--service', 'pinned'])).tasks;
  const imagesOf = async (): Promise<readonly (string | undefined)[]> =>
    (await tasks()).map(({ containers }) => containers[0]?.imageDigest);
  const steady = (count: number): Promise<true> =>
    eventually(`pinned steady at ${count}`, 120_000, async () => {
      const { deployments, runningCount } = await service();
      return deployments.length === 1 && runningCount === count ? true : undefined;
    });
  const succeeds = async (...args: string[]): Promise<void> => {
    const { code, stdout, stderr } = await berth(place, args, { timeoutMs: 150_000 });
    assert.equal(code, 0, stdout + stderr);
  };

  before(async () => {
    registry = await startRegistry();
    image = `${registry.address}/team/web:stable`;
    digests = [
      await registry.push('team/web', 'second', 'second'),
      await registry.push('team/web', 'third', 'third'),
      await registry.push('team/web', 'stable', 'first'),
    ];
    dev = await startDev(place);
    const definition = join(place.dataDirectory, 'pinned.json');
    const health = { command: ['CMD', 'true'], interval: 5, retries: 2 };
    const container = { name: 'web', image, memory: 32, healthCheck: health, stopTimeout: 2 };
    writeFileSync(
      definition,
      JSON.stringify({ family: 'pinned', containerDefinitions: [container] }),
    );
    await succeeds('task-definition', 'register', definition);
  });
  after(async () => {
    await dev.end('SIGINT', 60_000);
    await registry[Symbol.asyncDispose]();
    place.remove();
  });

  it('is the same for all of its tasks though the tag is moved meanwhile', async () => {
    const [, , first] = digests;
    const input = join(place.dataDirectory, 'service.json');
    const deploymentConfiguration = { minimumHealthyPercent: 100, maximumPercent: 134 };
    writeFileSync(
      input,
      JSON.stringify({
        serviceName: 'pinned',
        taskDefinition: 'pinned',
        desiredCount: 1,
        deploymentConfiguration,
      }),
    );
    await succeeds('service', 'create', '-f', input);
    assert.deepEqual(await imagesOf(), [first]);
    await registry.push('team/web', 'stable', 'second');
    await succeeds('service', 'scale', 'pinned', String(COUNT));
    await steady(COUNT);
    assert.deepEqual(await imagesOf(), [first, first, first]);
    for (const { containers } of await tasks()) assert.equal(containers[0]?.image, image);
  });

  it('is what the tag stands for when a deployment is forced, and stays so while it rolls out', async () => {
    const [second] = digests;
    const rollout = berth(place, ['service', 'update', 'pinned', '--force-new-deployment'], {
      timeoutMs: 150_000,
    });
    await eventually('a task of the new deployment', 60_000, async () =>
      (await imagesOf()).includes(second) ? true : undefined,
    );
    await registry.push('team/web', 'stable', 'third');
    const { code, stdout, stderr } = await rollout;
    assert.equal(code, 0, stdout + stderr);
    await steady(COUNT);
    assert.deepEqual(await imagesOf(), [second, second, second]);
  });

  it('is not pinned for a task that belongs to no service', async () => {
    const [, third] = digests;
    const run = await berthJson<{ tasks: Task[] }>(place, ['task', 'run', 'pinned']);
    const [task] = run.tasks;
    const container = await eventually('the image of the task', 60_000, async () => {
      const shown = await berthJson<{ tasks: Task[] }>(place, ['task', 'show', task!.taskArn]);
      return shown.tasks[0]?.containers.find(({ imageDigest }) => imageDigest !== undefined);
    });
    assert.equal(container.imageDigest, third);
  });
});
