// Places the tasks of one request: plan, commit, and plan the rest anew where hosts have changed
// meanwhile. The ledger is charged by the plan and put right by what became of each commit. Must only run in its turn.
import { invariant } from '@berth/model/assert.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  PlacementDecisionRecord,
  PlaceResponse,
  TaskRecord,
  UnplacedTask,
} from '@berth/model/generated/messages.ts';
import { decisionRecord } from '@berth/model/placement/decision.ts';
import { overdrafts } from '@berth/model/placement/fit.ts';
import type { Ledger } from '@berth/model/placement/ledger.ts';
import { type Part, seedOf } from '@berth/model/placement/parts.ts';
import { planPlacement } from '@berth/model/placement/plan.ts';
import type { PlacementPlan } from '@berth/model/placement/plan.ts';
import type { PlacementSpec } from '@berth/model/placement/spec.ts';
import { taskRecord } from '@berth/model/placement/task-record.ts';
import { providerOf } from '@berth/model/resources/capacity-provider.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Leadership } from '@berth/store/election.ts';
import { collections } from '@berth/store/keys.ts';
import { putRecord } from '@berth/store/record.ts';
import type { State, StateCache } from '@berth/store/state.ts';
import type { CommitResult, Store } from '@berth/store/store.ts';

import { batches } from './commit.ts';
import type { Batch } from './commit.ts';

/** How often a request is planned anew without a task getting through in between. */
const MAX_CONFLICTS = 5;

export interface PlaceTools {
  readonly store: Store;
  readonly cache: StateCache;
  readonly leadership: Leadership;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly nextDecisionId: () => string;
  /** The last revision at which this term itself created tasks; 0: none yet. */
  readonly ownRevision: () => number;
  /** A planning that found a host for nothing. Never rejects. */
  readonly onNothing: (decision: PlacementDecisionRecord) => Promise<void>;
  /** A transaction was committed at this revision. */
  readonly onCommitted: (revision: number) => void;
  /** A transaction was refused. */
  readonly onConflict: () => void;
  /** Nobody knows whether a transaction happened: the term must end, so that it can't happen any more. */
  readonly onDoubt: (error: unknown) => void;
}

/** What became of a request, and the seed that the decision can be replayed with. */
export interface Placed extends PlaceResponse {
  readonly seed: number;
}

/**
 * @param before how many tasks the owner had when it asked
 * @throws BerthError NotLeader when deposed; Unavailable when hosts change faster than tasks can be placed, or the
 * outcome of a commit is not known. Tasks may have been created even so: a caller that asks again
 * with its old view is told so by StaleView.
 */
export async function placeTasks(part: Part, before: number, tools: PlaceTools): Promise<Placed> {
  const { request, spec, provider } = part;
  const { ledger, random, cache, leadership, clock } = tools;
  const { epoch, guard } = leadership;
  const seed = seedOf(part, before);
  const tasks: TaskRecord[] = [];
  let revision = 0;
  let unplaced: UnplacedTask | undefined;
  for (let conflicts = 0; tasks.length < request.count;) {
    const ids = Array.from({ length: request.count - tasks.length }, () => drawHexId(random, 32));
    const open = withoutHostsOf(tasks, spec);
    const plan = planPlacement(ledger, open, ids, seed);
    verify(plan, open, ledger);
    const now = clock.now();
    const make = { request, spec, provider, epoch, now };
    const planned = plan.assignments.map((assignment) =>
      taskRecord(make, assignment, hostProvider(cache, request.cluster, assignment.hostId)),
    );
    const decision = decisionRecord({
      id: tools.nextDecisionId(),
      part: { ...part, request: { ...request, count: ids.length, hostIds: hostIdsOf(open) } },
      plan,
      seed,
      epoch,
      now,
      viewRevision: cache.revision,
      ownRevision: tools.ownRevision(),
    });
    if (planned.length === 0) await tools.onNothing(decision);
    const kept = putRecord(
      collections.placementDecisions,
      [decision.cluster, decision.id],
      decision,
    );
    const outcome = await commitAll(batches(planned, kept, guard, cache), tools);
    tasks.push(...outcome.tasks);
    revision = Math.max(revision, outcome.revision);
    ({ unplaced } = plan);
    if (outcome.refusedAt === undefined) break;
    conflicts = outcome.tasks.length > 0 ? 1 : conflicts + 1;
    await afterRefusal(outcome.refusedAt, conflicts, tools);
  }
  return { tasks, unplaced: unplaced ? [unplaced] : [], revision, seed };
}

