// A one-machine cluster for an end-to-end test, started and ended as a user does it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const BERTH = join(ROOT, 'packages/cli/bin/berth.mjs');
const OUTPUT_KEPT = 200_000;

export interface Place {
  readonly dataDirectory: string;
  readonly portBase: number;
  readonly httpPort: number;
  readonly url: string;
  readonly env: NodeJS.ProcessEnv;
  remove(): void;
}

/** A data directory and ports of its own; each end-to-end file takes another `number`, 1 to 20. */
export function newPlace(number: number): Place {
  const dataDirectory = mkdtempSync(join(tmpdir(), `berth-e2e-${number}-`));
  const portBase = 17_000 + number * 100;
  const httpPort = portBase + 80;
  return {
    dataDirectory,
    portBase,
    httpPort,
    url: `http://127.0.0.1:${httpPort}/hello`,
    env: { ...process.env, BERTH_DATA_DIR: dataDirectory, NO_COLOR: '1' },
    remove: () => rmSync(dataDirectory, { recursive: true, force: true }),
  };
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Run one `berth` command to its end, at most `timeoutMs`. */
export async function berth(
  place: Pick<Place, 'env'>,
  args: readonly string[],
  options: { timeoutMs?: number; input?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [BERTH, ...args], {
    cwd: ROOT,
    env: { ...place.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.end(options.input ?? '');
  const code = await exitCode(child);
  clearTimeout(limit);
  return { code, stdout, stderr };
}

/** As `berth`, with --json: the parsed output. @throws Error with what it printed unless it succeeded */
export async function berthJson<T>(place: Pick<Place, 'env'>, args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await berth(place, [...args, '--json']);
  if (code !== 0) throw new Error(`berth ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`);
  return JSON.parse(stdout) as T;
}

export interface Running {
  readonly process: ChildProcess;
  output(): string;
  /** Resolves when the output matches. @throws Error with the output when it ends or `timeoutMs` pass first */
  until(pattern: RegExp, timeoutMs: number): Promise<void>;
  /** Send a signal, wait for the end. */
  end(signal: NodeJS.Signals, timeoutMs: number): Promise<number | null>;
}

/**
 * Start a long-running command and watch its output.
 * @param options `group`: signals go to all of its processes, as a terminal sends Ctrl-C
 */
export function launch(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  { group = false } = {},
): Running {
  const child = spawn(command, args, {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: group,
  });
  const kill = (signal: NodeJS.Signals): void => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    process.kill(group ? -child.pid : child.pid, signal);
  };
  let output = '';
  let ended = false;
  const listeners = new Set<() => void>();
  const take = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_KEPT);
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const exited = exitCode(child).then((code) => {
    ended = true;
    for (const listener of listeners) listener();
    return code;
  });
  return {
    process: child,
    output: () => output,
    until: (pattern, timeoutMs) =>
      new Promise((resolve, reject) => {
        const limit = setTimeout(
          () => finish(new Error(`no ${String(pattern)} within ${timeoutMs} ms:\n${output}`)),
          timeoutMs,
        );
        const look = (): void => {
          if (pattern.test(output)) finish();
          else if (ended) finish(new Error(`ended before ${String(pattern)}:\n${output}`));
        };
        function finish(error?: Error): void {
          clearTimeout(limit);
          listeners.delete(look);
          if (error) reject(error);
          else resolve();
        }
        listeners.add(look);
        look();
      }),
    end: async (signal, timeoutMs) => {
      kill(signal);
      const limit = setTimeout(() => kill('SIGKILL'), timeoutMs);
      const code = await exited;
      clearTimeout(limit);
      return code;
    },
  };
}

/** `berth dev` with the sample service, steady. */
export async function startDev(place: Place, args: readonly string[] = []): Promise<Running> {
  const dev = launch(
    process.execPath,
    [
      BERTH,
      'dev',
      '--plain',
      '--port-base',
      String(place.portBase),
      '--http-port',
      String(place.httpPort),
      ...args,
    ],
    place.env,
  );
  await dev.until(/steady/, 180_000);
  return dev;
}

function exitCode(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

/** Poll until `probe` gives a value. @throws Error naming `what` after `timeoutMs` */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let trouble: unknown;
  while (performance.now() < deadline) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
      trouble = undefined;
    } catch (error) {
      trouble = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: trouble });
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request on a connection of its own. */
export function ask(url: string, method = 'GET', body?: string, timeout = 10_000): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, agent: false, timeout }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => (text += chunk));
      incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, body: text }));
      incoming.once('error', reject);
    });
    outgoing.once('timeout', () =>
      outgoing.destroy(new Error(`${url} did not answer in ${timeout} ms`)),
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** What a command prints, for comparing the machine before and after. */
export function printed(command: string, ...args: string[]): string {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
