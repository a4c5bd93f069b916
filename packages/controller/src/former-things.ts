// What is kept for a while only so that people can still ask for it: deployments and placements that are over, revisions that nothing
// runs, hosts, clusters and providers that are gone; and task definitions that somebody deletes. Pure over one state.
// Source: ECS reference, sections 2.2, 2.3, 4.6, 6.7 and 7.2.
import { isOpen, revisionOf } from '@berth/model/deployment/history.ts';
import type { ServiceDeploymentRecord } from '@berth/model/generated/messages.ts';
import { revisionIdOf } from '@berth/model/resources/deployment-ids.ts';
import { definitionName } from '@berth/model/resources/task-definition.ts';
import { collections } from '@berth/store/keys.ts';
import { guardUnchanged } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import type { Garbage } from './garbage.ts';

const HOUR_MS = 3_600_000;
export const FORMER_KEPT_MS = HOUR_MS;
export const DEPLOYMENT_KEPT_MS = 90 * 24 * HOUR_MS;
/** Of one service, whatever their age. */
export const DEPLOYMENTS_KEPT = 100;
export const DECISION_KEPT_MS = 24 * HOUR_MS;
/** In a cluster, whatever their age. */
export const DECISIONS_KEPT = 2_000;

export function formerThings(state: State, now: number): Garbage[] {
  return [
    ...oldDeployments(state, now),
    ...unusedPins(state),
    ...oldDecisions(state, now),
    ...unusedDefinitions(state),
    ...formerHosts(state, now),
    ...formerClusters(state, now),
    ...formerProviders(state, now),
  ];
}

function removal(kind: Garbage['kind'], record: Stored<unknown>): Garbage {
  return { kind, write: { guards: [guardUnchanged(record)], deletes: [record.key] } };
}

/** Ids of decisions sort by their time. */
function oldDecisions(state: State, now: number): Garbage[] {
  const found: Garbage[] = [];
  const kept = new Map<string, number>();
  const newestFirst = [...state.list(collections.placementDecisions)].sort((a, b) =>
    a.value.id < b.value.id ? 1 : -1,
  );
  for (const decision of newestFirst) {
    const { cluster, createdAt } = decision.value;
    const count = kept.get(cluster) ?? 0;
    if (count >= DECISIONS_KEPT || now - createdAt >= DECISION_KEPT_MS) {
      found.push(removal('decision', decision));
    } else kept.set(cluster, count + 1);
  }
  return found;
}

/** The history of a service ends with the service. */
function oldDeployments(state: State, now: number): Garbage[] {
  const kept = new Set<string>();
  const found: Garbage[] = [];
  const byService = new Map<string, Stored<ServiceDeploymentRecord>[]>();
  for (const each of state.list(collections.serviceDeployments)) {
    const service = `${each.value.cluster}/${each.value.service}`;
    const known = byService.get(service);
    if (known) known.push(each);
    else byService.set(service, [each]);
  }
  for (const [service, deployments] of byService) {
    deployments.sort((a, b) => b.value.createdAt - a.value.createdAt);
    for (const [index, deployment] of deployments.entries()) {
      const { value } = deployment;
      const age = now - (value.finishedAt ?? value.updatedAt);
      const old = index >= DEPLOYMENTS_KEPT || age >= DEPLOYMENT_KEPT_MS;
      const live = isLive(state, value.cluster, value.service, value.createdAt);
      if (!live || (old && !isOpen(value))) {
        found.push(removal('deployment', deployment));
        continue;
      }
      kept.add(`${service}/${value.targetServiceRevision}`);
      for (const id of value.sourceServiceRevisions) kept.add(`${service}/${id}`);
      if (value.rollback) kept.add(`${service}/${value.rollback.serviceRevisionArn}`);
    }
  }
  for (const revision of state.list(collections.serviceRevisions)) {
    const { cluster, service, id, createdAt } = revision.value;
    const wanted = state.get(collections.services, cluster, service)?.value;
    const current = wanted && revisionIdOf(wanted.deploymentId) === id;
    const needed = current === true || kept.has(`${cluster}/${service}/${id}`);
    if (!needed || !isLive(state, cluster, service, createdAt))
      found.push(removal('deployment', revision));
  }
  return found;
}

