// Runs roles until the process is asked to end or one of them can't go on, then stops them in reverse order.
import type { Logger } from '@berth/control/logger.ts';
import { messageChain } from '@berth/model/errors.ts';

import type { Role } from './role.ts';

/** Where the requests to end come from: the process itself, or a test's stand-in. */
export interface SignalSource {
  on(event: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(event: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

export interface LifecycleOptions {
  readonly logger: Logger;
  /** For each role to stop. Default 10 s. */
  readonly graceMs?: number | undefined;
  /** Default: the process. */
  readonly signals?: SignalSource | undefined;
  /** Called on a second signal. Default: ends the process at once. */
  readonly exit?: ((code: number) => void) | undefined;
  /** Ends the run as a signal would. */
  readonly abort?: AbortSignal | undefined;
}

export type Ending =
  | { readonly reason: 'asked' }
  | { readonly reason: 'failed'; readonly role: string; readonly error: unknown };

const DEFAULT_GRACE_MS = 10_000;
const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];
/** As shells have it: 128 and the number of the signal. */
const EXIT_CODES: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 };

/**
 * Starts the roles in order, each with those started before it already running, and ends as described above. Once it is asked
 * to end, no further role is started.
 * @throws what a start function threw, after the roles started before have been stopped
 */
export async function runRoles(
  starts: readonly (() => Promise<Role>)[],
  options: LifecycleOptions,
): Promise<Ending> {
  const { logger, graceMs = DEFAULT_GRACE_MS, signals = process, abort } = options;
  const exit = options.exit ?? ((code: number) => process.exit(code));
  const running: Role[] = [];
  let end: (ending: Ending) => void = () => undefined;
  let ended = false;
  const ending = new Promise<Ending>((resolve) => {
    end = (how) => {
      ended = true;
      resolve(how);
    };
  });
  const onSignal = (signal: NodeJS.Signals): void => {
    if (ended) {
      logger.warn({ signal }, 'asked to end a second time; ending at once');
      exit(EXIT_CODES[signal] ?? 1);
      return;
    }
    logger.info({ signal }, 'asked to end; stopping');
    end({ reason: 'asked' });
  };
  const onAbort = (): void => end({ reason: 'asked' });

  for (const signal of SIGNALS) signals.on(signal, onSignal);
  abort?.addEventListener('abort', onAbort, { once: true });
  if (abort?.aborted) onAbort();
  try {
    for (const start of starts) {
      if (ended) break;
      const role = await start();
      running.push(role);
      role.failed.catch((error: unknown) => {
        if (!ended) logger.error({ err: error, role: role.name }, 'a role can not go on');
        end({ reason: 'failed', role: role.name, error });
      });
      logger.info({ role: role.name }, 'role is ready');
    }
    return await ending;
  } finally {
    ended = true;
    for (const role of running.reverse()) await stop(role, graceMs, logger);
    for (const signal of SIGNALS) signals.off(signal, onSignal);
    abort?.removeEventListener('abort', onAbort);
  }
}

async function stop(role: Role, graceMs: number, logger: Logger): Promise<void> {
  try {
    await role.stop(graceMs);
    logger.info({ role: role.name }, 'role has stopped');
  } catch (error) {
    logger.error(
      { err: error, role: role.name, reason: messageChain(error) },
      'a role did not stop in order',
    );
  }
}
