// One run of wrk against one proxy, and what it cost.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

import { LOAD_CORE, type Peer } from './proxy-peers.ts';

const TICKS_A_SECOND = 100;
const run = promisify(execFile);

export interface Measured {
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of CPU a request. */
  readonly cpu: number;
  readonly failed: number;
}

export interface Load {
  readonly path: string;
  readonly connections: number;
  /** A new connection for each request. */
  readonly fresh: boolean;
}

/** Before what is measured: peers take turns, and who has slept for ten seconds begins as no proxy under traffic does. */
const LEAD_SECONDS = 1;

export async function measure(peer: Peer, load: Load, seconds: number): Promise<Measured> {
  await wrk(peer, load, LEAD_SECONDS);
  const before = await cpuOf(peer.pid);
  const stdout = await wrk(peer, load, seconds);
  const cpu = (await cpuOf(peer.pid)) - before;
  const requests = Number(/([0-9]+) requests in/.exec(stdout)?.[1] ?? 0);
  const wrong = Number(/Non-2xx or 3xx responses: ([0-9]+)/.exec(stdout)?.[1] ?? 0);
  const errors = /Socket errors: (.*)/.exec(stdout)?.[1] ?? '';
  const broken = [...errors.matchAll(/[0-9]+/g)].reduce((sum, [count]) => sum + Number(count), 0);
  return {
    rate: Number(/Requests\/sec:\s+([0-9.]+)/.exec(stdout)?.[1] ?? 0),
    p50: milliseconds(/^\s+50%\s+(\S+)/m.exec(stdout)?.[1]),
    p99: milliseconds(/^\s+99%\s+(\S+)/m.exec(stdout)?.[1]),
    cpu: (cpu * 1_000_000) / Math.max(1, requests),
    failed: wrong + broken,
  };
}

async function wrk(peer: Peer, load: Load, seconds: number): Promise<string> {
  const header = load.fresh ? ['-H', 'Connection: close'] : [];
  const { stdout } = await run('taskset', [
    ...['-c', LOAD_CORE, 'wrk', '-t1', `-c${load.connections}`, `-d${seconds}s`, '--latency'],
    ...header,
    `http://127.0.0.1:${peer.port}${load.path}`,
  ]);
  return stdout;
}

/** Seconds of CPU that a process has used. */
async function cpuOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** Bytes of memory that a process holds. */
export async function memoryOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(text)?.[1] ?? 0);
}

function milliseconds(text = ''): number {
  const value = Number.parseFloat(text);
  if (text.endsWith('us')) return value / 1000;
  return text.endsWith('ms') ? value : value * 1000;
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
