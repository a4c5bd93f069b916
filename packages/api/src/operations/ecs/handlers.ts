// The operations of service Ecs as gRPC handlers.
import type { Handlers } from '@berth/rpc/api.ts';

import { handlersOn, type OperationsDeps } from '../deps.ts';
import { createCluster, deleteCluster, describeClusters, listClusters } from './clusters.ts';
import { createService } from './create-service.ts';
import { deleteService } from './delete-service.ts';
import { deregisterHost, putAttributes, updateHostsState } from './host-changes.ts';
import { describeHosts, listHosts } from './hosts.ts';
import { runTask } from './run-task.ts';
import { describeServices, listServices } from './services.ts';
import {
  deregisterTaskDefinition,
  describeTaskDefinition,
  listTaskDefinitions,
  registerTaskDefinition,
} from './task-definitions.ts';
import { describeTasks, listTasks, stopTask } from './tasks.ts';
import { updateService } from './update-service.ts';

export function ecsHandlers(deps: OperationsDeps): Handlers<'Ecs'> {
  const handle = handlersOn(deps);
  return {
    CreateCluster: handle(createCluster),
    DescribeClusters: handle(describeClusters),
    ListClusters: handle(listClusters),
    DeleteCluster: handle(deleteCluster),
    RegisterTaskDefinition: handle(registerTaskDefinition),
    DescribeTaskDefinition: handle(describeTaskDefinition),
    DeregisterTaskDefinition: handle(deregisterTaskDefinition),
    ListTaskDefinitions: handle(listTaskDefinitions),
    CreateService: handle(createService),
    UpdateService: handle(updateService),
    DeleteService: handle(deleteService),
    DescribeServices: handle(describeServices),
    ListServices: handle(listServices),
    RunTask: handle(runTask),
    StopTask: handle(stopTask),
    DescribeTasks: handle(describeTasks),
    ListTasks: handle(listTasks),
    ListHosts: handle(listHosts),
    DescribeHosts: handle(describeHosts),
    UpdateHostsState: handle(updateHostsState),
    DeregisterHost: handle(deregisterHost),
    PutAttributes: handle(putAttributes),
  };
}
