// How people name things: by name, by id or by ARN. Says what a text may name, never whether it exists. Pure.
// Source: ECS reference, sections 1.5 and 1.6; ALB reference, section 1.2.
import type { Realm } from './arn.ts';

export type EcsKind =
  'cluster' | 'service' | 'task' | 'container-instance' | 'task-definition' | 'capacity-provider';
export type ElbKind = 'loadbalancer' | 'targetgroup' | 'listener' | 'listener-rule' | 'truststore';

export interface EcsReference {
  /** Name, id, beginning of an id, or family[:revision]. No slash, not empty. */
  readonly name: string;
  /** Which cluster an ARN says that it is in. */
  readonly cluster?: string | undefined;
}

const SEGMENT = /^[^/\s]{1,255}$/;

/** @returns undefined for a text that can name nothing of this kind here: an ARN of another kind, region or account */
export function parseEcsReference(
  realm: Realm,
  kind: EcsKind,
  text: string,
): EcsReference | undefined {
  if (!text.startsWith('arn:')) return SEGMENT.test(text) ? { name: text } : undefined;
  const [found, ...path] = resourceOf(realm, 'ecs', text);
  const name = path.at(-1) ?? '';
  const inCluster = kind === 'service' || kind === 'task' || kind === 'container-instance';
  if (found !== kind || path.length > (inCluster ? 2 : 1) || !SEGMENT.test(name)) return undefined;
  return path.length === 2 ? { name, cluster: path[0] } : { name };
}

/** What a service deployment or a service revision is called, which has no name but its ARN. */
export interface HistoryReference {
  readonly cluster: string;
  readonly service: string;
  readonly id: string;
}

/** @returns undefined for what is no ARN of that kind in this region and account */
export function parseHistoryArn(
  realm: Realm,
  kind: 'service-deployment' | 'service-revision',
  text: string,
): HistoryReference | undefined {
  const [found, cluster = '', service = '', id = '', ...more] = resourceOf(realm, 'ecs', text);
  const whole = [cluster, service, id].every((part) => SEGMENT.test(part)) && more.length === 0;
  return found === kind && whole ? { cluster, service, id } : undefined;
}

/** What a task set is called: by its id, or by its ARN, which says where it is. */
export interface TaskSetReference {
  /** ecs-svc/ and digits. */
  readonly id: string;
  readonly cluster?: string | undefined;
  readonly service?: string | undefined;
}

/** @returns undefined for a text that can name no task set in this region and account */
export function parseTaskSetReference(realm: Realm, text: string): TaskSetReference | undefined {
  if (!text.startsWith('arn:')) {
    return /^ecs-svc\/\d{1,19}$/.test(text) ? { id: text } : undefined;
  }
  const [found, cluster = '', service = '', prefix = '', digits = '', ...more] = resourceOf(
    realm,
    'ecs',
    text,
  );
  const id = `${prefix}/${digits}`;
  const whole = [cluster, service].every((part) => SEGMENT.test(part)) && more.length === 0;
  if (found !== 'task-set' || !whole || !/^ecs-svc\/\d{1,19}$/.test(id)) return undefined;
  return { id, cluster, service };
}

/** @returns the segments after the kind, or the text itself as the only one; undefined as above */
export function parseElbReference(
  realm: Realm,
  kind: ElbKind,
  text: string,
): readonly string[] | undefined {
  if (!text.startsWith('arn:')) return SEGMENT.test(text) ? [text] : undefined;
  const [found, ...path] = resourceOf(realm, 'elasticloadbalancing', text);
  return found === kind && path.every((part) => SEGMENT.test(part)) ? path : undefined;
}

/** @returns the id of a certificate that is named by its id or ARN; undefined as above */
export function parseCertificateReference(realm: Realm, text: string): string | undefined {
  if (!text.startsWith('arn:')) return SEGMENT.test(text) ? text : undefined;
  const [found, id, ...rest] = resourceOf(realm, 'acm', text);
  return found === 'certificate' && rest.length === 0 ? id : undefined;
}

function resourceOf(realm: Realm, service: string, text: string): string[] {
  const [, , found, region, account, ...resource] = text.split(':');
  const here = found === service && region === realm.region && account === realm.account;
  return here ? resource.join(':').split('/') : [];
}
