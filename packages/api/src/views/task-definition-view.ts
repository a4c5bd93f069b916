// A task definition as the API shows it. Pure. Source: ECS reference, section 3.1.
import type { TaskDefinition, TaskDefinitionRecord } from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { requirementsOf } from '@berth/model/placement/requirements.ts';
import { compatibilitiesOf } from '@berth/model/resources/compatibility.ts';
import { definitionName } from '@berth/model/resources/task-definition.ts';

export function taskDefinitionView(realm: Realm, record: TaskDefinitionRecord): TaskDefinition {
  return {
    taskDefinitionArn: arn.taskDefinition(realm, definitionName(record)),
    family: record.family,
    revision: record.revision,
    status: record.status,
    registeredAt: record.registeredAt,
    deregisteredAt: record.deregisteredAt,
    registeredBy: record.registeredBy,
    containerDefinitions: record.containerDefinitions,
    cpu: record.cpu,
    memory: record.memory,
    networkMode: record.networkMode,
    volumes: record.volumes,
    placementConstraints: record.placementConstraints,
    requiresCompatibilities: record.requiresCompatibilities,
    runtimePlatform: record.runtimePlatform,
    taskRoleArn: record.taskRoleArn,
    executionRoleArn: record.executionRoleArn,
    ephemeralStorage: record.ephemeralStorage,
    deleteRequestedAt: record.deleteRequestedAt,
    compatibilities: compatibilitiesOf(record),
    requiresAttributes: requirementsOf(record).attributes.map(([name, value]) => ({ name, value })),
  };
}
