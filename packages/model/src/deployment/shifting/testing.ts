// For tests: a service whose deployments shift traffic between the groups blue and green.
import type {
  DeploymentConfiguration,
  DeploymentRecord,
  ServiceRecord,
  TrafficShift,
} from '../../generated/messages.ts';
import { groupRecord, World } from '../testing.ts';

export function shiftingWorld(
  deploymentConfiguration: DeploymentConfiguration,
  change: Partial<ServiceRecord> = {},
): World {
  const world = new World({
    deploymentConfiguration,
    loadBalancers: [
      {
        targetGroupArn: 'blue',
        containerName: 'web',
        containerPort: 80,
        advancedConfiguration: {
          alternateTargetGroupArn: 'green',
          productionListenerRule: 'l1/prod',
          testListenerRule: 'l1/test',
        },
      },
    ],
    ...change,
  });
  for (const name of ['blue', 'green']) world.groups.set(name, groupRecord(name, 30));
  for (const name of ['l1/prod', 'l1/test']) {
    world.routes.set(name, { groups: [{ group: 'blue', weight: 1 }] });
  }
  world.proxies = ['p1'];
  return world;
}

/** One turn of the world in which no time passes: what starts is healthy, what drains is drained and, if it may, gone. */
export function tick(world: World, ends = true): void {
  world.settle();
  world.run();
  world.settle();
  world.report('p1', 'healthy', ({ state }) => state === 'REGISTERED');
  world.report('p1', 'drained', ({ state }) => state === 'DRAINING');
  world.settle();
  if (ends) world.stopEnding();
  world.settle();
}

/** What a group gets of a rule's traffic, as everybody sees it. */
export function percentOn(world: World, group: string, rule: string): number {
  const route = world.routes.get(rule);
  const weights = route?.overlay?.weights ?? route?.groups ?? [];
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  const own = weights.find((each) => each.group === group)?.weight ?? 0;
  return total === 0 ? 0 : (100 * own) / total;
}

/** Tasks that a group can send to: that run, and that every proxy calls healthy there. */
export function servingIn(world: World, group: string): number {
  return world.active().filter(({ status, targets }) => {
    const [target] = [...targets.values()].filter(({ record }) => record.group === group);
    const healthy = world.proxies.every((proxy) => target?.health.get(proxy)?.state === 'healthy');
    return status?.lastStatus === 'RUNNING' && target?.record.state === 'REGISTERED' && healthy;
  }).length;
}

/** A deployment that began at time 0, with a shift where there is anything to say of it. */
export function advanced(
  change: Partial<DeploymentRecord>,
  shift?: Partial<TrafficShift>,
): DeploymentRecord {
  return {
    id: 'ecs-svc/d1',
    status: 'PRIMARY',
    taskDefinition: 'app:1',
    desiredCount: 1,
    createdAt: 0,
    updatedAt: 0,
    rolloutState: 'IN_PROGRESS',
    rolloutStateReason: '',
    failedTasks: 0,
    countedTaskIds: [],
    reachedRunning: false,
    launchFailures: 0,
    loadBalancers: [],
    ...change,
    shift: shift && {
      stage: 'PRE_SCALE_UP',
      stageSince: 0,
      step: 0,
      productionWeight: 0,
      testWeight: 0,
      source: 'ecs-svc/d0',
      back: false,
      hooks: [],
      ...shift,
    },
  };
}
