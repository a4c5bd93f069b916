// Requests to the Docker Engine through dockerode's modem. Every one has an abort signal and a time limit of
// its operation, since a promise of the modem's never settles when the engine dies in the middle of a body, and
// every one passes its body apart from the query, since the modem would put both into the URL.
// Source: pitfalls D1 to D5.
import { Agent, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import type { Clock } from '@berth/control/clock.ts';
import { abortable } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import Dockerode from 'dockerode';

import { classify } from './docker-errors.ts';
import { RuntimeError, type Operation } from './runtime.ts';

/** Time limits in milliseconds; for streams, until they open. Source: ECS reference, section 11.7. */
export const LIMIT_MS: Readonly<Record<Operation, number>> = {
  describe: 10_000,
  list: 10_000,
  inspect: 10_000,
  create: 240_000,
  start: 180_000,
  stop: 30_000,
  remove: 60_000,
  'find-image': 15_000,
  'resolve-image': 30_000,
  pull: 60_000,
  'create-volume': 60_000,
  'find-volume': 10_000,
  'list-volumes': 15_000,
  'remove-volume': 30_000,
  events: 15_000,
  logs: 15_000,
  exec: 15_000,
};

export type Outcome = 'ok' | RuntimeError['kind'];

/** Told of each finished call. */
export type CallObserver = (operation: Operation, outcome: Outcome, seconds: number) => void;

export interface DockerRequest {
  readonly operation: Operation;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: object;
  readonly signal: AbortSignal;
  /** Instead of the operation's own limit. */
  readonly limitMs?: number;
}

export interface TransportOptions {
  /** unix://PATH or tcp://HOST:PORT */
  readonly dockerHost: string;
  readonly clock: Clock;
  readonly observe: CallObserver;
}

const MAX_CALL_SOCKETS = 32;

/** Statuses that are no failure; 304 says that it was so already. */
const SUCCESS: Record<number, boolean> = { 200: true, 201: true, 204: true, 304: true };

export class DockerTransport {
  readonly #clock: Clock;
  readonly #observe: CallObserver;
  readonly #agents: readonly Agent[];
  /** For short calls. */
  readonly #calls: Dockerode;
  /** For what holds its socket for long: stops, pulls, events, logs, execs. */
  readonly #streams: Dockerode;
  /** For finding out which version to speak. */
  readonly #unversioned: Dockerode;

  constructor(options: TransportOptions) {
    const target = parseDockerHost(options.dockerHost);
    const calls = new Agent({ keepAlive: true, maxSockets: MAX_CALL_SOCKETS, timeout: 5000 });
    const streams = new Agent({ keepAlive: false });
    this.#clock = options.clock;
    this.#observe = options.observe;
    this.#agents = [calls, streams];
    this.#calls = client(target, calls);
    this.#streams = client(target, streams);
    this.#unversioned = client(target, calls);
  }

  /** The version that requests carry from now on, such as 1.41. */
  useVersion(apiVersion: string): void {
    for (const { modem } of [this.#calls, this.#streams])
      Object.assign(modem, { version: `v${apiVersion}` });
  }

  /** A call that carries no version. */
  async unversionedCall(request: DockerRequest): Promise<unknown> {
    return await this.#limited(request, (signal) => dial(this.#unversioned, request, signal, {}));
  }

  /** A call with a short answer: parsed JSON, or an empty buffer. @throws RuntimeError */
  async call(request: DockerRequest): Promise<unknown> {
    return await this.#limited(request, (signal) => dial(this.#calls, request, signal, {}));
  }

  /** A call whose answer takes long to come. */
  async slowCall(request: DockerRequest): Promise<unknown> {
    return await this.#limited(request, (signal) => dial(this.#streams, request, signal, {}));
  }

  /** A call that is answered by a stream; aborted by the request's signal also after it has opened. */
  async stream(request: DockerRequest): Promise<IncomingMessage> {
    const open = this.#limited(request, (signal) =>
      dial(this.#streams, request, signal, { isStream: true }),
    );
    return (await open) as IncomingMessage;
  }

  /** A call that turns its connection into a two-way byte stream. */
  async hijack(request: DockerRequest): Promise<Duplex> {
    const open = this.#limited(request, (signal) =>
      dial(this.#streams, request, signal, { isStream: true, hijack: true, openStdin: true }),
    );
    return (await open) as Duplex;
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }

  async #limited<T>(request: DockerRequest, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { operation } = request;
    const started = this.#clock.monotonic();
    const limitMs = request.limitMs ?? LIMIT_MS[operation];
    const tooLong = new AbortController();
    const settled = new AbortController();
    const signal = AbortSignal.any([request.signal, tooLong.signal]);
    const alarm = this.#clock.sleep(limitMs, settled.signal).then(
      () => {
        tooLong.abort(timeout(operation, limitMs));
      },
      () => undefined,
    );
    let outcome: Outcome = 'ok';
    try {
      return await abortable(act(signal), signal);
    } catch (error) {
      const failure = this.#explain(operation, error, request.signal, tooLong.signal);
      outcome = failure.kind;
      throw failure;
    } finally {
      settled.abort();
      await alarm;
      this.#observe(operation, outcome, (this.#clock.monotonic() - started) / 1000);
    }
  }

  #explain(
    operation: Operation,
    error: unknown,
    caller: AbortSignal,
    tooLong: AbortSignal,
  ): RuntimeError {
    if (tooLong.aborted) return tooLong.reason as RuntimeError;
    if (caller.aborted) {
      return new RuntimeError('cancelled', operation, `The ${operation} was given up`, error);
    }
    return classify(operation, error);
  }
}

function timeout(operation: Operation, limitMs: number): RuntimeError {
  const words = `timed out after waiting ${String(limitMs / 1000)} s for the Docker Engine`;
  return new RuntimeError('timeout', operation, words);
}

interface DialKind {
  readonly isStream?: boolean;
  readonly hijack?: boolean;
  readonly openStdin?: boolean;
}

function client(target: DockerTarget, agent: Agent): Dockerode {
  const options: object = { ...target, agent };
  return new Dockerode(options);
}

function dial(
  { modem }: Dockerode,
  request: DockerRequest,
  signal: AbortSignal,
  kind: DialKind,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    modem.dial(
      {
        ...kind,
        path: `${request.path}?`,
        method: request.method,
        options: { _query: { ...request.query }, _body: request.body ?? {} },
        statusCodes: { ...SUCCESS },
        abortSignal: signal,
      },
      (error: Error | null, answer: unknown) => {
        if (error) reject(error);
        else resolve(answer);
      },
    );
  });
}

/** Every member is given, so that nothing is taken from the environment. */
interface DockerTarget {
  readonly socketPath?: string;
  readonly protocol: 'http';
  readonly host: string;
  readonly port: number;
}

/** @throws BerthError InvalidParameterException when the address is neither unix:// nor tcp:// */
export function parseDockerHost(dockerHost: string): DockerTarget {
  const unix = /^unix:\/\/(\/.+)$/.exec(dockerHost);
  if (unix?.[1] !== undefined) {
    return { socketPath: unix[1], protocol: 'http', host: '', port: 0 };
  }
  const tcp = /^tcp:\/\/([^/:]+):(\d+)\/?$/.exec(dockerHost);
  if (tcp?.[1] !== undefined) {
    return { protocol: 'http', host: tcp[1], port: Number(tcp[2]) };
  }
  throw new BerthError(
    'InvalidParameterException',
    `The Docker Engine's address is "${dockerHost}"; expected unix:///PATH or tcp://HOST:PORT`,
  );
}
