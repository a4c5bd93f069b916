// DAEMON services: one task on each eligible host. The old one of a host is gone before the new one starts,
// and a DRAINING host loses its daemon last. Pure. Source: ECS reference, section 6.1.
import type {
  CapacityProviderStrategyItem,
  DeploymentRecord,
  PlacementConstraint,
  ServiceRecord,
  TaskDefinitionRecord,
} from '../generated/messages.ts';
import { passesAll, FILTERS } from '../placement/filters.ts';
import type { Ledger } from '../placement/ledger.ts';
import { type PlacementSpec, placementSpec } from '../placement/spec.ts';
import { isBuiltInProvider, PROVIDER_ATTRIBUTE } from '../resources/capacity-provider.ts';
import { type ActiveTask, type Bucket, type Buckets, EMPTY_BUCKET, membersOf } from './buckets.ts';
import type { Limits } from './limits.ts';
import type { Step, Stop } from './step.ts';
import type { HostView } from './view.ts';

export interface DaemonInput {
  /** Newest first; index 0 is PRIMARY. */
  readonly deployments: readonly [DeploymentRecord, ...DeploymentRecord[]];
  readonly buckets: Buckets;
  readonly limits: Limits;
  /** The hosts that should run a task. */
  readonly eligible: readonly string[];
  readonly hosts: ReadonlyMap<string, HostView>;
  readonly mayLaunch: (deployment: DeploymentRecord) => boolean;
}

/** Rules that decide whether a host should run a daemon at all; resources only delay it. */
const ELIGIBILITY = FILTERS.filter(({ reason }) =>
  ['DRAINING', 'ATTRIBUTE', 'MEMBER_OF'].includes(reason),
);

/** What a daemon asks of its hosts: those of all of its providers will do. */
export function daemonSpec(
  service: ServiceRecord,
  definition: TaskDefinitionRecord,
): PlacementSpec {
  return placementSpec({
    definition,
    group: `service:${service.name}`,
    ofService: true,
    placementConstraints: [
      ...service.placementConstraints,
      ...providerConstraints(service.launch?.capacityProviderStrategy ?? []),
    ],
    placementStrategy: [],
  });
}

function providerConstraints(
  strategy: readonly CapacityProviderStrategyItem[],
): PlacementConstraint[] {
  const names = strategy.map(({ capacityProvider }) => capacityProvider);
  if (names.length === 0 || names.some(isBuiltInProvider)) return [];
  return [
    { type: 'memberOf', expression: `attribute:${PROVIDER_ATTRIBUTE} in [${names.join(', ')}]` },
  ];
}

/** The hosts of a cluster that should run a daemon. Hosts that are lost must not be in the ledger. */
export function eligibleHosts(ledger: Ledger, spec: PlacementSpec): string[] {
  const rules = ELIGIBILITY.filter((filter) => filter.applies(spec));
  return [...ledger.hosts()]
    .filter((host) => passesAll(rules, host, spec))
    .map(({ id }) => id)
    .sort();
}

/** Decide on which hosts to start a daemon and which daemons to stop now. */
export function planDaemon(input: DaemonInput): Step {
  const { deployments, buckets, limits } = input;
  const [primary, ...old] = deployments;
  const eligible = new Set(input.eligible);
  const bucket = buckets.byDeployment.get(primary.id) ?? EMPTY_BUCKET;
  const kept = keptByHost(bucket, eligible);
  const stops: Stop[] = [];
  for (const task of everyOne(bucket)) {
    const { hostId } = task.of.task;
    const over = kept.get(hostId) !== task && (eligible.has(hostId) || mayLeave(input, hostId));
    if (over && !task.shielded) stops.push(stopOf(task));
  }
  let room = Math.max(0, buckets.healthyTotal - limits.minHealthy);
  if (primary.rolloutState !== 'FAILED') {
    for (const task of old.flatMap(({ id }) => everyOne(buckets.byDeployment.get(id)))) {
      if (task.shielded) continue;
      const costs = task.health.state === 'healthy';
      if (costs && room === 0) continue;
      if (costs) room -= 1;
      stops.push(stopOf(task));
    }
  }
  return {
    starts: startsOf(input, bucket),
    stops,
    kept: new Map(old.map(({ id }) => [id, everyOne(buckets.byDeployment.get(id)).length])),
    stuck: false,
  };
}

/** A host is free for a new daemon when none of the service is there, be it on its way down. */
function startsOf(input: DaemonInput, bucket: Bucket): Step['starts'] {
  const [primary] = input.deployments;
  if (primary.rolloutState === 'FAILED' || !input.mayLaunch(primary)) return [];
  const taken = new Set<string>();
  for (const other of input.buckets.byDeployment.values()) {
    for (const task of everyOne(other)) taken.add(task.of.task.hostId);
  }
  for (const ending of input.buckets.ending.values()) {
    for (const { task } of ending) taken.add(task.hostId);
  }
  const hostIds = input.eligible.filter(
    (id) => !taken.has(id) && input.hosts.get(id)?.connected === true,
  );
  if (hostIds.length === 0) return [];
  const { id: deploymentId, taskDefinition } = primary;
  const replacing = Math.min(bucket.unhealthy.length, hostIds.length);
  return [{ deploymentId, taskDefinition, count: hostIds.length, replacing, hostIds }];
}

/** Of several on one host the healthiest stays; a sick one never does. */
function keptByHost(bucket: Bucket, eligible: ReadonlySet<string>): Map<string, ActiveTask> {
  const kept = new Map<string, ActiveTask>();
  const inOrder = [...bucket.healthy, ...bucket.leaving, ...bucket.unknown, ...bucket.pending];
  for (const task of inOrder) {
    const { hostId } = task.of.task;
    if (eligible.has(hostId) && !kept.has(hostId)) kept.set(hostId, task);
  }
  return kept;
}

function mayLeave(input: DaemonInput, hostId: string): boolean {
  const host = input.hosts.get(hostId);
  return host?.record?.status !== 'DRAINING' || host.replicaTasks === 0;
}

function everyOne(bucket: Bucket | undefined): ActiveTask[] {
  return bucket ? membersOf(bucket) : [];
}

function stopOf(task: ActiveTask): Stop {
  const sickness = task.health.state === 'unhealthy' ? task.health.sickness : undefined;
  return { of: task.of, running: task.health.state !== 'pending', sickness };
}
