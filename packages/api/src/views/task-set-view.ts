// Task sets as the API shows them. What the controller has not taken in yet is shown as it will be. Pure.
// Source: ECS reference, section 6.9.
import type { ServiceRecord, TaskSet, TaskSetRecord } from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { computedDesiredCount, inOrder, taskSetStatus } from '@berth/model/resources/task-set.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { launchView } from './deployment-view.ts';
import { serviceBalancerView } from './load-balancing-view.ts';
import { countOfOwner } from './task-tally.ts';

/** The sets of a service, the primary one first, then the newest; those that are DRAINING too. */
export function taskSetsOf(state: State, service: ServiceRecord): readonly TaskSetRecord[] {
  const { cluster, name } = service;
  const sets = Array.from(state.list(collections.taskSets, cluster, name), ({ value }) => value);
  return inOrder(sets, service);
}

export function primaryTaskSet(state: State, service: ServiceRecord): TaskSetRecord | undefined {
  const [first] = taskSetsOf(state, service);
  return first?.id === service.primaryTaskSet ? first : undefined;
}

export function taskSetView(
  state: State,
  realm: Realm,
  service: ServiceRecord,
  set: TaskSetRecord,
): TaskSet {
  const { cluster, service: name, id } = set;
  const counts = countOfOwner(state, id);
  const computed = computedDesiredCount(service.desiredCount, set);
  const known = state
    .get(collections.deployments, cluster, name)
    ?.value.taskSets.find((each) => each.id === id);
  const current = known?.desiredCount === computed ? known : undefined;
  return {
    id,
    taskSetArn: arn.taskSet(realm, cluster, name, id),
    serviceArn: arn.service(realm, cluster, name),
    clusterArn: arn.cluster(realm, cluster),
    externalId: set.externalId,
    status: taskSetStatus(set, service),
    taskDefinition: arn.taskDefinition(realm, set.taskDefinition),
    computedDesiredCount: computed,
    pendingCount: counts.pending,
    runningCount: counts.running,
    createdAt: set.createdAt,
    updatedAt: set.updatedAt,
    ...launchView(set.launch),
    loadBalancers: set.loadBalancers.map((item) => serviceBalancerView(state, realm, item)),
    scale: set.scale,
    stabilityStatus: current?.stabilityStatus ?? 'STABILIZING',
    stabilityStatusAt: current?.stabilityStatusAt ?? set.updatedAt,
    tags: set.tags,
  };
}
