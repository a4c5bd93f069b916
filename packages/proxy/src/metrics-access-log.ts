// What the access log counts.
import { Counter, type Registry } from 'prom-client';

import type { AccessLog } from './access-log/access-log.ts';

const WRITTEN = 'berth_proxy_access_log_lines_total';
const DROPPED = 'berth_proxy_access_log_dropped_lines_total';

/** @returns what takes the metrics out of the registry again */
export function accessLogMetrics(registry: Registry, log: AccessLog): () => void {
  const counter = (name: string, help: string, total: () => number): void => {
    const made: Counter = new Counter({
      name,
      help,
      registers: [registry],
      collect: () => {
        made.reset();
        made.inc(total());
      },
    });
  };
  counter(WRITTEN, 'Lines of access logs that were written (lines).', () => log.written);
  counter(
    DROPPED,
    'Lines of access logs that found no room or could not be written (lines).',
    () => log.dropped,
  );
  return () => {
    registry.removeSingleMetric(WRITTEN);
    registry.removeSingleMetric(DROPPED);
  };
}
