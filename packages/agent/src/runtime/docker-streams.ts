// The parts of the Docker adapter that last: logs, pulls and execs. Source: pitfalls D7, D24, D27.
import type { Duplex } from 'node:stream';

import type { Clock } from '@berth/control/clock.ts';

import { demultiplex, plainOutput } from '../log-frames.ts';
import { classified, pullKindOf } from './docker-errors.ts';
import type { DockerTransport } from './docker-transport.ts';
import { parseImageName } from './image-name.ts';
import { jsonLines } from './json-lines.ts';
import {
  RuntimeError,
  type ExecOptions,
  type ExecSession,
  type LogOptions,
  type OutputFrame,
} from './runtime.ts';

/** A pull that shows no progress for so long is given up. Source: ECS_IMAGE_PULL_INACTIVITY_TIMEOUT. */
const PULL_IDLE_MS = 60_000;
const EXEC_END_LIMIT_MS = 10_000;
const EXEC_POLL_MS = 25;

export async function* dockerLogs(
  transport: DockerTransport,
  id: string,
  tty: boolean,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<OutputFrame, void, undefined> {
  const query = {
    stdout: true,
    stderr: true,
    follow: options.follow,
    timestamps: options.timestamps,
    tail: options.tail === undefined ? 'all' : String(options.tail),
    ...(options.since === undefined ? {} : { since: (options.since / 1000).toFixed(3) }),
  };
  const path = `/containers/${id}/logs`;
  const answer = await transport.stream({ operation: 'logs', method: 'GET', path, query, signal });
  yield* classified('logs', tty ? plainOutput(answer) : demultiplex(answer), signal);
}

/** @throws RuntimeError also for what the stream reports with HTTP status 200 */
export async function dockerPull(
  transport: DockerTransport,
  clock: Clock,
  image: string,
  signal: AbortSignal,
): Promise<void> {
  const idle = new IdleLimit(clock, PULL_IDLE_MS, signal);
  try {
    const answer = await transport.stream({
      operation: 'pull',
      method: 'POST',
      path: '/images/create',
      query: imageQuery(image),
      signal: idle.signal,
    });
    for await (const line of classified('pull', jsonLines(answer, 'pull'), idle.signal)) {
      idle.touch();
      failOnError(line);
    }
  } catch (error) {
    if (!idle.expired) throw error;
    const words = `no progress for ${String(PULL_IDLE_MS / 1000)} s`;
    throw new RuntimeError('timeout', 'pull', words, error);
  } finally {
    idle.end();
  }
}

function failOnError(line: unknown): void {
  const { errorDetail, error } = line as { errorDetail?: { message?: string }; error?: string };
  const message = errorDetail?.message ?? error;
  if (message === undefined) return;
  throw new RuntimeError(pullKindOf(message), 'pull', `Error response from daemon: ${message}`);
}

/** An image without tag or digest means `latest`; without any, Docker would pull all tags. */
function imageQuery(image: string): { fromImage: string; tag?: string } {
  const { repository, tag = 'latest', digest } = parseImageName(image);
  return digest === undefined ? { fromImage: repository, tag } : { fromImage: image };
}

export async function dockerExec(
  transport: DockerTransport,
  clock: Clock,
  containerId: string,
  options: ExecOptions,
  signal: AbortSignal,
): Promise<ExecSession> {
  const operation = 'exec';
  const created = (await transport.call({
    operation,
    method: 'POST',
    path: `/containers/${containerId}/exec`,
    body: {
      AttachStdin: options.stdin,
      AttachStdout: true,
      AttachStderr: true,
      Tty: options.tty,
      Cmd: options.command,
    },
    signal,
  })) as { Id: string };
  const path = `/exec/${created.Id}`;
  const socket = await transport.hijack({
    operation,
    method: 'POST',
    path: `${path}/start`,
    body: { Detach: false, Tty: options.tty },
    signal,
  });
  signal.addEventListener('abort', () => socket.destroy(), { once: true });
  const session = execSession(transport, clock, path, socket, options.tty, signal);
  if (options.tty && options.columns > 0) await session.resize(options.columns, options.rows);
  return session;
}

function execSession(
  transport: DockerTransport,
  clock: Clock,
  path: string,
  socket: Duplex,
  tty: boolean,
  signal: AbortSignal,
): ExecSession {
  const operation = 'exec';
  return {
    output: classified(operation, tty ? plainOutput(socket) : demultiplex(socket), signal),
    async write(data) {
      if (socket.writable && !socket.write(data)) await drained(socket);
    },
    endInput: () => socket.end(),
    async resize(columns, rows) {
      const query = { w: columns, h: rows };
      const call = { operation, method: 'POST', path: `${path}/resize`, query, signal } as const;
      // A command that is over, or has yet to begin, has no window: nothing that should end the session.
      await transport.call(call).catch(() => undefined);
    },
    async exitCode(waitSignal) {
      const give = clock.monotonic() + EXEC_END_LIMIT_MS;
      while (clock.monotonic() < give) {
        const request = { operation, method: 'GET', path: `${path}/json` } as const;
        const state = (await transport.call({ ...request, signal: waitSignal })) as {
          Running: boolean;
          ExitCode: number | null;
        };
        if (!state.Running && state.ExitCode !== null) return state.ExitCode;
        await clock.sleep(EXEC_POLL_MS, waitSignal);
      }
      throw new RuntimeError('timeout', operation, 'The command closed its output but goes on');
    },
    close: () => socket.destroy(),
  };
}

/** Resolves when the socket takes more, or is gone. */
async function drained(socket: Duplex): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.once('drain', done).once('close', done);
  });
}

/** Aborts its signal when `touch` has not been called for `limitMs`, or with the parent. */
class IdleLimit {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #expiry = new AbortController();
  readonly #end = new AbortController();
  #last: number;
  readonly signal: AbortSignal;

  constructor(clock: Clock, limitMs: number, parent: AbortSignal) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#last = clock.monotonic();
    this.signal = AbortSignal.any([parent, this.#expiry.signal]);
    void this.#watch();
  }

  get expired(): boolean {
    return this.#expiry.signal.aborted;
  }

  touch(): void {
    this.#last = this.#clock.monotonic();
  }

  end(): void {
    this.#end.abort();
  }

  async #watch(): Promise<void> {
    try {
      for (;;) {
        const left = this.#last + this.#limitMs - this.#clock.monotonic();
        if (left <= 0) break;
        await this.#clock.sleep(left, this.#end.signal);
      }
      this.#expiry.abort(new Error('no progress'));
    } catch {
      // ended in time
    }
  }
}
