// ARNs in the long format of ECS and in that of Elastic Load Balancing v2. Pure.
// Source: ECS reference, section 1.6; ALB reference, section 1.2.

/** The partition's coordinates that every ARN of a Berth installation carries. */
export interface Realm {
  readonly region: string;
  readonly account: string;
}

const ecs = (realm: Realm, resource: string): string =>
  `arn:aws:ecs:${realm.region}:${realm.account}:${resource}`;
const elb = (realm: Realm, resource: string): string =>
  `arn:aws:elasticloadbalancing:${realm.region}:${realm.account}:${resource}`;

/** Berth has one load balancer, the proxies; this is its name and id on the ELBv2 wire. */
const LOAD_BALANCER = 'app/berth/0000000000000001';

export const arn = {
  cluster: (realm: Realm, cluster: string) => ecs(realm, `cluster/${cluster}`),
  service: (realm: Realm, cluster: string, service: string) =>
    ecs(realm, `service/${cluster}/${service}`),
  task: (realm: Realm, cluster: string, task: string) => ecs(realm, `task/${cluster}/${task}`),
  host: (realm: Realm, cluster: string, host: string) =>
    ecs(realm, `container-instance/${cluster}/${host}`),
  capacityProvider: (realm: Realm, name: string) => ecs(realm, `capacity-provider/${name}`),
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
  listener: (realm: Realm, id: string) => elb(realm, `listener/${LOAD_BALANCER}/${id}`),
  rule: (realm: Realm, listener: string, id: string) =>
    elb(realm, `listener-rule/${LOAD_BALANCER}/${listener}/${id}`),
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
