// Starts a load beside the test and reads what became of its requests.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { type Fate, decodeFate } from './fate.ts';
import type { LoadOptions } from './schedule.ts';

const PROGRAM = fileURLToPath(new URL('program.ts', import.meta.url));
/** After its requests' own limit. */
const GRACE_MS = 10_000;

export interface Load {
  /** Wall time of its first request (ms). */
  readonly began: number;
  /** Begin no more, wait for those under way. @returns all fates by the time at which they were to be sent */
  stop(): Promise<readonly Fate[]>;
  /** As `stop`, after all of its time. */
  finish(): Promise<readonly Fate[]>;
}

/** @throws Error when it can't be started */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-load-'));
  const file = join(directory, 'fates');
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', PROGRAM, JSON.stringify(options), file],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  child.stdin.on('error', () => undefined); // it has ended already
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  ended.catch(() => undefined);
  const began = await Promise.race([firstLine(child.stdout), ended]);
  if (typeof began !== 'string') throw new Error(`the load ended at once, with ${String(began)}`);
  let fates: Promise<readonly Fate[]> | undefined;
  const collect = async (lastsMs: number): Promise<readonly Fate[]> => {
    if (lastsMs === 0) child.stdin.end();
    const patience = lastsMs + options.timeoutMs + GRACE_MS;
    const limit = setTimeout(() => child.kill('SIGKILL'), patience);
    const code = await ended;
    clearTimeout(limit);
    try {
      if (code !== 0) throw new Error(`the load ended with ${String(code)}`);
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n').filter(Boolean);
      return lines.map(decodeFate).sort((a, b) => a.at - b.at);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  };
  return {
    began: Number(began.split(' ')[1]),
    stop: () => (fates ??= collect(0)),
    finish: () => (fates ??= collect(options.seconds * 1000)),
  };
}

async function firstLine(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) return line;
  return '';
}
