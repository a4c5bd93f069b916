// The machine's own tools, found even where /usr/sbin is not on the path.
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

import { CommandError, exitCodes } from '../failure.ts';

const run = promisify(execFile);
const OUTPUT_MAX = 16 * 1024 * 1024;
const TIMEOUT_MS = 30_000;

/** The path of a program. @returns undefined when there is none */
export function findProgram(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return directories
    .filter(Boolean)
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** @throws CommandError that names the Debian package it is in */
export function needProgram(name: string, debianPackage: string): string {
  const path = findProgram(name);
  if (path !== undefined) return path;
  throw new CommandError(
    exitCodes.failed,
    `found no program "${name}" on the path nor in /usr/sbin; it comes with ${debianPackage}`,
    { next: `npm start   (installs what is missing), or: apt-get install ${debianPackage}` },
  );
}

/** Run a program to its end. @returns its output. @throws Error with what it printed */
export async function output(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(program, args, { maxBuffer: OUTPUT_MAX, timeout: TIMEOUT_MS });
  return stdout;
}

/** Whether a program ends well. */
export async function succeeds(program: string, ...args: string[]): Promise<boolean> {
  return await output(program, ...args).then(
    () => true,
    () => false,
  );
}

/** As `output`, with a text on standard input. */
export async function feed(program: string, args: readonly string[], input: string): Promise<void> {
  const running = run(program, args, { maxBuffer: OUTPUT_MAX, timeout: TIMEOUT_MS });
  running.child.stdin?.end(input);
  await running;
}
