// ARNs in the long format of ECS and in that of Elastic Load Balancing v2. Pure.
// Source: ECS reference, section 1.6; ALB reference, section 1.2.
import type { LoadBalancerRecord } from '../generated/messages.ts';

/** The partition's coordinates that every ARN of a Berth installation carries. */
export interface Realm {
  readonly region: string;
  readonly account: string;
}

const ecs = (realm: Realm, resource: string): string =>
  `arn:aws:ecs:${realm.region}:${realm.account}:${resource}`;
const elb = (realm: Realm, resource: string): string =>
  `arn:aws:elasticloadbalancing:${realm.region}:${realm.account}:${resource}`;

/** What the ARN of a load balancer, and of all that belongs to it, says of it. */
export type BalancerName = Pick<LoadBalancerRecord, 'type' | 'name' | 'id'>;

function balancerPath({ type, name, id }: BalancerName): string {
  return `${type === 'network' ? 'net' : 'app'}/${name}/${id}`;
}

export const arn = {
  cluster: (realm: Realm, cluster: string) => ecs(realm, `cluster/${cluster}`),
  service: (realm: Realm, cluster: string, service: string) =>
    ecs(realm, `service/${cluster}/${service}`),
  task: (realm: Realm, cluster: string, task: string) => ecs(realm, `task/${cluster}/${task}`),
  host: (realm: Realm, cluster: string, host: string) =>
    ecs(realm, `container-instance/${cluster}/${host}`),
  capacityProvider: (realm: Realm, name: string) => ecs(realm, `capacity-provider/${name}`),
  /** @param id ecs-svc/ and 19 digits */
  taskSet: (realm: Realm, cluster: string, service: string, id: string) =>
    ecs(realm, `task-set/${cluster}/${service}/${id}`),
  serviceDeployment: (realm: Realm, cluster: string, service: string, id: string) =>
    ecs(realm, `service-deployment/${cluster}/${service}/${id}`),
  serviceRevision: (realm: Realm, cluster: string, service: string, id: string) =>
    ecs(realm, `service-revision/${cluster}/${service}/${id}`),
  /** @param id a UUID */
  container: (realm: Realm, cluster: string, task: string, id: string) =>
    ecs(realm, `container/${cluster}/${task}/${id}`),
  /** @param definition family:revision */
  taskDefinition: (realm: Realm, definition: string) => ecs(realm, `task-definition/${definition}`),
  targetGroup: (realm: Realm, name: string, id: string) => elb(realm, `targetgroup/${name}/${id}`),
  loadBalancer: (realm: Realm, balancer: BalancerName) =>
    elb(realm, `loadbalancer/${balancerPath(balancer)}`),
  listener: (realm: Realm, balancer: BalancerName, id: string) =>
    elb(realm, `listener/${balancerPath(balancer)}/${id}`),
  rule: (realm: Realm, balancer: BalancerName, listener: string, id: string) =>
    elb(realm, `listener-rule/${balancerPath(balancer)}/${listener}/${id}`),
  trustStore: (realm: Realm, name: string, id: string) => elb(realm, `truststore/${name}/${id}`),
  certificate: (realm: Realm, id: string) =>
    `arn:aws:acm:${realm.region}:${realm.account}:certificate/${id}`,
  logGroup: (realm: Realm, name: string) =>
    `arn:aws:logs:${realm.region}:${realm.account}:log-group:${name}`,
} as const;

/**
 * The part of a reference that names the resource: an ARN's last segment, or the text itself. For a
 * target group, whose ARN ends in `NAME/ID`, it is the name.
 */
export function nameOf(reference: string): string {
  if (!reference.startsWith('arn:')) return reference;
  const resource = reference.split(':').slice(5).join(':');
  const segments = resource.split('/');
  return (segments[0] === 'targetgroup' ? segments[1] : segments.at(-1)) ?? reference;
}
