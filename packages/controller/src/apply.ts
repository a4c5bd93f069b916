// Carries out a plan: its actions become fenced transactions, each of which makes sense by itself. What was read is
// compared; a lost race changes nothing and the loop looks again.
import { patched } from '@berth/model/deployment/patch.ts';
import type { Action, PlannedEvent } from '@berth/model/deployment/actions.ts';
import { isSame } from '@berth/model/deployment/equal.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { ServiceDeploymentsRecord } from '@berth/model/generated/messages.ts';
import type { Leadership } from '@berth/store/election.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';
import type { Store, Transaction } from '@berth/store/store.ts';
import { MAX_OPERATIONS, mergeTransactions } from '@berth/store/transaction.ts';

export interface Committer {
  readonly store: Store;
  readonly leadership: Leadership;
  readonly newEventId: () => string;
  readonly now: () => number;
}

/** Writes that belong together. */
type Part = Partial<Transaction>;

/** Room for the leader's guard. */
const PART_LIMIT = MAX_OPERATIONS - 8;

/**
 * Commit what has to change for a plan, starts left out.
 * @param state the view that the plan was made from
 * @param record the service's deployments as they have to be; `unchanged` leaves them alone
 * @returns the revision of the last commit; undefined when there was nothing to do
 * @throws BerthError ConflictException when a record has changed meanwhile
 */
export async function applyActions(
  committer: Committer,
  state: State,
  place: { readonly cluster: string; readonly service: string },
  actions: readonly Action[],
  record: ServiceDeploymentsRecord | 'unchanged' | undefined,
): Promise<number | undefined> {
  const parts = actions.flatMap((action) => {
    const part = partOf(committer, state, place, action);
    return part ? [part] : [];
  });
  if (record !== 'unchanged') {
    const part = recordPart(state, place, record);
    if (part) parts.push(part);
  }
  return await commitParts(committer, parts);
}

/** Commit service events with the record of deployments that they follow from. */
export async function applyNews(
  committer: Committer,
  state: State,
  place: { readonly cluster: string; readonly service: string },
  record: ServiceDeploymentsRecord,
  events: readonly PlannedEvent[],
): Promise<number | undefined> {
  const actions = events.map((event): Action => ({ kind: 'addEvent', event }));
  return await applyActions(committer, state, place, actions, record);
}

async function commitParts(
  committer: Committer,
  parts: readonly Part[],
): Promise<number | undefined> {
  let revision: number | undefined;
  for (const batch of batches(parts)) {
    const { guard, signal } = committer.leadership;
    const outcome = await committer.store.commit(
      mergeTransactions({ guards: [guard] }, ...batch),
      signal,
    );
    if (!outcome.committed) {
      throw new BerthError(
        'ConflictException',
        'A plan was not carried out: a record that it was made from has changed, or another controller leads.',
        { details: { revision: String(outcome.revision) } },
      );
    }
    revision = outcome.revision;
  }
  return revision;
}

/** As few transactions as the limits allow, in order. */
function* batches(parts: readonly Part[]): Generator<Part[]> {
  let batch: Part[] = [];
  let size = 0;
  for (const part of parts) {
    const own = (part.guards?.length ?? 0) + (part.puts?.length ?? 0) + (part.deletes?.length ?? 0);
    if (size + own > PART_LIMIT && batch.length > 0) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(part);
    size += own;
  }
  if (batch.length > 0) yield batch;
}

function partOf(
  committer: Committer,
  state: State,
  { cluster, service }: { readonly cluster: string; readonly service: string },
  action: Action,
): Part | undefined {
  switch (action.kind) {
    case 'patchTask': {
      const stored = state.get(collections.tasks, cluster, action.taskId);
      if (!stored) return undefined;
      const task = patched(stored.value, action.patch);
      return {
        guards: [guardUnchanged(stored)],
        puts: [putRecord(collections.tasks, [cluster, task.id], task)],
      };
    }
    case 'putTarget': {
      const { group, id } = action.target;
      const stored = state.get(collections.targets, group, id);
      return {
        guards: [stored ? guardUnchanged(stored) : guardAbsent(collections.targets, group, id)],
        puts: [putRecord(collections.targets, [group, id], action.target)],
      };
    }
    case 'removeTarget': {
      const stored = state.get(collections.targets, action.target.group, action.target.id);
      return stored && { guards: [guardUnchanged(stored)], deletes: [stored.key] };
    }
    case 'addEvent': {
      const event = {
        ...action.event,
        id: committer.newEventId(),
        cluster,
        createdAt: committer.now(),
      };
      return { puts: [putRecord(collections.events, [cluster, event.id], event)] };
    }
    case 'retireService': {
      const stored = state.get(collections.services, cluster, service);
      if (!stored) return undefined;
      const retired = { ...stored.value, status: 'INACTIVE' as const };
      return {
        guards: [guardUnchanged(stored)],
        puts: [putRecord(collections.services, [cluster, service], retired)],
      };
    }
    case 'startTasks':
      return undefined;
  }
}

function recordPart(
  state: State,
  { cluster, service }: { readonly cluster: string; readonly service: string },
  record: ServiceDeploymentsRecord | undefined,
): Part | undefined {
  const stored = state.get(collections.deployments, cluster, service);
  if (!record) return stored && { guards: [guardUnchanged(stored)], deletes: [stored.key] };
  if (stored && isSame(stored.value, record)) return undefined;
  return {
    guards: [
      stored ? guardUnchanged(stored) : guardAbsent(collections.deployments, cluster, service),
    ],
    puts: [putRecord(collections.deployments, [cluster, service], record)],
  };
}
