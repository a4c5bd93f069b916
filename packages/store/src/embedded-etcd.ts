// An etcd of one member as a supervised child process, for `berth dev` and for trials. It ends with its
// parent, starts again when it fails, and keeps its data. Production clusters run their own etcd.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { backoffDelay } from '@berth/control/backoff.ts';
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { childScope } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { TlsIdentity } from '@berth/rpc/api.ts';

import { ETCD_CLIENT_NAME } from './etcd-client-name.ts';
import { EtcdLink } from './etcd-link.ts';
import {
  binaryVersion,
  endLeftover,
  endProcess,
  type EtcdSettings,
  findBinary,
  forgetProcess,
  prepareFiles,
  reasonInLog,
  refuseTakenPorts,
  startProcess,
} from './etcd-process.ts';
import { refuseCorrupting } from './etcd-version.ts';
import { ROOT } from './keys.ts';

export { ETCD_CLIENT_NAME };

const READY_WITHIN_MS = 30_000;
const RESTART = { initialMs: 500, maxMs: 10_000 };
const GIB = 1024 ** 3;

export interface EmbeddedEtcdOptions extends Pick<
  EtcdSettings,
  'directory' | 'logFile' | 'host' | 'clientPort' | 'peerPort' | 'serverTls'
> {
  /** With the name ETCD_CLIENT_NAME in it: for the question whether etcd is ready. */
  readonly clientTls: TlsIdentity;
  readonly quotaBytes?: number | undefined;
  readonly binary?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Ends the waiting for readiness; afterwards only `stop` ends etcd. */
  readonly signal: AbortSignal;
}

export interface EmbeddedEtcd {
  /** HOST:PORT for `openState`. */
  readonly endpoint: string;
  /** Process id of the present run; undefined between two runs. */
  readonly pid: number | undefined;
  /** Why it can't be used at present; undefined when it runs. */
  unready(): string | undefined;
  /** SIGTERM, then SIGKILL after `graceMs`. Never throws. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Resolves once a read was answered.
 * @throws BerthError InvalidConfigurationRequest when the binary is missing or of a version that must not be used;
 *   Unavailable when a port is taken, the directory can't be written, or etcd does not come up
 */
export async function startEmbeddedEtcd(options: EmbeddedEtcdOptions): Promise<EmbeddedEtcd> {
  const settings: EtcdSettings = {
    ...options,
    clientName: ETCD_CLIENT_NAME,
    quotaBytes: options.quotaBytes ?? 4 * GIB,
    binary: options.binary ?? 'etcd',
  };
  const path = await findBinary(settings.binary);
  refuseCorrupting(await binaryVersion(path), path);
  await prepareFiles(settings);
  await endLeftover(settings, options.clock);
  await refuseTakenPorts(settings);
  const supervised = new Supervised(options, settings, path);
  await supervised.start();
  return supervised;
}

class Supervised implements EmbeddedEtcd {
  readonly endpoint: string;
  readonly #options: EmbeddedEtcdOptions;
  readonly #settings: EtcdSettings;
  readonly #path: string;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #supervision: Promise<void> = Promise.resolve();
  #trouble: string | undefined = 'etcd is starting';

  constructor(options: EmbeddedEtcdOptions, settings: EtcdSettings, path: string) {
    this.#options = options;
    this.#settings = settings;
    this.#path = path;
    const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host;
    this.endpoint = `${host}:${settings.clientPort}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  unready(): string | undefined {
    return this.#trouble;
  }

  async start(): Promise<void> {
    try {
      const child = await this.#run(this.#options.signal);
      this.#supervision = this.#supervise(child);
    } catch (error) {
      await this.stop(1_000);
      throw error;
    }
  }

  async stop(graceMs: number): Promise<void> {
    this.#trouble = 'etcd is stopped';
    this.#stopping.abort(new Error('etcd is being stopped'));
    if (this.#child) await endProcess(this.#child, graceMs, this.#options.clock);
    await this.#supervision;
    await forgetProcess(this.#settings).catch(() => undefined);
  }

  /** One start, up to readiness. */
  async #run(signal: AbortSignal): Promise<ChildProcess> {
    const { child, logFrom } = await startProcess(this.#settings, this.#path);
    this.#child = child;
    const scope = childScope(signal, this.#stopping.signal);
    const exited = (): void => scope.abort(new Error('etcd ended'));
    child.once('exit', exited);
    child.once('error', exited);
    try {
      await this.#answers(scope.signal);
    } catch (error) {
      signal.throwIfAborted();
      const ended = child.exitCode !== null || child.signalCode !== null || !child.pid;
      await endProcess(child, 1_000, this.#options.clock);
      const reason = ended ? await reasonInLog(this.#settings, logFrom) : 'it does not answer';
      throw new BerthError(
        'Unavailable',
        `etcd did not start on ${this.endpoint}: ${reason}. Its log is ${this.#settings.logFile}.`,
        { cause: error },
      );
    } finally {
      child.off('exit', exited);
      scope.abort();
    }
    this.#trouble = undefined;
    this.#options.logger.info({ pid: child.pid, endpoint: this.endpoint }, 'etcd is ready');
    return child;
  }

  async #answers(signal: AbortSignal): Promise<void> {
    const { clientTls: tls, clock, random } = this.#options;
    const link = new EtcdLink({ endpoints: [this.endpoint], tls, clock, random });
    try {
      await link.repeat(
        'waiting for etcd to start',
        (member, call) => member.range({ key: Buffer.from(ROOT) }, call),
        signal,
        { withinMs: 1_000, totalMs: READY_WITHIN_MS },
      );
    } finally {
      link.close();
    }
  }

  async #supervise(first: ChildProcess): Promise<void> {
    const { clock, random, logger } = this.#options;
    let child: ChildProcess | undefined = first;
    let failures = 0;
    for (;;) {
      if (child) {
        await ending(child);
        failures = 0;
      }
      if (this.#stopping.signal.aborted) return;
      failures += 1;
      this.#trouble = 'etcd has ended and is being started again';
      logger.error({ code: child?.exitCode, signal: child?.signalCode }, 'etcd ended unexpectedly');
      const wait = backoffDelay(RESTART, failures, random);
      await clock.sleep(wait, this.#stopping.signal).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
      child = await this.#run(this.#stopping.signal).catch((error: unknown) => {
        if (!this.#stopping.signal.aborted)
          logger.error({ err: error }, 'etcd could not be started again');
        return undefined;
      });
    }
  }
}

async function ending(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
