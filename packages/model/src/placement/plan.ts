// Chooses hosts for the tasks of one request, one after the other, each seeing what those before it took.
import type { UnplacedTask } from '../generated/messages.ts';
import { candidatesOf, explainUnplaced, fittingHosts } from './explain.ts';
import { filtersFor, passesAll } from './filters.ts';
import type { Ledger } from './ledger.ts';
import { newCharge } from './spec.ts';
import type { PlacementSpec } from './spec.ts';
import { rank } from './strategies.ts';

export interface Assignment {
  readonly taskId: string;
  readonly hostId: string;
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
  const filters = filtersFor(spec);
  const ranking = rank(spec.strategies, fittingHosts(ledger, spec), ledger, spec.group, seed);
  const assignments: Assignment[] = [];
  for (const [draw, taskId] of taskIds.entries()) {
    const host = ranking.best(draw);
    if (!host) break;
    ledger.charge(taskId, newCharge(spec, host.id));
    assignments.push({ taskId, hostId: host.id });
    ranking.placed(host);
    if (spec.onlyHosts || !passesAll(filters, host, spec)) ranking.drop(host);
  }
  const missing = taskIds.length - assignments.length;
  if (missing === 0) return { assignments };
  return {
    assignments,
    unplaced: explainUnplaced(leftOver(ledger, spec, assignments), spec, missing),
  };
}

/** With a fixed set of hosts, those that got their task already don't count as refusing. */
function leftOver(
  ledger: Ledger,
  spec: PlacementSpec,
  assignments: readonly Assignment[],
): ReturnType<typeof candidatesOf> {
  const hosts = candidatesOf(ledger, spec);
  if (!spec.onlyHosts) return hosts;
  const served = new Set(assignments.map(({ hostId }) => hostId));
  return hosts.filter(({ id }) => !served.has(id));
}
