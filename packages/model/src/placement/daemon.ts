// Which hosts a DAEMON service belongs on. Source: ECS reference, section 6.1.
import { candidatesOf } from './explain.ts';
import { filtersFor } from './filters.ts';
import type { RefusalReason } from './filters.ts';
import type { HostAccount, Ledger } from './ledger.ts';
import type { PlacementSpec } from './spec.ts';

const DECIDING: readonly RefusalReason[] = ['DRAINING', 'ATTRIBUTE', 'MEMBER_OF'];

/**
 * The hosts that should run one task each: ACTIVE ones that have the attributes and meet the constraints.
 * What is free on them does not matter, nor whether their agents are connected just now: `view.connected` tells.
 */
export function daemonHosts(ledger: Ledger, spec: PlacementSpec): HostAccount[] {
  const filters = filtersFor(spec).filter(({ reason }) => DECIDING.includes(reason));
  return candidatesOf(ledger, spec).filter((host) =>
    filters.every((filter) => filter.passes(host, spec)),
  );
}
