// The state as a process of the control plane opens it: one store and one cache, shared by its roles.
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { TlsIdentity } from '@berth/rpc/api.ts';
import type { Registry } from 'prom-client';

import { EtcdLink } from './etcd-link.ts';
import { EtcdStore } from './etcd-store.ts';
import { checkVersions, concernAbout } from './etcd-version.ts';
import { ListWatchCache } from './state-cache.ts';
import { measureState } from './state-metrics.ts';
import type { Store } from './store.ts';

export interface OpenStateOptions {
  /** HOST:PORT or https://HOST:PORT of every member of etcd. */
  readonly endpoints: readonly string[];
  /** The identity towards etcd. */
  readonly tls: TlsIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Where `berth_state_*` is registered. */
  readonly metrics?: Registry | undefined;
  /** Ends the waiting for etcd; later only `close` ends what was opened. */
  readonly signal: AbortSignal;
}

export interface OpenedState {
  readonly store: Store;
  readonly cache: ListWatchCache;
  /** Stops the cache, then the store. Never throws. */
  close(): Promise<void>;
}

/**
 * Resolves once the cache is filled, however long etcd takes to answer.
 * @throws BerthError InvalidConfigurationRequest when etcd's version must not be used; the signal's reason
 */
export async function openState(options: OpenStateOptions): Promise<OpenedState> {
  await refuseBadVersions(options);
  const store = new EtcdStore(options);
  const { clock, random, logger, signal } = options;
  const stop = new AbortController();
  const cache = new ListWatchCache({
    store,
    clock,
    random,
    logger: logger.child({ component: 'state' }),
  });
  if (options.metrics) measureState(options.metrics, cache, store);
  const running = cache.run(stop.signal);
  const close = async (): Promise<void> => {
    stop.abort(new Error('the state is closed'));
    await running;
    await store.close();
  };
  const abandon = (): void => stop.abort(signal.reason);
  signal.addEventListener('abort', abandon, { once: true });
  if (signal.aborted) abandon();
  await Promise.race([cache.ready(), running]);
  signal.removeEventListener('abort', abandon);
  if (signal.aborted) {
    await close();
    throw signal.reason;
  }
  return { store, cache, close };
}

async function refuseBadVersions(options: OpenStateOptions): Promise<void> {
  const link = new EtcdLink(options);
  try {
    const versions = await checkVersions(link, options.signal);
    for (const [address, version] of versions) {
      const concern = concernAbout(version);
      if (concern)
        options.logger.warn({ address, version, concern }, 'this etcd should be upgraded');
    }
  } finally {
    link.close();
  }
}