function hostProvider(state: State, cluster: string, hostId: string): string | undefined {
  return providerOf(state.get(collections.hosts, cluster, hostId)?.value.attributes ?? []);
}

/** A DAEMON service's hosts get one task each, also over several rounds. */
function withoutHostsOf(tasks: readonly TaskRecord[], spec: PlacementSpec): PlacementSpec {
  if (!spec.onlyHosts || tasks.length === 0) return spec;
  const served = new Set(tasks.map(({ hostId }) => hostId));
  return { ...spec, onlyHosts: new Set([...spec.onlyHosts].filter((id) => !served.has(id))) };
}

function hostIdsOf({ onlyHosts }: PlacementSpec): string[] {
  return onlyHosts ? [...onlyHosts] : [];
}

/** No host was given more than it has, by the same rules that the planner chose by. */
function verify(plan: PlacementPlan, { requirements }: PlacementSpec, ledger: Ledger): void {
  const { cpu, memory, ports, portsUdp } = requirements;
  const asked = { CPU: cpu > 0, MEMORY: memory > 0, GPU: false };
  for (const { hostId, gpuIds } of plan.assignments) {
    const host = ledger.host(hostId);
    for (const lacking of host ? overdrafts(host) : []) {
      // What is lacking since before, because the host registered anew with less, is no fault of this plan.
      const mine =
        'port' in lacking
          ? (lacking.resource === 'PORTS' ? ports : portsUdp).includes(lacking.port)
          : 'gpuId' in lacking
            ? gpuIds.includes(lacking.gpuId)
            : asked[lacking.resource];
      invariant(!mine, `host ${hostId} was given more ${lacking.resource} than it has`);
    }
  }
}

interface Outcome {
  readonly tasks: readonly TaskRecord[];
  readonly revision: number;
  /** The store's revision when it refused a transaction; absent when all were committed. */
  readonly refusedAt?: number;
}

/** Commit one after the other; after a refusal the rest is not tried. */
async function commitAll(all: readonly Batch[], tools: PlaceTools): Promise<Outcome> {
  const tasks: TaskRecord[] = [];
  let revision = 0;
  for (const [index, batch] of all.entries()) {
    const result = await commit(batch, tools);
    if (!result.committed) {
      for (const { tasks: lost } of all.slice(index)) {
        for (const { id } of lost) tools.ledger.release(id);
      }
      return { tasks, revision, refusedAt: result.revision };
    }
    tools.onCommitted(result.revision);
    tasks.push(...batch.tasks);
    ({ revision } = result);
  }
  return { tasks, revision };
}

/** The signal is the term's and not the caller's: a caller that leaves must not make an outcome unknown. */
async function commit({ transaction }: Batch, tools: PlaceTools): Promise<CommitResult> {
  const { store, leadership, onDoubt } = tools;
  try {
    return await store.commit(transaction, leadership.signal);
  } catch (error) {
    onDoubt(error);
    throw new BerthError('Unavailable', "The outcome of a placement's commit is not known.", {
      cause: error,
    });
  }
}

/** Catch up with what changed. @throws BerthError NotLeader, Unavailable */
async function afterRefusal(at: number, conflicts: number, tools: PlaceTools): Promise<void> {
  const { cache, leadership, onConflict } = tools;
  onConflict();
  await cache.reached(at, leadership.signal);
  const leader = cache.get(collections.leader, 'scheduler');
  if (leader?.createRevision !== leadership.epoch) throw notLeader(leader?.value.address);
  if (conflicts >= MAX_CONFLICTS) {
    throw new BerthError(
      'Unavailable',
      `The hosts changed ${conflicts} times while tasks were placed on them; try again.`,
    );
  }
}

/** @param address where the leader serves, as far as known; `details.leader` of the error */
export function notLeader(address: string | undefined): BerthError {
  const known = address !== undefined && address !== '';
  return new BerthError(
    'NotLeader',
    known
      ? `This scheduler does not lead; the one at ${address} does.`
      : 'This scheduler does not lead, and nobody else does at present.',
    { details: known ? { leader: address } : {} },
  );
}
