// What was measured so far: one line of results.jsonl for each fault, of its newest run in full. A run of some faults replaces
// their lines and keeps the others'.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

import type { Row } from './measure.ts';

const FILE = fileURLToPath(new URL('results.jsonl', import.meta.url));

export interface Result {
  readonly who: 'berth' | 'swarm';
  /** Of the fault. */
  readonly name: string;
  /** When it ended, ISO 8601. */
  readonly at: string;
  readonly machine: string;
  /** Its load average over five minutes at the end. */
  readonly busy?: number;
  readonly rows: readonly Row[];
  /** What did not hold. */
  readonly broke?: string;
}

export function readResults(): readonly Result[] {
  if (!existsSync(FILE)) return [];
  const lines = readFileSync(FILE, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Result);
}

export function keepResult(result: Result): void {
  const others = readResults().filter(
    ({ who, name }) => who !== result.who || name !== result.name,
  );
  const lines = [...others, result].map((one) => `${JSON.stringify(one)}\n`);
  writeFileSync(`${FILE}.new`, lines.join(''));
  renameSync(`${FILE}.new`, FILE);
}

/** "2 cores of Intel Xeon, 24 GiB, Linux 6.18, Docker Engine 20.10, etcd 3.4, Node v24" */
export function describeMachine(): string {
  const cores = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const [engine] = /\d+[\d.]+/.exec(versionOf('dockerd')) ?? ['?'];
  const [etcd] = /\d+[\d.]+/.exec(versionOf('etcd')) ?? ['?'];
  return (
    `${cores.length} cores of ${cores[0]?.model.trim() ?? '?'}, ${memory} GiB, Linux ${release()}, ` +
    `Docker Engine ${engine}, etcd ${etcd}, Node ${process.version}`
  );
}

function versionOf(program: string): string {
  return execFileSync(program, ['--version'], { encoding: 'utf8' });
}
