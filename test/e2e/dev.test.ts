// The one-machine cluster in the hands of a person: in the background, killed, started anew, on a bad day.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Task } from '@berth/model/generated/messages.ts';

import {
  type Place,
  ask,
  berth,
  berthJson,
  eventually,
  launch,
  newPlace,
  printed,
  startDev,
} from './cluster.ts';

const devArgs = (place: Place, ...more: string[]): string[] => [
  'dev',
  '--plain',
  ...['--port-base', String(place.portBase), '--http-port', String(place.httpPort)],
  ...more,
];

const runningTasks = async (place: Place): Promise<readonly Task[]> =>
  (await berthJson<{ tasks: Task[] }>(place, ['task', 'list', '--service', 'hello'])).tasks;

describe('berth dev', () => {
  describe('in the background', () => {
    const place = newPlace(6);

    after(async function () {
      this.timeout(90_000);
      await berth(place, ['dev', '--stop']);
      place.remove();
    });

    it('--keep returns when hello is steady and leaves the cluster running', async () => {
      const { code, stdout, stderr } = await berth(place, devArgs(place, '--keep'), {
        timeoutMs: 180_000,
      });
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /berth dev --stop/);
      assert.equal((await ask(place.url)).status, 200);
    });

    it('logs --follow interleaves the lines of all tasks with their names', async () => {
      const follow = launch(
        process.execPath,
        ['packages/cli/bin/berth.mjs', 'logs', '--follow', 'hello'],
        place.env,
      );
      const ids = (await runningTasks(place)).map(({ taskArn }) =>
        taskArn.split('/').at(-1)!.slice(0, 8),
      );
      assert.equal(ids.length, 4);
      for (const id of ids) await follow.until(new RegExp(`^.*${id}.*$`, 'm'), 20_000);
      await follow.end('SIGINT', 5_000);
    });

    it('exec runs a command in a container, passes input on, and returns its exit code', async () => {
      const task = (await runningTasks(place))[0]!.taskArn.split('/').at(-1)!;
      const shell = await berth(
        place,
        ['exec', '-i', task.slice(0, 8), '--', '/bin/sh', '-c', 'cat; exit 7'],
        {
          input: 'through the agent\n',
        },
      );
      assert.equal(shell.code, 7, shell.stderr);
      assert.equal(shell.stdout, 'through the agent\n');
    });

    it('state shows what etcd holds, as JSON', async () => {
      const { stdout } = await berth(place, ['state', 'get', '/berth/v1/services/default/hello']);
      assert.equal((JSON.parse(stdout) as { desiredCount: number }).desiredCount, 4);
    });

    it('after SIGKILL the next start cleans up and goes on', async () => {
      const pid = Number(
        /"pid":\s*(\d+)/.exec(printed('cat', join(place.dataDirectory, 'lock')))?.[1],
      );
      process.kill(pid, 'SIGKILL');
      const dev = await startDev(place);
      await eventually('four tasks', 30_000, async () =>
        (await runningTasks(place)).length === 4 ? true : undefined,
      );
      assert.equal((await ask(place.url)).status, 200);
      assert.equal(await dev.end('SIGINT', 60_000), 0, dev.output());
    });

    it('--fresh starts from nothing', async () => {
      const dev = await startDev(place, ['--fresh']);
      assert.match(dev.output(), /registered hello:1/);
      assert.equal(await dev.end('SIGINT', 60_000), 0, dev.output());
    });
  });

  describe('on a bad day', () => {
    const place = newPlace(7);
    after(() => place.remove());

    it('names the Docker Engine that does not answer', async () => {
      const { code, stderr } = await berth(place, devArgs(place), {
        env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' },
      });
      assert.equal(code, 6);
      assert.match(stderr, /unix:\/\/\/nowhere\/docker\.sock/);
    });

    it('names the port that is taken, and leaves nothing running', async () => {
      const { createServer } = await import('node:net');
      const thief = createServer().listen(place.portBase, '127.0.0.1');
      try {
        const { code, stderr, stdout } = await berth(place, devArgs(place, '--no-sample'));
        assert.equal(code, 1, stdout + stderr);
        assert.match(stderr, new RegExp(`${place.portBase}`));
        assert.doesNotMatch(stderr, /\n\s+at /);
        assert.doesNotMatch(printed('ps', '-eo', 'args'), new RegExp(place.dataDirectory));
      } finally {
        thief.close();
      }
    });

    it('says that the disk is full', async () => {
      const disk = join(place.dataDirectory, 'full');
      mkdirSync(disk);
      printed('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk);
      try {
        const { code, stderr, stdout } = await berth(
          place,
          devArgs(place, '--no-sample', '--data-dir', join(disk, 'dev')),
          { timeoutMs: 60_000 },
        );
        assert.equal(code, 1, stdout + stderr);
        assert.match(stderr, /no space|full/i);
        assert.match(stderr, new RegExp(disk));
        assert.doesNotMatch(stderr, /\n\s+at /);
      } finally {
        printed('umount', '-l', disk);
      }
    });
  });
});
