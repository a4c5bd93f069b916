// A process that runs one role or several until it is asked to end.
import type { Role, Surroundings } from '@berth/process/role.ts';
import { startAdminServer } from '@berth/process/admin-server.ts';
import { countBuffersAsHeap } from '@berth/process/heap.ts';
import { runRoles } from '@berth/process/lifecycle.ts';
import { createLogger } from '@berth/process/logger.ts';
import { createRegistry } from '@berth/process/metrics.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import { type OpenedState, openState } from '@berth/store/open-state.ts';

import { readIdentity } from '../connection.ts';
import { exitCodes } from '../failure.ts';
import { processSignals } from '../signals.ts';
import type { ProcessConfig, StoreConfig } from './config.ts';

/** What start functions may need besides their own options. */
export interface Ground {
  readonly surroundings: Surroundings;
  /** Aborted when the process is asked to end: ends waits of starts. */
  readonly signal: AbortSignal;
}

export type Start = (ground: Ground) => Promise<Role>;

const GRACE_MS = 20_000;

/** Run the roles, in this order. @returns the exit code: 0 when asked to end, 1 when one could not go on */
export async function runProcess(
  component: string,
  config: ProcessConfig,
  starts: readonly Start[],
): Promise<number> {
  countBuffersAsHeap();
  const logger = createLogger({ level: config.logLevel, to: 'stdout', fields: { component } });
  const metrics = createRegistry({ defaults: true });
  const surroundings: Surroundings = {
    clock: realClock,
    random: realRandom,
    logger,
    metrics,
  };
  const running: Role[] = [];
  const starting = () => ({
    name: 'start',
    unready: () => `${running.length} of ${starts.length} parts have started`,
  });
  const signals = processSignals();
  const asked = new AbortController();
  const onSignal = (): void => asked.abort(new Error('the process was asked to end'));
  for (const name of ['SIGINT', 'SIGTERM'] as const) signals.on(name, onSignal);
  const admin = await startAdminServer({
    host: config.adminHost,
    port: config.adminPort,
    metrics,
    roles: () => (running.length < starts.length ? [...running, starting()] : running),
  });
  logger.info({ address: `${admin.host}:${admin.port}` }, 'metrics and readiness are served');
  try {
    const ending = await runRoles(
      starts.map((start) => async () => {
        const role = await start({ surroundings, signal: asked.signal });
        running.push(role);
        return role;
      }),
      { logger, graceMs: GRACE_MS, signals, abort: asked.signal },
    );
    return ending.reason === 'asked' ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    if (asked.signal.aborted) return exitCodes.ok;
    throw error;
  } finally {
    await admin.close();
    await logger.flush();
  }
}

/** Opens the state as a role of its own, so that it closes after those that use it. */
export function stateRole(
  config: StoreConfig,
  tlsDirectory: string,
): { readonly start: Start; readonly opened: () => OpenedState } {
  let opened: OpenedState | undefined;
  return {
    opened: () => {
      if (!opened) throw new Error('a role was started before the state was opened');
      return opened;
    },
    start: async ({ surroundings, signal }) => {
      const tls = readIdentity(tlsDirectory, 'control');
      opened = await openState({ ...surroundings, endpoints: config.etcd, tls, signal });
      return asRole('state', opened);
    },
  };
}

/** The opened state as a role. */
export function asRole(name: string, opened: OpenedState): Role {
  return {
    name,
    unready: () => (opened.cache.filled ? undefined : 'the state has not been read yet'),
    stop: () => opened.close(),
    failed: new Promise<never>(() => undefined),
  };
}
