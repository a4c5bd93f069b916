// UpdateService: only what is given changes, and only some of it starts a new deployment.
// Source: ECS reference, section 2.5.
import { BerthError } from '@berth/model/errors.ts';
import type {
  DeploymentRecord,
  LaunchSettings,
  LoadBalancer,
  ServiceRecord,
  UpdateServiceRequest,
  UpdateServiceResponse,
} from '@berth/model/generated/messages.ts';
import { drawDeploymentId } from '@berth/model/resources/ids.ts';
import { isExternal } from '@berth/model/resources/task-set.ts';
import { definitionName } from '@berth/model/resources/task-definition.ts';
import { checkLaunchOf } from '@berth/model/validation/launch.ts';
import {
  acceptUpdateService,
  checkConstraintsTogether,
  checkLoadBalancers,
} from '@berth/model/validation/service.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardUnchanged } from '@berth/store/record.ts';
import type { Stored } from '@berth/store/state.ts';

import { definitionOf } from '../../views/definition.ts';
import { primaryDeployment } from '../../views/deployment-view.ts';
import { serviceView } from '../../views/service-view.ts';
import type { OperationContext } from '../deps.ts';
import {
  type ClusterPlace,
  findDefinition,
  requireActiveDefinition,
  requireCluster,
  requireService,
} from '../resolve.ts';
import { type Decision, replace, touch, write } from '../write.ts';
import { launchIn, resolveLoadBalancers } from './service-order.ts';
import { refuseLosingTraffic } from './shifting-order.ts';

/** An update that changes nothing writes nothing and gives the service as it is. */
export async function updateService(
  on: OperationContext,
  request: UpdateServiceRequest,
  { signal }: CallContext,
): Promise<UpdateServiceResponse> {
  const options = {
    signal,
    attempted: `update service ${request.service}`,
    turn: `services ${request.service}`,
  };
  return write(on, options, (state) => {
    const place = requireCluster({ state, realm: on.realm }, request.cluster, 'service', [
      request.service,
    ]);
    const service = requireService(place, request.service);
    if (service.value.status !== 'ACTIVE') {
      throw new BerthError(
        'ServiceNotActiveException',
        `Service was not ACTIVE. (service "${service.value.name}" is ${service.value.status})`,
      );
    }
    return decide(on, place, request, service);
  });
}

function decide(
  on: OperationContext,
  place: ClusterPlace,
  request: UpdateServiceRequest,
  service: Stored<ServiceRecord>,
): Decision<UpdateServiceResponse> {
  const current = service.value;
  const order = acceptUpdateService(request, current);
  if (isExternal(current)) return settingsOnly(on, service, { ...current, ...order });
  const primary = primaryDeployment(place.state, current);
  const definition = nextDefinition(place, request, primary);
  const given =
    request.loadBalancers && resolveLoadBalancers(place, request.loadBalancers.items, current);
  const loadBalancers = given?.loadBalancers ?? current.loadBalancers;
  const content = definitionOf(place.state, definition);
  const strategy = request.capacityProviderStrategy?.items;
  const launch = strategy ? launchIn(place, order.launch) : order.launch;
  if (content) {
    checkLoadBalancers(loadBalancers, content);
    checkConstraintsTogether(order.placementConstraints, content);
    checkLaunchOf(launch, content, 'updated');
  }
  const wanted: ServiceRecord = { ...current, ...order, launch, loadBalancers };
  const redeploys =
    request.forceNewDeployment === true ||
    definition !== primary.taskDefinition ||
    !sameLoadBalancers(loadBalancers, current.loadBalancers) ||
    !sameNetwork(launch, current.launch);
  const moved = !sameLoadBalancers(loadBalancers, current.loadBalancers);
  refuseLosingTraffic(place, current, wanted, { loadBalancers: moved, redeploys });
  if (!redeploys && sameSettings(wanted, current)) {
    return {
      result: (seen) => ({ service: serviceView(seen, on.realm, current, on.clock.now()) }),
    };
  }
  const record: ServiceRecord = {
    ...wanted,
    generation: current.generation + 1,
    ...(redeploys
      ? {
          taskDefinition: definition,
          deploymentId: drawDeploymentId(on.random),
          deploymentRequestedAt: on.clock.now(),
          hookDecisions: [],
        }
      : {}),
  };
  const { guard, put } = replace(collections.services, service, record);
  const touched = (given?.groups ?? []).map((group) => touch(collections.targetGroups, group));
  const seenDefinition = findDefinition(place, definition);
  return {
    guards: [
      guard,
      ...(seenDefinition ? [guardUnchanged(seenDefinition)] : []),
      ...touched.map((each) => each.guard),
    ],
    puts: [put, ...touched.map((each) => each.put)],
    result: (seen) => ({ service: serviceView(seen, on.realm, record, on.clock.now()) }),
  };
}

