// The scheduler's ledgers, one a cluster, kept equal to the state by its changes. Tasks that were placed
// and whose records the state has not shown yet stay charged: their charge is the one that the record will give.
import type { Clock } from '@berth/control/clock.ts';
import { inSlices } from '@berth/control/slices.ts';
import type { TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { chargeOf, sameCharge } from '@berth/model/placement/charge.ts';
import { hostView } from '@berth/model/placement/host.ts';
import { Ledger } from '@berth/model/placement/ledger.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change, State, StateCache } from '@berth/store/state.ts';

export interface Mirror {
  /** The ledger of a cluster; an empty one for a cluster of which nothing is known. */
  ledger(cluster: string): Ledger;
  /** Stop following the state. */
  close(): void;
}

/**
 * Build the ledgers from a filled cache, and follow it from there. Others have their turn meanwhile: with a million tasks it takes longer
 * than a leader's lease.
 * @throws the signal's reason
 */
export async function openMirror(
  cache: StateCache,
  clock: Clock,
  signal: AbortSignal,
): Promise<Mirror> {
  const ledgers = new Map<string, Ledger>();
  const close = cache.subscribe(({ changes }) => {
    for (const change of changes) apply(change, cache, ledgers);
  });
  try {
    for (const { value } of cache.list(collections.hosts)) {
      readHost(cache, ledgers, value.cluster, value.id);
    }
    await inSlices(
      cache.list(collections.tasks),
      ({ value }) => readTask(cache, ledgers, value.cluster, value.id),
      clock,
      signal,
    );
  } catch (error) {
    close();
    throw error;
  }
  return { ledger: (cluster) => ledgerOf(ledgers, cluster), close };
}

/** What changed is read again as a whole, so that an event seen twice or late does no harm. */
function apply(change: Change, state: State, ledgers: Map<string, Ledger>): void {
  const [first = '', second = ''] = change.parts;
  const { collection } = change;
  if (collection === 'hosts') readHost(state, ledgers, first, second);
  else if (collection === 'sessions' && first === 'host') {
    for (const cluster of ledgers.keys()) readHost(state, ledgers, cluster, second);
  } else if (collection === 'tasks' || (collection === 'taskStatus' && matters(change))) {
    readTask(state, ledgers, first, second);
  }
}

/** A status changes what its task holds only when the task stops. */
function matters({ before, after }: Change): boolean {
  return isStopped(before) || isStopped(after) || !after;
}

function isStopped(stored: Change['before']): boolean {
  return (stored?.value as TaskStatusRecord | undefined)?.lastStatus === 'STOPPED';
}

function readHost(state: State, ledgers: Map<string, Ledger>, cluster: string, id: string): void {
  const host = state.get(collections.hosts, cluster, id);
  const ledger = ledgerOf(ledgers, cluster);
  if (!host) ledger.removeHost(id);
  else
    ledger.putHost(hostView(host.value, state.get(collections.sessions, 'host', id) !== undefined));
}

function readTask(state: State, ledgers: Map<string, Ledger>, cluster: string, id: string): void {
  const task = state.get(collections.tasks, cluster, id);
  const status = state.get(collections.taskStatus, cluster, id);
  const charge = task && chargeOf(task.value, status?.value);
  const ledger = ledgerOf(ledgers, cluster);
  const known = ledger.chargeOf(id);
  if (!charge) ledger.release(id);
  else if (!known || !sameCharge(known, charge)) ledger.charge(id, charge);
}

function ledgerOf(ledgers: Map<string, Ledger>, cluster: string): Ledger {
  let ledger = ledgers.get(cluster);
  if (!ledger) ledgers.set(cluster, (ledger = new Ledger()));
  return ledger;
}
