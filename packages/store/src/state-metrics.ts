// What the operator sees of a process' view of the state.
import { Counter, Gauge, type Registry } from 'prom-client';

import type { CacheStatistics } from './state-cache.ts';

/** What the metrics are read from. */
export interface MeasuredCache {
  readonly revision: number;
  readonly statistics: CacheStatistics;
}

export interface MeasuredStore {
  /** Transactions that etcd refused since their leader had been deposed. */
  readonly deposedWrites: number;
}

/** Registers `berth_state_*`, read from cache and store when scraped. Once a registry. */
export function measureState(registry: Registry, cache: MeasuredCache, store: MeasuredStore): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name: `berth_state_${name}`,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  const counter = (name: string, help: string, value: () => number): void => {
    new Counter({
      name: `berth_state_${name}_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  };
  const of = (): CacheStatistics => cache.statistics;
  gauge('revision', 'The etcd revision that the view has reached.', () => cache.revision);
  gauge('records', 'Records in the view.', () => of().records);
  gauge(
    'last_heard_timestamp_seconds',
    'When the view last heard of the store; quiet stores speak every ten minutes.',
    () => of().heardAt / 1000,
  );
  counter('lists', 'Times that all records were listed.', () => of().lists);
  counter(
    'watch_failures',
    'Times that the watch ended or could not begin.',
    () => of().watchFailures,
  );
  counter('undecodable', 'Records met that could not be understood.', () => of().undecodable);
  counter(
    'deposed_writes',
    'Transactions that etcd refused since the leader that sent them had been deposed.',
    () => store.deposedWrites,
  );
  counter(
    'differences',
    'Records found to differ from the store by the periodic comparison. Must stay 0.',
    () => of().differences,
  );
}
