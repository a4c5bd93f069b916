// The parent's side of `proxy-program.ts`.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { ProxySettings } from '../settings.ts';

/** What the proxy holds, after its garbage has been collected. */
export interface Held {
  readonly port: number;
  /** Of clients. */
  readonly connections: number;
  readonly inFlight: number;
  /** The target of everything but /bad is healthy and not passed over. */
  readonly well: boolean;
  /** Bytes of V8's heap and of buffers. */
  readonly memory: number;
}

export interface HostileSetup {
  /** Ports of the targets. */
  readonly target: number;
  readonly bad?: number;
  readonly settings?: Partial<ProxySettings>;
  /** Attributes of the listener, and of both target groups. */
  readonly listener?: Readonly<Record<string, string>>;
  readonly attributes?: Readonly<Record<string, string>>;
}

const PROGRAM = fileURLToPath(new URL('./proxy-program.ts', import.meta.url));
const DEADLINE_MS = 30_000;

export class ProxyProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  #errors = '';

  /** @param files how many it may have open */
  static async start(setup: HostileSetup, files = 4_096): Promise<ProxyProcess> {
    const child = spawn(
      'sh',
      [
        '-c',
        'ulimit -n "$0" && exec "$@"',
        String(files),
        process.execPath,
        '--expose-gc',
        '--disable-warning=ExperimentalWarning',
        PROGRAM,
        JSON.stringify(setup),
      ],
      { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] },
    );
    const { port } = await told(child);
    return new ProxyProcess(child, port);
  }

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    child.stderr?.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
  }

  /** How it ended, and what it said; undefined while it runs. */
  get death(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return undefined;
    return `${signalCode ?? `exit code ${exitCode}`}: ${this.#errors}`;
  }

  async held(): Promise<Held> {
    if (this.death !== undefined) throw new Error(`the proxy has ended: ${this.death}`);
    const answer = told(this.#child);
    this.#child.send('held');
    return answer;
  }

  /** Waits until what it holds is so. */
  async until(what: string, holds: (held: Held) => boolean): Promise<Held> {
    const end = performance.now() + DEADLINE_MS;
    for (;;) {
      const held = await this.held();
      if (holds(held)) return held;
      if (performance.now() > end) throw new Error(`not seen: ${what}: ${JSON.stringify(held)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop(): Promise<void> {
    if (this.death !== undefined) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await ended;
  }
}

function told(child: ChildProcess): Promise<Held> {
  return new Promise((resolve, reject) => {
    const end = (outcome: () => void): void => {
      clearTimeout(timer);
      child.off('message', tell).off('exit', fail);
      outcome();
    };
    const tell = (message: unknown): void => end(() => resolve(message as Held));
    const fail = (code: number | null, signal: string | null): void => {
      end(() => reject(new Error(`the proxy has ended: ${signal ?? `exit code ${code}`}`)));
    };
    const timer = setTimeout(() => fail(null, 'no word from it'), DEADLINE_MS);
    child.once('message', tell).once('exit', fail);
  });
}
