// CreateService. Source: ECS reference, section 2.5.
import { BerthError } from '@berth/model/errors.ts';
import type {
  CreateServiceRequest,
  CreateServiceResponse,
  ServiceRecord,
} from '@berth/model/generated/messages.ts';
import { drawDeploymentId } from '@berth/model/resources/ids.ts';
import { isExternal } from '@berth/model/resources/task-set.ts';
import { definitionName } from '@berth/model/resources/task-definition.ts';
import { checkLaunchOf } from '@berth/model/validation/launch.ts';
import {
  acceptCreateService,
  checkConstraintsTogether,
  checkLoadBalancers,
  type ServiceOrder,
} from '@berth/model/validation/service.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';

import { serviceView } from '../../views/service-view.ts';
import { type OperationContext, principalArn } from '../deps.ts';
import { type ClusterPlace, invalid, requireActiveDefinition, requireCluster } from '../resolve.ts';
import { type Decision, touch, write } from '../write.ts';
import { launchIn, resolveLoadBalancers } from './service-order.ts';

/** The same call with the same client token gives the service that there is. */
export async function createService(
  on: OperationContext,
  request: CreateServiceRequest,
  call: CallContext,
): Promise<CreateServiceResponse> {
  const order = acceptCreateService(request);
  const options = {
    signal: call.signal,
    attempted: `create service ${request.serviceName}`,
    turn: 'services',
  };
  return write(on, options, (state) => {
    const place = requireCluster({ state, realm: on.realm }, request.cluster);
    return decide(on, place, request, order, principalArn(on.realm, call));
  });
}

function decide(
  on: OperationContext,
  place: ClusterPlace,
  request: CreateServiceRequest,
  order: ServiceOrder,
  createdBy: string,
): Decision<CreateServiceResponse> {
  const name = request.serviceName;
  const existing = place.state.get(collections.services, place.name, name);
  const external = isExternal(order);
  const definition = external ? undefined : requireActiveDefinition(place, request.taskDefinition);
  const { loadBalancers, groups } = resolveLoadBalancers(place, request.loadBalancers, {
    cluster: place.name,
    name,
  });
  // What an EXTERNAL controller's tasks are made of, and with what they are launched, belongs to its task sets.
  const launch = external ? order.launch : launchIn(place, order.launch);
  if (definition) {
    checkLoadBalancers(loadBalancers, definition.value);
    checkConstraintsTogether(order.placementConstraints, definition.value);
    checkLaunchOf(launch, definition.value, 'created');
  }
  const now = on.clock.now();
  const record: ServiceRecord = {
    ...order,
    launch,
    roleArn: request.role,
    cluster: place.name,
    name,
    status: 'ACTIVE',
    generation: (existing?.value.generation ?? 0) + 1,
    createdAt: now,
    createdBy,
    deploymentId: definition ? drawDeploymentId(on.random) : '',
    taskDefinition: definition ? definitionName(definition.value) : '',
    deploymentRequestedAt: now,
    loadBalancers,
    tags: request.tags,
    clientToken: request.clientToken,
    hookDecisions: [],
  };
  if (existing && existing.value.status !== 'INACTIVE') {
    refuseUnlessRepeated(existing.value, record);
    return {
      result: (seen) => ({ service: serviceView(seen, on.realm, existing.value, on.clock.now()) }),
    };
  }
  // Deleting the cluster or a target group meanwhile must fail: see `touch`.
  const cluster = touch(collections.clusters, place.cluster);
  const touched = groups.map((group) => touch(collections.targetGroups, group));
  return {
    guards: [
      existing ? guardUnchanged(existing) : guardAbsent(collections.services, place.name, name),
      ...(definition ? [guardUnchanged(definition)] : []),
      cluster.guard,
      ...touched.map(({ guard }) => guard),
    ],
    puts: [
      putRecord(collections.services, [place.name, name], record),
      cluster.put,
      ...touched.map(({ put }) => put),
    ],
    result: (seen) => ({ service: serviceView(seen, on.realm, record, on.clock.now()) }),
  };
}

/** @throws BerthError InvalidParameterException unless this is the call that made the service, come again */
function refuseUnlessRepeated(existing: ServiceRecord, asked: ServiceRecord): void {
  if (existing.status === 'DRAINING') {
    throw invalid(`Unable to Start a service that is still Draining. (service "${existing.name}")`);
  }
  const sameToken = asked.clientToken !== undefined && asked.clientToken === existing.clientToken;
  // Since it was made people may have updated it; the token alone then says that this is a repetition.
  const updated = existing.generation > 1 && existing.deploymentRequestedAt !== existing.createdAt;
  if (sameToken && (updated || intentOf(existing) === intentOf(asked))) return;
  throw new BerthError(
    'InvalidParameterException',
    `Creation of service was not idempotent. (service "${existing.name}" exists; update it, or choose another name)`,
  );
}

/** What a person said of the service, as text that is equal for equal wishes. */
function intentOf(record: ServiceRecord): string {
  return JSON.stringify([
    record.deploymentController ?? 'ECS',
    record.schedulingStrategy,
    record.desiredCount,
    record.taskDefinition,
    record.deploymentConfiguration,
    record.placementConstraints,
    record.placementStrategy,
    record.loadBalancers,
    record.healthCheckGracePeriodSeconds,
    record.tags,
    record.launch,
    record.roleArn,
    record.availabilityZoneRebalancing,
  ]);
}
