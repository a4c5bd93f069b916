// Turns a plan into transactions. Each proves that this controller still leads, that the service is still what
// the plan was made for, and that no record that it changes has changed meanwhile. Any number of them
// may be carried out before a crash: the next plan goes on from there. Pure but for the ids of events.
import { patched } from '@berth/model/deployment/patch.ts';
import type { Action, DeploymentPlan, PlannedEvent } from '@berth/model/deployment/actions.ts';
import { isSame } from '@berth/model/deployment/equal.ts';
import { historyOf } from '@berth/model/deployment/history.ts';
import { serviceEvent, text } from '@berth/model/deployment/events.ts';
import { type EventShape, hookChange, shapeOf } from '@berth/model/events/shapes.ts';
import type {
  EventRecord,
  LifecycleHookState,
  ServiceDeploymentRecord,
  ServiceDeploymentsRecord,
} from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { isExternal, taskSetKey } from '@berth/model/resources/task-set.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';
import type { Guard, Put, Transaction } from '@berth/store/store.ts';
import {
  MAX_OPERATIONS,
  mergeTransactions,
  transaction,
  transactionBytes,
} from '@berth/store/transaction.ts';

export interface WriteOptions {
  /** Of the leader. */
  readonly guard: Guard;
  readonly nextEventId: () => string;
  /** What ARNs in events carry. */
  readonly realm: Realm;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** Some changes that are committed together. */
export type Write = Partial<Transaction>;

const MAX_BYTES = 512 * 1024;

/** The transactions of a plan, in the order to commit them; none when there is nothing to write. */
export function planWrites(
  state: State,
  cluster: string,
  service: string,
  plan: DeploymentPlan,
  options: WriteOptions,
): Transaction[] {
  const writes = [recordWrite(state, cluster, service, plan.record)];
  const retires = plan.actions.some(({ kind }) => kind === 'retireService');
  for (const action of plan.actions) writes.push(actionWrite(state, cluster, action, options));
  writes.push(...historyWrites(state, cluster, service, plan.record, options));
  const found = state.get(collections.services, cluster, service);
  const always = [
    options.guard,
    found ? guardUnchanged(found) : guardAbsent(collections.services, cluster, service),
  ];
  const transactions = packed(writes, always);
  if (!retires || !found) return transactions;
  const retired = { ...found.value, status: 'INACTIVE', deletedAt: options.now } as const;
  const puts = [putRecord(collections.services, [cluster, service], retired)];
  return [...transactions, mergeTransactions({ guards: always, puts })];
}

/** Fit writes into as few transactions as the store allows, each with the guards that are always asked for. */
export function packed(writes: readonly Write[], always: readonly Guard[]): Transaction[] {
  const transactions: Transaction[] = [];
  let open: Write[] = [];
  let size = NOTHING;
  const close = (): void => {
    if (open.length > 0) transactions.push(mergeTransactions({ guards: always }, ...open));
    open = [];
    size = sizeOf({ guards: always });
  };
  close();
  for (const write of writes) {
    const more = sizeOf(write);
    if (more.operations === 0) continue;
    const fits =
      size.guards + more.guards <= MAX_OPERATIONS &&
      size.operations + more.operations <= MAX_OPERATIONS &&
      size.bytes + more.bytes <= MAX_BYTES;
    if (!fits) close();
    open.push(write);
    size = {
      guards: size.guards + more.guards,
      operations: size.operations + more.operations,
      bytes: size.bytes + more.bytes,
    };
  }
  close();
  return transactions;
}

interface Size {
  readonly guards: number;
  readonly operations: number;
  readonly bytes: number;
}

const NOTHING: Size = { guards: 0, operations: 0, bytes: 0 };

/** Guards that several writes share count for each. */
function sizeOf(write: Write): Size {
  const { guards, puts, deletes } = transaction(write);
  return {
    guards: guards.length,
    operations: puts.length + deletes.length,
    bytes: transactionBytes({ guards, puts, deletes }),
  };
}

/** The record of a service's deployments as it has to be. */
export function recordWrite(
  state: State,
  cluster: string,
  service: string,
  wanted: ServiceDeploymentsRecord | undefined,
): Write {
  const found = state.get(collections.deployments, cluster, service);
  if (isSame(found?.value, wanted)) return {};
  const parts = [cluster, service];
  const guards = [
    found ? guardUnchanged(found) : guardAbsent(collections.deployments, cluster, service),
  ];
  if (!wanted) return { guards, deletes: [keyOf(collections.deployments, ...parts)] };
  return { guards, puts: [putRecord(collections.deployments, parts, wanted)] };
}

/** What has to be remembered of the service's deployments as they will be, with what it tells of their hooks. */
function historyWrites(
  state: State,
  cluster: string,
  name: string,
  record: ServiceDeploymentsRecord | undefined,
  options: WriteOptions,
): Write[] {
  const { now } = options;
  const service = state.get(collections.services, cluster, name)?.value;
  // Task sets are no deployments.
  if (service && isExternal(service)) return [];
  const { deployments, revisions } = historyOf({
    cluster,
    name,
    service,
    deployments: record?.deployments ?? [],
    known: Array.from(
      state.list(collections.serviceDeployments, cluster, name),
      ({ value }) => value,
    ),
    begun: true,
    now,
  });
  const of = { deployment: collections.serviceDeployments, revision: collections.serviceRevisions };
  return [
    ...revisions
      .filter(({ id }) => state.get(of.revision, cluster, name, id) === undefined)
      .map((value): Write => ({
        puts: [putRecord(of.revision, [cluster, name, value.id], value)],
      })),
    ...deployments.map((value): Write => {
      const parts = [cluster, name, value.id];
      const before = state.get(of.deployment, ...parts)?.value.lifecycleHooks ?? [];
      const told = hookPuts(before, value, options);
      return { puts: [putRecord(of.deployment, parts, value), ...told] };
    }),
  ];
}

/** An event for each hook that is new or has another status. */
function hookPuts(
  before: readonly LifecycleHookState[],
  deployment: ServiceDeploymentRecord,
  options: WriteOptions,
): Put[] {
  const { cluster, service, deploymentId, lifecycleHooks } = deployment;
  const { realm, now } = options;
  const known = new Map(before.map(({ hookId, status }) => [hookId, status]));
  return lifecycleHooks
    .filter(({ hookId, status }) => known.get(hookId) !== status)
    .map((hook) => {
      const message = serviceEvent(service, text.hook(deploymentId, hook));
      const event = { kind: 'deployment', subject: deploymentId, service, message } as const;
      return eventPut(cluster, event, options, hookChange({ realm, deployment, hook, now }));
    });
}

/** What one action writes; nothing for those that others carry out. */
export function actionWrite(
  state: State,
  cluster: string,
  action: Action,
  options: WriteOptions,
): Write {
  switch (action.kind) {
    case 'patchTask': {
      const found = state.get(collections.tasks, cluster, action.taskId);
      if (!found) return {};
      const task = patched(found.value, action.patch);
      return {
        guards: [guardUnchanged(found)],
        puts: [putRecord(collections.tasks, found.parts, task)],
      };
    }
    case 'putTarget': {
      const { group, id } = action.target;
      const found = state.get(collections.targets, group, id);
      return {
        guards: [found ? guardUnchanged(found) : guardAbsent(collections.targets, group, id)],
        puts: [putRecord(collections.targets, [group, id], action.target)],
      };
    }
    case 'putWeights': {
      const { listenerId, ruleId } = action.weights;
      const found = state.get(collections.trafficWeights, listenerId, ruleId);
      return {
        guards: [
          found
            ? guardUnchanged(found)
            : guardAbsent(collections.trafficWeights, listenerId, ruleId),
        ],
        puts: [putRecord(collections.trafficWeights, [listenerId, ruleId], action.weights)],
      };
    }
    case 'removeTarget': {
      const found = state.get(collections.targets, action.target.group, action.target.id);
      return found ? { guards: [guardUnchanged(found)], deletes: [found.key] } : {};
    }
    case 'forgetTaskSet': {
      const { service, id } = action;
      const found = state.get(collections.taskSets, cluster, service, taskSetKey(id));
      return found ? { guards: [guardUnchanged(found)], deletes: [found.key] } : {};
    }
    case 'addEvent':
      return { puts: [eventPut(cluster, action.event, options)] };
    case 'retireService':
    case 'startTasks':
      return {};
  }
}

/** @param shape default: the one that follows from the message */
export function eventPut(
  cluster: string,
  event: PlannedEvent,
  { nextEventId, now, realm }: Pick<WriteOptions, 'nextEventId' | 'now' | 'realm'>,
  shape: EventShape = shapeOf(event, { realm, cluster, now }),
): Put {
  const record: EventRecord = {
    ...event,
    ...shape,
    id: nextEventId(),
    cluster,
    createdAt: now,
    sequence: 0,
  };
  return putRecord(collections.events, [cluster, record.id], record);
}
