// What the proxy counts of its part towards the control plane, however many workers there are.
import { Gauge, type Registry } from 'prom-client';

export interface ControlFigures {
  readonly sessionUp: () => boolean;
  /** Wall time in milliseconds since when it serves by a table that may be old; undefined while it does not. */
  readonly staleSince: () => number | undefined;
  /** The revision that is acknowledged. */
  readonly applied: () => number;
}

/** @returns what takes the metrics out of the registry again */
export function controlMetrics(registry: Registry, figures: ControlFigures): () => void {
  const names: string[] = [];
  const gauge = (name: string, help: string, value: () => number): void => {
    names.push(`berth_proxy_${name}`);
    const made: Gauge = new Gauge({
      name: `berth_proxy_${name}`,
      help,
      registers: [registry],
      collect: () => made.set(value()),
    });
  };
  gauge('session_up', '1 while a session with the api stands, else 0.', () =>
    Number(figures.sessionUp()),
  );
  gauge(
    'table_stale',
    '1 while it serves by a table that may be old, without a session, else 0.',
    () => Number(figures.staleSince() !== undefined),
  );
  gauge(
    'table_stale_since_timestamp_seconds',
    'Since when it serves by a table that may be old (Unix time in seconds); 0 while it does not.',
    () => (figures.staleSince() ?? 0) / 1000,
  );
  gauge(
    'acknowledged_revision',
    'The newest routing revision that all workers route by (etcd revision).',
    figures.applied,
  );
  return () => {
    for (const name of names) registry.removeSingleMetric(name);
  };
}
