import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { testLogger, type LoggedLine } from '@berth/rpc/testing/fixtures.ts';

import { findGpus, type GpuSettings } from './gpus.ts';

describe('the GPUs of a host', () => {
  const lines: LoggedLine[] = [];
  let driver: string;

  beforeEach(async () => {
    lines.length = 0;
    driver = await mkdtemp(join(tmpdir(), 'berth-gpus-'));
    for (const [slot, id] of [
      ['0000:82:00.0', 'GPU-bbbb'],
      ['0000:04:00.0', 'GPU-aaaa'],
    ] as const) {
      await mkdir(join(driver, slot));
      const text = `Model: \t\t Tesla V100\nIRQ:   \t\t 12\nGPU UUID: \t ${id}\nBus Location: \t ${slot}\n`;
      await writeFile(join(driver, slot, 'information'), text);
    }
  });
  afterEach(() => rm(driver, { recursive: true }));

  const find = async (settings: Partial<GpuSettings>, directory = driver) =>
    Object.fromEntries(
      await findGpus(
        { nvidia: false, named: new Map(), ...settings },
        testLogger(lines),
        directory,
      ),
    );

  it('are those that the driver of NVIDIA knows, in the order of their slots', async () => {
    assert.deepEqual(await find({ nvidia: true }), { 'GPU-aaaa': [], 'GPU-bbbb': [] });
    assert.deepEqual(Object.keys(await find({ nvidia: true })), ['GPU-aaaa', 'GPU-bbbb']);
  });

  it('are none without such a driver, or where nobody wants them', async () => {
    assert.deepEqual(await find({ nvidia: true }, join(driver, 'none')), {});
    assert.deepEqual(await find({}), {});
  });

  it('are what the operator names, but for those whose device is missing or none', async () => {
    const named = new Map([
      ['a', ['/dev/null', '/dev/zero']],
      ['b', ['/dev/null', join(driver, 'gone')]],
      ['c', [driver]],
    ]);
    assert.deepEqual(await find({ named }), { a: ['/dev/null', '/dev/zero'] });
    assert.deepEqual(
      lines.map(({ message, fields }) => [message, fields['gpu']]),
      [
        ['a GPU is not offered: it lacks a device', 'b'],
        ['a GPU is not offered: it lacks a device', 'c'],
      ],
    );
  });
});
