// Counts the connections that limits let in or turn away. Source: ALB reference, section 4.6.
import { Counter, type Registry } from 'prom-client';

import type { Admission } from '../dispatch-hooks.ts';

const OPENED = 'berth_proxy_new_connections_total';
const REJECTED = 'berth_proxy_rejected_connections_total';
const LIMITED = 'berth_proxy_limited_requests_total';

/** @returns the same limits, and what takes the metrics out of the registry again */
export function counted(
  limits: Admission,
  registry: Registry,
): {
  readonly admission: Admission;
  /** The proxy has no place for another connection. */
  readonly refuseConnection: () => void;
  readonly remove: () => void;
} {
  const counter = (name: string, help: string): Counter =>
    new Counter({ name, help, registers: [registry] });
  const opened = counter(OPENED, "Connections of clients (connections; ALB's NewConnectionCount).");
  const rejected = counter(
    REJECTED,
    "Connections that were closed at once because their client, or all clients together, have too many (connections; ALB's RejectedConnectionCount).",
  );
  const limited = counter(LIMITED, 'Requests refused because of a rate limit (requests).');
  return {
    admission: {
      connectionOpened: (listener, address) => {
        const letIn = limits.connectionOpened(listener, address);
        (letIn ? opened : rejected).inc();
        return letIn;
      },
      connectionClosed: (listener, address) => limits.connectionClosed(listener, address),
      requestArrived: (listener, route, request) => {
        const refusal = limits.requestArrived(listener, route, request);
        if (refusal !== undefined) limited.inc();
        return refusal;
      },
    },
    refuseConnection: () => rejected.inc(),
    remove: () => {
      for (const name of [OPENED, REJECTED, LIMITED]) registry.removeSingleMetric(name);
    },
  };
}