/** A service revision's images stay pinned while there is the revision, a deployment or a task of it. */
function unusedPins(state: State): Garbage[] {
  const pins = [...state.list(collections.imagePins)].filter(({ value }) => {
    const { cluster, service, revision } = value;
    return !state.get(collections.serviceRevisions, cluster, service, revision);
  });
  if (pins.length === 0) return [];
  const used = new Set<string>();
  for (const { value } of state.list(collections.services)) {
    if (value.status === 'ACTIVE') used.add(`${value.cluster}/${revisionIdOf(value.deploymentId)}`);
  }
  for (const { value } of state.list(collections.deployments)) {
    for (const each of value.deployments) used.add(`${value.cluster}/${revisionOf(each)}`);
    for (const { id } of value.taskSets) used.add(`${value.cluster}/${revisionIdOf(id)}`);
  }
  for (const { value } of state.list(collections.tasks)) {
    used.add(`${value.cluster}/${revisionIdOf(value.owner)}`);
  }
  return pins
    .filter(({ value: { cluster, revision } }) => !used.has(`${cluster}/${revision}`))
    .map((each) => removal('deployment', each));
}

/** There is the service, and it was there at that time. A name may be used again for another. */
function isLive(state: State, cluster: string, service: string, at: number): boolean {
  const record = state.get(collections.services, cluster, service)?.value;
  return record !== undefined && record.status !== 'INACTIVE' && record.createdAt <= at;
}

/** Those that somebody deletes go when no task and no service refers to them. The family's number stays. */
function unusedDefinitions(state: State): Garbage[] {
  const leaving = [...state.list(collections.taskDefinitions)].filter(
    ({ value }) => value.status === 'DELETE_IN_PROGRESS',
  );
  if (leaving.length === 0) return [];
  const used = new Set<string>();
  for (const { value } of state.list(collections.tasks)) used.add(value.taskDefinition);
  for (const { value } of state.list(collections.services)) {
    if (value.status !== 'INACTIVE') used.add(value.taskDefinition);
  }
  for (const { value } of state.list(collections.deployments)) {
    for (const { taskDefinition } of value.deployments) used.add(taskDefinition);
  }
  for (const { value } of state.list(collections.taskSets)) {
    used.add(value.taskDefinition);
  }
  return leaving
    .filter(({ value }) => !used.has(definitionName(value)))
    .map((definition) => removal('definition', definition));
}

function formerHosts(state: State, now: number): Garbage[] {
  return [...state.list(collections.deregisteredHosts)]
    .filter(({ value }) => now - (value.deregisteredAt ?? value.registeredAt) >= FORMER_KEPT_MS)
    .map((host) => removal('host', host));
}

/** What was in it goes first. */
function formerClusters(state: State, now: number): Garbage[] {
  return [...state.list(collections.clusters)]
    .filter(({ value: { status, deletedAt, createdAt } }) => {
      return status === 'INACTIVE' && now - (deletedAt ?? createdAt) >= FORMER_KEPT_MS;
    })
    .filter(({ value: { name } }) => {
      for (const _service of state.list(collections.services, name)) return false;
      for (const _task of state.list(collections.tasks, name)) return false;
      return true;
    })
    .map((cluster) => removal('cluster', cluster));
}

function formerProviders(state: State, now: number): Garbage[] {
  return [...state.list(collections.capacityProviders)]
    .filter(({ value: { status, deletedAt, createdAt } }) => {
      return status === 'INACTIVE' && now - (deletedAt ?? createdAt) >= FORMER_KEPT_MS;
    })
    .map((provider) => removal('cluster', provider));
}
