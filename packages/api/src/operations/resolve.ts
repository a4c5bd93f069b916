// What a request names, or the error that ECS gives where there is no such thing. Pure.
// Source: ECS reference, sections 1.2, 1.5, 2.3 and 2.4.
import { BerthError } from '@berth/model/errors.ts';
import type {
  ClusterRecord,
  HostRecord,
  ServiceRecord,
  TaskDefinitionRecord,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { type EcsKind, parseEcsReference } from '@berth/model/resources/reference.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { type Lookup, lookUpDefinition, lookUpHost, lookUpService, lookUpTask } from './lookup.ts';

export const DEFAULT_CLUSTER = 'default';

/** A view, and the realm that its ARNs carry. */
export interface Place {
  readonly state: State;
  readonly realm: Realm;
}

/** One cluster of a view. */
export interface ClusterPlace extends Place {
  readonly cluster: Stored<ClusterRecord>;
  readonly name: string;
}

type ScopedKind = Extract<EcsKind, 'service' | 'task' | 'container-instance'>;

/**
 * The ACTIVE cluster of a request: the one that it names, else the one that its ARNs name, else `default`.
 * @param references what the request names inside the cluster
 * @throws BerthError ClusterNotFoundException; InvalidParameterException when an ARN names another cluster
 */
export function requireCluster(
  place: Place,
  asked: string | undefined,
  kind?: ScopedKind,
  references: readonly string[] = [],
): ClusterPlace {
  const inside =
    kind === undefined
      ? []
      : references.map((text) => parseEcsReference(place.realm, kind, text)?.cluster);
  const text = asked || (inside.find((cluster) => cluster !== undefined) ?? DEFAULT_CLUSTER);
  const cluster = findCluster(place, text);
  if (!cluster)
    throw new BerthError('ClusterNotFoundException', `Cluster not found. (cluster "${text}")`);
  const { name, status } = cluster.value;
  if (status !== 'ACTIVE') {
    throw new BerthError(
      'ClusterNotFoundException',
      `The referenced cluster was inactive. (cluster "${name}")`,
    );
  }
  for (const [index, other] of inside.entries()) {
    if (other !== undefined && other !== name) {
      throw invalid(
        `"${references[index] ?? ''}" is in cluster ${other}; expected one of cluster ${name}.`,
      );
    }
  }
  return { ...place, cluster, name };
}

/** A cluster of any status, by name or ARN. */
export function findCluster(place: Place, text: string): Stored<ClusterRecord> | undefined {
  const reference = parseEcsReference(place.realm, 'cluster', text);
  return reference && place.state.get(collections.clusters, reference.name);
}

/** A service of any status. @throws BerthError ServiceNotFoundException */
export function requireService(place: ClusterPlace, text: string): Stored<ServiceRecord> {
  const found = lookUp(place, 'service', text, lookUpService);
  if (found.kind === 'found') return found.item;
  throw new BerthError(
    'ServiceNotFoundException',
    `Service not found. (service "${text}" in cluster "${place.name}")`,
  );
}

/** @throws BerthError InvalidParameterException when there is none, or several */
export function requireTask(place: ClusterPlace, text: string): Stored<TaskRecord> {
  const found = lookUp(place, 'task', text, lookUpTask);
  if (found.kind === 'found') return found.item;
  if (found.kind === 'ambiguous') throw ambiguous('task', text, found.ids);
  throw invalid(`The referenced task was not found. (task "${text}" in cluster "${place.name}")`);
}

/** @throws BerthError InvalidParameterException when there is none, or several */
export function requireHost(place: ClusterPlace, text: string): Stored<HostRecord> {
  const found = lookUp(place, 'container-instance', text, lookUpHost);
  if (found.kind === 'found') return found.item;
  if (found.kind === 'ambiguous') throw ambiguous('host', text, found.ids);
  throw invalid(
    `The referenced container instance was not found. (host "${text}" in cluster "${place.name}")`,
  );
}

/** What a reference of one kind means in a cluster; a text that can't be a reference means nothing. */
export function lookUp<T>(
  place: ClusterPlace,
  kind: ScopedKind,
  text: string,
  find: (state: State, cluster: string, name: string) => Lookup<T>,
): Lookup<T> {
  const reference = parseEcsReference(place.realm, kind, text);
  return reference ? find(place.state, place.name, reference.name) : { kind: 'missing' };
}

/** A revision of any status: by name, ARN, or the newest ACTIVE one of a family. */
export function findDefinition(
  place: Place,
  text: string,
): Stored<TaskDefinitionRecord> | undefined {
  const reference = parseEcsReference(place.realm, 'task-definition', text);
  return reference && lookUpDefinition(place.state, reference.name);
}

/** A revision that new tasks may be made of. @throws BerthError ClientException or InvalidParameterException */
export function requireActiveDefinition(place: Place, text: string): Stored<TaskDefinitionRecord> {
  if (text === '')
    throw invalid('taskDefinition is missing; expected family, family:revision or an ARN.');
  const found = findDefinition(place, text);
  if (!found) {
    throw new BerthError(
      'ClientException',
      `TaskDefinition not found. (task definition "${text}"; register it first)`,
    );
  }
  if (found.value.status !== 'ACTIVE') {
    throw invalid(
      `TaskDefinition is inactive (task definition "${text}"; expected an ACTIVE revision)`,
    );
  }
  return found;
}

/** Why a reference to several things is refused. */
export function ambiguous(thing: string, text: string, ids: readonly string[]): BerthError {
  return invalid(
    `"${text}" is the beginning of more than one ${thing} id: ${ids.join(', ')}; expected more digits.`,
  );
}

export function invalid(message: string): BerthError {
  return new BerthError('InvalidParameterException', message);
}
