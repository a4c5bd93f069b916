// The operations of service Ecs as gRPC handlers.
import type { Handlers } from '@berth/rpc/api.ts';

import { handlersOn, type OperationsDeps } from '../deps.ts';
import {
  deleteAccountSetting,
  listAccountSettings,
  putAccountSetting,
  putAccountSettingDefault,
} from './account-settings.ts';
import {
  createCapacityProvider,
  deleteCapacityProvider,
  describeCapacityProviders,
  updateCapacityProvider,
} from './capacity-providers.ts';
import { createCluster, deleteCluster, describeClusters, listClusters } from './clusters.ts';
import { createService } from './create-service.ts';
import { deleteService } from './delete-service.ts';
import { deleteAttributes, listAttributes, putAttributes } from './host-attributes.ts';
import { deregisterHost, updateHostsState } from './host-changes.ts';
import { describeHosts, listHosts } from './hosts.ts';
import { registerHost } from './register-host.ts';
import { runTask } from './run-task.ts';
import {
  continueServiceDeployment,
  describeServiceDeployments,
  describeServiceRevisions,
  listServiceDeployments,
  stopServiceDeployment,
} from './service-deployments.ts';
import { describeServices, listServices } from './services.ts';
import { startTask } from './start-task.ts';
import { listTagsForResource, tagResource, untagResource } from './tags.ts';
import {
  createTaskSet,
  deleteTaskSet,
  describeTaskSets,
  updateServicePrimaryTaskSet,
  updateTaskSet,
} from './task-sets.ts';
import { deleteTaskDefinitions, listTaskDefinitionFamilies } from './task-definition-families.ts';
import {
  deregisterTaskDefinition,
  describeTaskDefinition,
  listTaskDefinitions,
  registerTaskDefinition,
} from './task-definitions.ts';
import { getTaskProtection, updateTaskProtection } from './task-protection.ts';
import { describeTasks, listTasks, stopTask } from './tasks.ts';
import {
  putClusterCapacityProviders,
  updateCluster,
  updateClusterSettings,
} from './update-cluster.ts';
import { updateService } from './update-service.ts';

export function ecsHandlers(deps: OperationsDeps): Handlers<'Ecs'> {
  const handle = handlersOn(deps);
  return {
    CreateCluster: handle(createCluster),
    DescribeClusters: handle(describeClusters),
    ListClusters: handle(listClusters),
    DeleteCluster: handle(deleteCluster),
    UpdateCluster: handle(updateCluster),
    UpdateClusterSettings: handle(updateClusterSettings),
    PutClusterCapacityProviders: handle(putClusterCapacityProviders),
    CreateCapacityProvider: handle(createCapacityProvider),
    DescribeCapacityProviders: handle(describeCapacityProviders),
    UpdateCapacityProvider: handle(updateCapacityProvider),
    DeleteCapacityProvider: handle(deleteCapacityProvider),
    RegisterTaskDefinition: handle(registerTaskDefinition),
    DescribeTaskDefinition: handle(describeTaskDefinition),
    DeregisterTaskDefinition: handle(deregisterTaskDefinition),
    ListTaskDefinitions: handle(listTaskDefinitions),
    ListTaskDefinitionFamilies: handle(listTaskDefinitionFamilies),
    DeleteTaskDefinitions: handle(deleteTaskDefinitions),
    CreateService: handle(createService),
    UpdateService: handle(updateService),
    DeleteService: handle(deleteService),
    DescribeServices: handle(describeServices),
    ListServices: handle(listServices),
    ListServiceDeployments: handle(listServiceDeployments),
    DescribeServiceDeployments: handle(describeServiceDeployments),
    DescribeServiceRevisions: handle(describeServiceRevisions),
    StopServiceDeployment: handle(stopServiceDeployment),
    ContinueServiceDeployment: handle(continueServiceDeployment),
    CreateTaskSet: handle(createTaskSet),
    UpdateTaskSet: handle(updateTaskSet),
    DeleteTaskSet: handle(deleteTaskSet),
    DescribeTaskSets: handle(describeTaskSets),
    UpdateServicePrimaryTaskSet: handle(updateServicePrimaryTaskSet),
    RunTask: handle(runTask),
    StopTask: handle(stopTask),
    DescribeTasks: handle(describeTasks),
    ListTasks: handle(listTasks),
    StartTask: handle(startTask),
    GetTaskProtection: handle(getTaskProtection),
    UpdateTaskProtection: handle(updateTaskProtection),
    ListHosts: handle(listHosts),
    DescribeHosts: handle(describeHosts),
    UpdateHostsState: handle(updateHostsState),
    DeregisterHost: handle(deregisterHost),
    PutAttributes: handle(putAttributes),
    DeleteAttributes: handle(deleteAttributes),
    ListAttributes: handle(listAttributes),
    RegisterHost: handle(registerHost),
    TagResource: handle(tagResource),
    UntagResource: handle(untagResource),
    ListTagsForResource: handle(listTagsForResource),
    ListAccountSettings: handle(listAccountSettings),
    PutAccountSetting: handle(putAccountSetting),
    PutAccountSettingDefault: handle(putAccountSettingDefault),
    DeleteAccountSetting: handle(deleteAccountSetting),
  };
}
