// DeleteService: the service becomes DRAINING; the controller stops its tasks and then makes it INACTIVE.
// Source: ECS reference, section 2.5.
import { BerthError } from '@berth/model/errors.ts';
import type {
  DeleteServiceRequest,
  DeleteServiceResponse,
  ServiceRecord,
} from '@berth/model/generated/messages.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { serviceView } from '../../views/service-view.ts';
import { taskSetsOf } from '../../views/task-set-view.ts';
import { countOfService } from '../../views/task-tally.ts';
import type { OperationContext } from '../deps.ts';
import { invalid, requireCluster, requireService } from '../resolve.ts';
import { replace, write } from '../write.ts';

/** Without force a REPLICA service has to be scaled to 0 and to have no running or pending task. */
export async function deleteService(
  on: OperationContext,
  request: DeleteServiceRequest,
  { signal }: CallContext,
): Promise<DeleteServiceResponse> {
  const attempted = `delete service ${request.service}`;
  return write(on, { signal, attempted }, (state) => {
    const place = requireCluster({ state, realm: on.realm }, request.cluster, 'service', [
      request.service,
    ]);
    const service = requireService(place, request.service);
    const current = service.value;
    if (current.status === 'INACTIVE') {
      throw new BerthError(
        'ServiceNotFoundException',
        `Service not found. (service "${current.name}" is INACTIVE: it has been deleted already)`,
      );
    }
    if (current.status === 'DRAINING') {
      return {
        result: (seen) => ({ service: serviceView(seen, on.realm, current, on.clock.now()) }),
      };
    }
    if (request.force !== true) refuseActive(state, current);
    const record: ServiceRecord = {
      ...current,
      status: 'DRAINING',
      generation: current.generation + 1,
      desiredCount: 0,
      deletedAt: on.clock.now(),
      primaryTaskSet: undefined,
    };
    const { guard, put } = replace(collections.services, service, record);
    return {
      guards: [guard],
      puts: [put],
      result: (seen) => ({ service: serviceView(seen, on.realm, record, on.clock.now()) }),
    };
  });
}

function refuseActive(state: State, service: ServiceRecord): void {
  if (service.schedulingStrategy === 'DAEMON') return;
  const { cluster, name, desiredCount } = service;
  if (desiredCount > 0) {
    throw invalid(
      'The service cannot be stopped while the primary deployment is scaled above 0. ' +
        `(service "${name}" has desiredCount ${desiredCount}; scale it to 0 or use force)`,
    );
  }
  const { running, pending } = countOfService(state, cluster, name);
  if (running + pending > 0) {
    throw invalid(
      'The service cannot be stopped while deployments are active. ' +
        `(service "${name}" has ${running} running and ${pending} pending tasks; wait, or use force)`,
    );
  }
  const sets = taskSetsOf(state, service).length;
  if (sets > 0) {
    throw invalid(
      'The service cannot be stopped while deployments are active. ' +
        `(service "${name}" has ${sets} task sets; delete them, or use force)`,
    );
  }
}
