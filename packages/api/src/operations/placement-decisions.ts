// Decisions of the scheduler: which one placed a task, and making one again from what etcd held at its time.
import type {
  HostRecord,
  MessageName,
  PlacementDecisionRecord,
  ReplayPlacementRequest,
  ReplayPlacementResponse,
  TaskDefinitionRecord,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import { decideAgain, ledgerOf } from '@berth/model/placement/decision.ts';
import { hostView } from '@berth/model/placement/host.ts';
import { parseDefinitionName } from '@berth/model/resources/task-definition.ts';
import { isCompactedRead } from '@berth/store/failures.ts';
import { type Collection, collections, prefixOf } from '@berth/store/keys.ts';
import { decodeRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';
import type { Store } from '@berth/store/store.ts';

import type { OwnOperationsDeps } from './deps-operations.ts';
import { invalid, requireCluster } from './resolve.ts';

/**
 * What placed a task; undefined when it is not kept any more. The scheduler writes one decision after the other, each with
 * the first of its tasks.
 */
export function decisionOf(
  state: State,
  { value: task, createRevision }: Stored<TaskRecord>,
): PlacementDecisionRecord | undefined {
  let newest: Stored<PlacementDecisionRecord> | undefined;
  for (const decision of state.list(collections.placementDecisions, task.cluster)) {
    if (decision.createRevision > createRevision || decision.value.createdAt !== task.createdAt) {
      continue;
    }
    if (decision.value.taskDefinition !== task.taskDefinition || decision.value.placed === 0) {
      continue;
    }
    if (newest === undefined || decision.value.id > newest.value.id) newest = decision;
  }
  return newest?.value;
}

/**
 * Reads all hosts and tasks of the cluster as they were.
 * @throws BerthError ClusterNotFoundException, InvalidParameterException, Unavailable
 */
export async function replayPlacement(
  { store, cache, realm, freshen }: OwnOperationsDeps,
  request: ReplayPlacementRequest,
  signal: AbortSignal,
): Promise<ReplayPlacementResponse> {
  await freshen(signal);
  const { name } = requireCluster({ state: cache, realm }, request.cluster);
  const found = request.decision.includes('/')
    ? undefined
    : request.decision && cache.get(collections.placementDecisions, name, request.decision);
  if (!found) {
    throw invalid(
      `The placement decision was not found. (decision "${request.decision}" in cluster "${name}"; ` +
        'the last 2,000 of a day are kept, and `berth explain task` names that of a task)',
    );
  }
  const decision = found.value;
  let inputs: Inputs;
  try {
    inputs = await inputsOf(store, decision, signal);
  } catch (error) {
    if (!isCompactedRead(error)) throw error;
    const impossible =
      `etcd has compacted revision ${decision.viewRevision}, so that the hosts and tasks of that time are known no more. ` +
      'Its --auto-compaction-retention says for how long it keeps them.';
    return { decision, impossible, same: false, hostIds: [], hosts: [] };
  }
  const { hosts, connected, tasks, definition } = inputs;
  const views = hosts.map((host) => hostView(host, connected.has(host.id)));
  const { plan, same } = decideAgain(decision, ledgerOf(views, tasks), definition);
  const hostIds = plan.assignments.map(({ hostId }) => hostId);
  const chosen = new Set(hostIds);
  return {
    decision,
    same,
    hostIds,
    unplaced: plan.unplaced,
    hosts: hosts.filter(({ id }) => chosen.has(id)),
  };
}

interface Inputs {
  readonly hosts: readonly HostRecord[];
  /** Ids of hosts with a session. */
  readonly connected: ReadonlySet<string>;
  readonly tasks: readonly {
    readonly task: TaskRecord;
    readonly status?: TaskStatusRecord | undefined;
  }[];
  readonly definition: TaskDefinitionRecord | undefined;
}

async function inputsOf(
  store: Store,
  decision: PlacementDecisionRecord,
  signal: AbortSignal,
): Promise<Inputs> {
  const { cluster, viewRevision, taskDefinition } = decision;
  const at = reader(store, signal);
  const hosts = await at(viewRevision, collections.hosts, cluster);
  const sessions = await at(viewRevision, collections.sessions, 'host');
  const statuses = await at(viewRevision, collections.taskStatus, cluster);
  const statusOf = new Map(statuses.map(({ value }) => [value.id, value]));
  const tasks = await at(viewRevision, collections.tasks, cluster);
  const { family = '', revision } = parseDefinitionName(taskDefinition) ?? {};
  const definitions = await at(viewRevision, collections.taskDefinitions, family);
  return {
    hosts: hosts.map(({ value }) => value),
    connected: new Set(sessions.map(({ value }) => value.id)),
    tasks: [
      ...tasks.map(({ value }) => ({ task: value, status: statusOf.get(value.id) })),
      ...(await ownTasks(store, decision, signal)).map((task) => ({ task })),
    ],
    definition: definitions.find(({ value }) => value.revision === revision)?.value,
  };
}

/** The tasks that the scheduler had created and that its view did not show yet, as it had created them. */
async function ownTasks(
  store: Store,
  { cluster, viewRevision, ownRevision }: PlacementDecisionRecord,
  signal: AbortSignal,
): Promise<TaskRecord[]> {
  if (ownRevision <= viewRevision) return [];
  const at = reader(store, signal);
  const tasks = await at(ownRevision, collections.tasks, cluster);
  const own: TaskRecord[] = [];
  for (const { key, value, createRevision, modRevision } of tasks) {
    if (createRevision <= viewRevision) continue;
    if (modRevision === createRevision) own.push(value);
    else {
      const { entries } = await store.list(key, signal, { revision: createRevision });
      own.push(...entries.map((entry) => decodeRecord(collections.tasks, entry).value));
    }
  }
  return own;
}

function reader(store: Store, signal: AbortSignal) {
  return async <N extends MessageName>(revision: number, of: Collection<N>, part: string) => {
    const { entries } = await store.list(prefixOf(of, part), signal, { revision });
    return entries.map((entry) => decodeRecord(of, entry));
  };
}