/** A service of deployment controller EXTERNAL has no deployments: what is changed is for its task sets, now and later. */
function settingsOnly(
  on: OperationContext,
  service: Stored<ServiceRecord>,
  wanted: ServiceRecord,
): Decision<UpdateServiceResponse> {
  const { value: current } = service;
  if (sameSettings(wanted, current)) {
    return {
      result: (seen) => ({ service: serviceView(seen, on.realm, current, on.clock.now()) }),
    };
  }
  const record = { ...wanted, generation: current.generation + 1 };
  const { guard, put } = replace(collections.services, service, record);
  return {
    guards: [guard],
    puts: [put],
    result: (seen) => ({ service: serviceView(seen, on.realm, record, on.clock.now()) }),
  };
}

/**
 * The revision that the service shall run, by family:revision. The one that it runs may be INACTIVE; another has to be
 * ACTIVE.
 */
function nextDefinition(
  place: ClusterPlace,
  { taskDefinition }: UpdateServiceRequest,
  primary: DeploymentRecord,
): string {
  if (taskDefinition === undefined) return primary.taskDefinition;
  const found = findDefinition(place, taskDefinition);
  if (found && definitionName(found.value) === primary.taskDefinition) {
    return primary.taskDefinition;
  }
  return definitionName(requireActiveDefinition(place, taskDefinition).value);
}

function sameLoadBalancers(a: readonly LoadBalancer[], b: readonly LoadBalancer[]): boolean {
  const text = (list: readonly LoadBalancer[]): string =>
    JSON.stringify(
      list
        .map(({ targetGroupArn, containerName, containerPort, advancedConfiguration: of }) => [
          targetGroupArn,
          containerName,
          containerPort,
          of && [of.alternateTargetGroupArn, of.productionListenerRule, of.testListenerRule],
        ])
        .sort(),
    );
  return text(a) === text(b);
}

/** What of the launch settings needs a new deployment; the rest is for tasks that are started later. */
function sameNetwork(a: LaunchSettings, b: LaunchSettings | undefined): boolean {
  const text = (launch: LaunchSettings | undefined): string => {
    const { subnets, securityGroups, assignPublicIp } =
      launch?.networkConfiguration?.awsvpcConfiguration ?? {};
    const groups = [[...(subnets ?? [])].sort(), [...(securityGroups ?? [])].sort()];
    return JSON.stringify([groups, assignPublicIp ?? 'DISABLED', launch?.platformVersion]);
  };
  return text(a) === text(b);
}

function launchTexts(launch: LaunchSettings | undefined): unknown[] {
  return [
    launch?.launchType ?? 'EC2',
    (launch?.capacityProviderStrategy ?? []).map(({ capacityProvider, weight = 0, base = 0 }) => [
      capacityProvider,
      weight,
      base,
    ]),
    launch?.enableECSManagedTags ?? false,
    launch?.propagateTags ?? 'NONE',
    launch?.enableExecuteCommand ?? false,
  ];
}

function sameSettings(a: ServiceRecord, b: ServiceRecord): boolean {
  const text = (record: ServiceRecord): string =>
    JSON.stringify([
      record.desiredCount,
      settingsOf(record),
      record.placementConstraints.map(({ type, expression }) => [type, expression]),
      record.placementStrategy.map(({ type, field }) => [type, field]),
      record.healthCheckGracePeriodSeconds,
      launchTexts(record.launch),
      record.availabilityZoneRebalancing ?? 'DISABLED',
    ]);
  return text(a) === text(b);
}

function settingsOf({ deploymentConfiguration: of }: ServiceRecord): unknown[] {
  const breaker = of?.deploymentCircuitBreaker;
  return [
    of?.minimumHealthyPercent,
    of?.maximumPercent,
    breaker?.enable,
    breaker?.rollback,
    breaker?.resetOnHealthyTask ?? true,
    breaker?.thresholdConfiguration?.type,
    breaker?.thresholdConfiguration?.value,
    of?.strategy ?? 'ROLLING',
    of?.bakeTimeInMinutes,
    of?.bakeTimeInSeconds,
    of?.progressDeadlineInSeconds,
    of?.linearConfiguration,
    of?.canaryConfiguration,
    of?.lifecycleHooks?.items ?? [],
    of?.alarms,
  ];
}
