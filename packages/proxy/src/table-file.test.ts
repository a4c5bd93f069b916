import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Logger } from '@berth/control/logger.ts';
import {
  type RoutingRecords,
  applyUpdate,
  NO_RECORDS,
  snapshotOf,
} from '@berth/model/routing/records.ts';
import * as records from '@berth/model/routing/testing.ts';
import { realClock } from '@berth/process/real-clock.ts';
import { complete } from '@berth/rpc/codec.ts';

import { silent } from './testing/basics.ts';
import { TableFile } from './table-file.ts';

describe('the saved table', () => {
  let directory: string;
  let complaints: string[];
  const logger: Logger = { ...silent, error: (_fields, message) => complaints.push(message ?? '') };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-table-'));
    complaints = [];
  });
  afterEach(() => rm(directory, { recursive: true }));

  const file = (): TableFile => new TableFile(directory, realClock, logger);

  function tableOf(revision: number, rules: number): RoutingRecords {
    return applyUpdate(
      NO_RECORDS,
      records.update(revision, {
        snapshot: true,
        listeners: [records.listener(80, records.forward('web'), 'l')],
        rules: Array.from({ length: rules }, (_, index) =>
          records.rule(
            'l',
            index + 1,
            [records.condition('path-pattern', [`/a/${index}/*`])],
            records.forward('web'),
          ),
        ),
        targetGroups: [records.targetGroup('web', { 'stickiness.enabled': 'true' })],
        targets: [records.target('web', 't')],
        certificates: [{ arn: 'arn:1', chainPem: 'chain', keyPem: 'key' }],
        cookieKeys: [{ id: 'k', key: Buffer.alloc(32, 7) }],
        acmeChallenges: [{ domain: 'a', type: 'http-01', token: 't', keyAuthorization: 't.k' }],
      }),
    );
  }

  async function save(table: RoutingRecords): Promise<TableFile> {
    const saved = file();
    saved.save(table);
    await saved.flush();
    return saved;
  }

  it('comes back as it was, keys included, and is for its owner only', async () => {
    const table = tableOf(7, 1_000);
    const { path } = await save(table);
    const back = await file().load();
    assert.deepEqual(back?.update, complete('RoutingUpdate', snapshotOf(table)));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.ok(Math.abs(back.savedAt - Date.now()) < 60_000);
  });

  it('is the last of several that were saved in a short time', async () => {
    const saved = file();
    for (let revision = 1; revision <= 20; revision += 1) saved.save(tableOf(revision, 1));
    await saved.flush();
    assert.equal((await file().load())?.update.revision, 20);
    assert.deepEqual((await readdir(directory)).sort(), [
      'routing.table',
      'routing.table.previous',
    ]);
  });

  it('is the one before when the last is damaged, and none when both are', async () => {
    await save(tableOf(1, 5));
    const { path } = await save(tableOf(2, 5));
    assert.equal((await file().load())?.update.revision, 2);
    const { size } = await stat(path);
    for (const damage of [
      () => truncate(path, size - 1),
      () => appendFile(path, 'x'),
      () => writeFile(path, '{"revision":9}'),
      () => writeFile(path, ''),
    ]) {
      await damage();
      complaints = [];
      assert.equal((await file().load())?.update.revision, 1);
      assert.deepEqual(complaints, ['the saved routing table can not be read: it is passed over']);
    }
    await writeFile(`${path}.previous`, 'nothing');
    assert.equal(await file().load(), undefined);
    assert.equal(complaints.length, 3);
  });

  it('of 10,000 rules is written without holding up the rest of the process', async () => {
    const table = tableOf(3, 10_000);
    const saved = file();
    let longest = 0;
    let last = performance.now();
    let turns = 0;
    const turn = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
      turns += 1;
    }, 1);
    saved.save(table);
    await saved.flush();
    clearInterval(turn);
    // Not a matter of time, but of how often others have their turn.
    assert.ok(turns >= 20, `${turns} turns`);
    assert.equal((await file().load())?.update.rules.length, 10_000);
  });

  it('that can not be written is not missed by anybody', async () => {
    const path = join(directory, 'a-file');
    await writeFile(path, '');
    const saved = new TableFile(path, realClock, logger);
    saved.save(tableOf(1, 1));
    await saved.flush();
    assert.equal(await saved.load(), undefined);
  });
});
