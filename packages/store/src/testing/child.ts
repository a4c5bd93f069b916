// Programs of their own for tests that stop or kill a process. Started by `startChild` with a JSON argument; each
// line that they print is a JSON value.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Child {
  readonly process: ChildProcess;
  readonly lines: unknown[];
  /** SIGKILL, and resolves when it has ended. */
  kill(): Promise<void>;
}

/** @param program a file of this directory */
export function startChild(program: string, argument: unknown, path?: string): Child {
  const file = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, [file, JSON.stringify(argument)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...(path === undefined ? {} : { PATH: path }) },
  });
  const lines: unknown[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)));
  return {
    process: child,
    lines,
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}
