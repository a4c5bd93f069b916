// `berth dev --keep` and `--stop`: a cluster that runs on without a terminal.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { readClusterFile } from '../cluster-file.ts';
import type { Context } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { say } from '../output/terminal.ts';
import { commandLine } from './child.ts';
import { cleanUp } from './leftovers.ts';
import { isLocked, readHolder } from './lock.ts';
import type { DevOptions } from './options.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/berth.mjs', import.meta.url));
const POLL_MS = 100;
const STOP_MS = 90_000;

/** Start `berth dev` as a process of its own; show what it says until it serves. */
export async function startInBackground(context: Context, options: DevOptions): Promise<number> {
  const { clock, terminal, signal } = context;
  const logFile = join(options.dataDirectory, 'logs/dev.log');
  mkdirSync(join(options.dataDirectory, 'logs'), { recursive: true });
  const log = openSync(logFile, 'w+');
  try {
    const child = spawn(process.execPath, [LAUNCHER, ...argumentsOf(options)], {
      detached: true,
      stdio: ['ignore', log, log],
      env: process.env,
    });
    let ended: number | undefined;
    child.once('exit', (code) => (ended = code ?? exitCodes.failed));
    child.once('error', () => (ended = exitCodes.failed));
    const show = followFile(log, (text) => terminal.write(text));
    for (;;) {
      const over = ended !== undefined;
      show();
      if (over) return ended ?? exitCodes.failed;
      const file = readClusterFile(options.dataDirectory);
      if (file?.pid === child.pid && file?.ready === true) break;
      await clock.sleep(POLL_MS, signal).catch((error: unknown) => {
        child.kill('SIGTERM');
        throw error;
      });
    }
    child.unref();
    say(terminal, `It runs on in the background (pid ${child.pid ?? '?'}, log ${logFile}).`);
    say(terminal, 'Stop it with: npx berth dev --stop');
    return exitCodes.ok;
  } finally {
    closeSync(log);
  }
}

function argumentsOf({ dataDirectory, ports, fresh, sample }: DevOptions): string[] {
  return [
    'dev',
    '--plain',
    ...['--data-dir', dataDirectory],
    ...['--port-base', String(ports.api)],
    ...['--http-port', String(ports.http)],
    ...(fresh ? ['--fresh'] : []),
    ...(sample ? [] : ['--no-sample']),
  ];
}

/** @returns a function that passes on what was added since it was last called */
function followFile(file: number, write: (text: string) => void): () => void {
  const buffer = Buffer.alloc(65_536);
  let position = 0;
  return () => {
    for (;;) {
      const size = readSync(file, buffer, 0, buffer.length, position);
      if (size === 0) return;
      position += size;
      write(buffer.toString('utf8', 0, size));
    }
  };
}

/** Stop the cluster that runs on the data directory, and wait until it is gone. */
export async function stopRunning(context: Context, options: DevOptions): Promise<number> {
  const { clock, terminal, signal } = context;
  const directory = options.dataDirectory;
  if (!(await isLocked(directory))) {
    say(terminal, `no berth dev runs on ${directory}`);
    const problems = await cleanUp(directory, clock);
    for (const problem of problems) terminal.complain(`left over from a killed one: ${problem}`);
    return problems.length === 0 ? exitCodes.ok : exitCodes.failed;
  }
  const holder = readHolder(directory);
  if (!holder || commandLine(holder.pid) === undefined) {
    throw new CommandError(
      exitCodes.failed,
      `found no pid of the berth dev that holds ${directory}`,
      {
        next: `fuser ${directory}`,
      },
    );
  }
  process.kill(holder.pid, 'SIGTERM');
  const begin = clock.monotonic();
  while (await isLocked(directory)) {
    if (clock.monotonic() - begin > STOP_MS) {
      throw new CommandError(
        exitCodes.failed,
        `berth dev (pid ${holder.pid}) did not stop within ${STOP_MS / 1000} s`,
        { next: `less ${join(directory, 'logs/berth.log')}` },
      );
    }
    await clock.sleep(POLL_MS, signal);
  }
  say(terminal, `stopped berth dev (pid ${holder.pid})`);
  return exitCodes.ok;
}
