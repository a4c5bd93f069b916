// Child processes of `berth dev` that outlive a crash of it, and how the next start finds and ends them: by
// their pid file, checked against the command line so that a reused pid is never mistaken.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

import type { Clock } from '@berth/control/clock.ts';

import { findProgram } from './host-commands.ts';

export interface Daemon {
  readonly pid: number;
  /** Resolves when it has ended, with how. */
  readonly ended: Promise<string>;
}

/**
 * Start a program in a process group of its own, so that a Ctrl-C on our terminal does not reach it: it is ended in order,
 * by us; by the kernel, with SIGTERM, if we are killed. Its output is appended to `logFile`.
 */
export async function startDaemon(
  command: string,
  args: readonly string[],
  logFile: string,
): Promise<Daemon> {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  try {
    const setpriv = findProgram('setpriv');
    const words = [...(setpriv ? [setpriv, '--pdeathsig', 'TERM'] : []), command, ...args];
    const [program = command, ...rest] = words;
    const child = spawn(program, rest, { detached: true, stdio: ['ignore', log, log] });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    return { pid: child.pid ?? 0, ended: endOf(child) };
  } finally {
    closeSync(log);
  }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `exit code ${code ?? '?'}` : `signal ${signal}`);
    });
  });
}

/** The words of a process's command line; undefined when it is gone or a zombie. */
export function commandLine(pid: number): readonly string[] | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    return words.length > 0 ? words : undefined;
  } catch {
    return undefined;
  }
}

/** The pid in a file, if that process's command line holds `mark`. */
export function runningPid(pidFile: string, mark: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(pidFile, 'utf8');
  } catch {
    return undefined;
  }
  const pid = Number(text.trim());
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  return commandLine(pid)?.some((word) => word.includes(mark)) === true ? pid : undefined;
}

const POLL_MS = 50;

/** SIGTERM, then SIGKILL after `graceMs`. Resolves when the process is gone; it must be ours by `mark`. */
export async function endProcess(
  pid: number,
  mark: string,
  graceMs: number,
  clock: Clock,
): Promise<void> {
  const alive = (): boolean => commandLine(pid)?.some((word) => word.includes(mark)) === true;
  const never = new AbortController().signal;
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const begin = clock.monotonic();
    try {
      if (alive()) process.kill(pid, signal);
    } catch {
      return; // gone between the look and the signal
    }
    while (alive() && clock.monotonic() - begin < graceMs) await clock.sleep(POLL_MS, never);
  }
}
