// Chooses hosts for the tasks of one request, one after the other, each seeing what those before it took.
import type { UnplacedTask } from '../generated/messages.ts';
import { candidatesOf, explainUnplaced } from './explain.ts';
import { HostIndex } from './host-index.ts';
import type { HostAccount, Ledger } from './ledger.ts';
import { newCharge } from './spec.ts';
import type { PlacementSpec } from './spec.ts';

export interface Assignment {
  readonly taskId: string;
  readonly hostId: string;
  readonly gpuIds: readonly string[];
}

export interface PlacementPlan {
  /** In the order of the task ids. */
  readonly assignments: readonly Assignment[];
  /** Why the last tasks got no host; absent where all did. */
  readonly unplaced?: UnplacedTask;
}

/**
 * Place a task for each id while a host fits. The tasks stay charged to the ledger: release those whose
 * commit fails. The same ledger, request and seed give the same plan, in whatever order hosts were added.
 * @param seed an unsigned 32-bit number; decides between hosts that are equally good
 */
export function planPlacement(
  ledger: Ledger,
  spec: PlacementSpec,
  taskIds: readonly string[],
  seed: number,
): PlacementPlan {
  // A request for named hosts differs from any other: its index serves this plan only.
  const open = spec.onlyHosts && new Set(spec.onlyHosts);
  const index = open ? new HostIndex(ledger, spec, open) : ledger.indexes.serve(spec);
  const assignments: Assignment[] = [];
  for (const [draw, taskId] of taskIds.entries()) {
    const host = index.best(seed, draw);
    if (!host) break;
    open?.delete(host.id);
    const charge = newCharge(spec, host);
    ledger.charge(taskId, charge);
    assignments.push({ taskId, hostId: host.id, gpuIds: charge.gpuIds });
  }
  const missing = taskIds.length - assignments.length;
  if (missing === 0) return { assignments };
  return {
    assignments,
    unplaced: explainUnplaced(leftOver(ledger, spec, assignments), spec, missing),
  };
}

/** With a fixed set of hosts, those that got their task already don't count as refusing. */
export function leftOver(
  ledger: Ledger,
  spec: PlacementSpec,
  assignments: readonly Assignment[],
): HostAccount[] {
  const hosts = candidatesOf(ledger, spec);
  if (!spec.onlyHosts) return hosts;
  const served = new Set(assignments.map(({ hostId }) => hostId));
  return hosts.filter(({ id }) => !served.has(id));
}
