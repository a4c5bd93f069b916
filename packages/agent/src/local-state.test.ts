import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { testLogger } from '@berth/rpc/testing/fixtures.ts';

import { LocalState } from './local-state.ts';
import { sampleMemory, TASK_ID } from './testing/samples.ts';

describe('LocalState', () => {
  let directory: string;
  beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'berth-state-'))));
  afterEach(() => rm(directory, { recursive: true }));

  it('draws the host’s id once', async () => {
    const id = await new LocalState(directory).hostId();
    assert.match(id, /^[0-9a-f]{32}$/);
    assert.equal(await new LocalState(directory).hostId(), id);
  });

  it('refuses a file that holds no host id, and names it', async () => {
    await writeFile(join(directory, 'host-id'), 'nonsense');
    await assert.rejects(new LocalState(directory).hostId(), /host-id holds "nonsense"/);
  });

  it('keeps tasks until they are forgotten, readable by their owner only', async () => {
    const state = new LocalState(directory);
    const memory = sampleMemory([{ name: 'web' }]);
    await state.saveTask(memory);
    const path = join(directory, 'tasks', `${TASK_ID}.json`);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await new LocalState(directory).tasks(testLogger()), [
      JSON.parse(JSON.stringify(memory)),
    ]);
    await state.forgetTask(TASK_ID);
    assert.deepEqual(await state.tasks(testLogger()), []);
  });

  it('has the newest on disk when many are written at once, and resolves no earlier', async () => {
    const state = new LocalState(directory);
    const memory = sampleMemory([{ name: 'web' }]);
    const path = join(directory, 'tasks', `${TASK_ID}.json`);
    const writes = Array.from({ length: 50 }, async (_, index) => {
      await state.saveTask({ ...memory, sequence: index + 1 });
      const { memory: read } = JSON.parse(await readFile(path, 'utf8')) as {
        memory: { sequence: number };
      };
      assert.ok(read.sequence >= index + 1);
    });
    await Promise.all(writes);
    const [saved] = await state.tasks(testLogger());
    assert.equal(saved?.sequence, 50);
    assert.deepEqual(
      await readdir(join(directory, 'tasks')),
      [`${TASK_ID}.json`],
      'a temporary file is left',
    );
  });

  it('says so and goes on when a file is broken', async () => {
    const state = new LocalState(directory);
    await state.saveTask(sampleMemory([{ name: 'web' }]));
    await writeFile(join(directory, 'tasks', `${'f'.repeat(32)}.json`), '{"version":1,"mem');
    const logger = testLogger();
    assert.equal((await state.tasks(logger)).length, 1);
    assert.deepEqual(
      logger.lines.map(({ level }) => level),
      ['warn'],
    );
  });

  it('remembers which ports were used last', async () => {
    const state = new LocalState(directory);
    assert.deepEqual(await state.usedPorts(), []);
    await state.saveUsedPorts([20_003, 20_001]);
    assert.deepEqual(await new LocalState(directory).usedPorts(), [20_003, 20_001]);
  });
});
