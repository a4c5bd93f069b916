// aws_ecs_cluster, aws_ecs_task_definition and aws_ecs_service: the calls of the provider, in its order, with the errors that it looks
// for. Source: ECS reference, sections 2.2 to 2.5 and 3.
import {
  type ContainerDefinition,
  CreateClusterCommand,
  CreateServiceCommand,
  type CreateServiceCommandInput,
  DeleteClusterCommand,
  DeleteServiceCommand,
  DeregisterTaskDefinitionCommand,
  type DeploymentConfiguration,
  DescribeClustersCommand,
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  ListServiceDeploymentsCommand,
  type PlacementStrategy,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  type Service,
  type Tag,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateClusterCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { realClock } from '@berth/process/real-clock.ts';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import type { Ground } from '../cases.ts';
import {
  changes,
  type Passing,
  type Resource,
  retried,
  type State,
  tagChanges,
  type Tags,
  unless,
  until,
} from './life-cycle.ts';

const pairs = (map: unknown): Tag[] =>
  Object.entries(map as Tags).map(([key, value]) => ({ key, value }));

const byKey = (tags: readonly Tag[] = []): State =>
  Object.fromEntries(tags.map(({ key = '', value }) => [key, value]));

const text = (state: State, name: string) => state[name] as string;
const number = (state: State, name: string) => state[name] as number;

async function retag({ ecs }: Ground, arn: string, before: State, after: State): Promise<void> {
  const { set, unset } = tagChanges(before, after);
  if (unset.length > 0) {
    await ecs.send(new UntagResourceCommand({ resourceArn: arn, tagKeys: unset }));
  }
  if (Object.keys(set).length > 0) {
    await ecs.send(new TagResourceCommand({ resourceArn: arn, tags: pairs(set) }));
  }
}

// --- aws_ecs_cluster ---

interface Setting {
  readonly name: 'containerInsights';
  readonly value: string;
}

async function clusterOf({ ecs }: Ground, arn: string) {
  const { clusters = [], failures = [] } = await ecs.send(
    new DescribeClustersCommand({
      clusters: [arn],
      include: ['TAGS', 'CONFIGURATIONS', 'SETTINGS'],
    }),
  );
  const unknown = failures.some(({ reason }) => reason !== 'MISSING');
  if (unknown) throw new Error(`of ${arn} the provider wants to know no other failure`);
  const [one] = clusters;
  return one?.status === 'INACTIVE' ? undefined : one;
}

async function clusterActive(on: Ground, arn: string): Promise<void> {
  await until(`cluster ${arn} to be active`, async () =>
    (await clusterOf(on, arn))?.status === 'ACTIVE' ? true : undefined,
  );
}

const CLUSTER_IN_USE: readonly Passing[] = [
  ['ClusterContainsContainerInstancesException', ''],
  ['ClusterContainsServicesException', ''],
  ['ClusterContainsTasksException', ''],
  ['UpdateInProgressException', ''],
];

export const cluster: Resource = {
  create: async (on, config) => {
    const made = await on.ecs.send(
      new CreateClusterCommand({
        clusterName: text(config, 'name'),
        settings: config['setting'] as Setting[],
        tags: pairs(config['tags']),
      }),
    );
    const arn = made.cluster?.clusterArn ?? '';
    await clusterActive(on, arn);
    return arn;
  },
  read: async (on, arn) => {
    const one = await clusterOf(on, arn);
    return (
      one && {
        arn: one.clusterArn,
        name: one.clusterName,
        configuration: one.configuration,
        service_connect_defaults: one.serviceConnectDefaults,
        setting: one.settings,
        tags: byKey(one.tags),
      }
    );
  },
  update: async (on, arn, before, after) => {
    await retag(on, arn, before, after);
    if (changes(before, after)('setting')) {
      const settings = after['setting'] as Setting[];
      await on.ecs.send(new UpdateClusterCommand({ cluster: arn, settings }));
      await clusterActive(on, arn);
    }
    return arn;
  },
  delete: async (on, arn) => {
    await retried(CLUSTER_IN_USE, () => on.ecs.send(new DeleteClusterCommand({ cluster: arn })));
    await until(`cluster ${arn} to be inactive`, async () =>
      (await clusterOf(on, arn)) === undefined ? true : undefined,
    );
  },
};

// --- aws_ecs_task_definition ---

interface Named {
  readonly name?: string | undefined;
}

/**
 * Container definitions in the form in which the provider compares them: what a registration fills in is taken out again, and what
 * has no order is sorted.
 */
export function reduced(definitions: readonly ContainerDefinition[]): unknown {
  const byName = (a: Named, b: Named): number => ((a.name ?? '') < (b.name ?? '') ? -1 : 1);
  const container = (definition: ContainerDefinition): State => {
    const { essential = true, portMappings = [], environment = [], cpu, ...others } = definition;
    const whole = {
      ...others,
      essential,
      cpu: cpu === 0 ? undefined : cpu,
      environment: [...environment].sort(byName),
      portMappings: portMappings.map(({ hostPort, protocol, ...mapping }) => ({
        ...mapping,
        ...(hostPort !== undefined && hostPort !== 0 && { hostPort }),
        ...(protocol !== undefined && protocol !== 'tcp' && { protocol }),
      })),
    };
    return Object.fromEntries(
      Object.entries(whole)
        .filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0))
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  };
  return [...definitions].sort(byName).map(container);
}

async function definitionOf({ ecs }: Ground, arn: string) {
  const found = await unless(
    ['ClientException'],
    ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: arn, include: ['TAGS'] })),
  );
  return found?.taskDefinition?.status === 'INACTIVE' ? undefined : found;
}

export const taskDefinition: Resource = {
  create: async (on, config) => {
    const made = await on.ecs.send(
      new RegisterTaskDefinitionCommand({
        family: text(config, 'family'),
        containerDefinitions: config['container_definitions'] as ContainerDefinition[],
        networkMode: config['network_mode'] as 'bridge',
        volumes: config['volume'] as RegisterTaskDefinitionCommandInput['volumes'],
        placementConstraints: config[
          'placement_constraints'
        ] as RegisterTaskDefinitionCommandInput['placementConstraints'],
        cpu: config['cpu'] as string | undefined,
        memory: config['memory'] as string | undefined,
        tags: pairs(config['tags']),
      }),
    );
    return made.taskDefinition?.taskDefinitionArn ?? '';
  },
  read: async (on, arn) => {
    const found = await definitionOf(on, arn);
    const one = found?.taskDefinition;
    return (
      one && {
        arn: one.taskDefinitionArn,
        family: one.family,
        revision: one.revision,
        container_definitions: reduced(one.containerDefinitions ?? []),
        network_mode: one.networkMode,
        volume: one.volumes,
        placement_constraints: one.placementConstraints,
        requires_compatibilities: one.requiresCompatibilities,
        cpu: one.cpu,
        memory: one.memory,
        task_role_arn: one.taskRoleArn,
        execution_role_arn: one.executionRoleArn,
        pid_mode: one.pidMode,
        ipc_mode: one.ipcMode,
        runtime_platform: one.runtimePlatform,
        ephemeral_storage: one.ephemeralStorage,
        tags: byKey(found.tags),
      }
    );
  },
  /** Everything but tags makes a new revision; the one before is deregistered. */
  update: async (on, arn, before, after) => {
    const others = Object.keys(after).filter((name) => name !== 'tags');
    if (!changes(before, after)(...others)) {
      await retag(on, arn, before, after);
      return arn;
    }
    await taskDefinition.delete(on, arn);
    return taskDefinition.create(on, after);
  },
  delete: async ({ ecs }, arn) => {
    await ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition: arn }));
  },
};

// --- aws_ecs_service ---

interface Balanced {
  readonly target_group_arn: string;
  readonly container_name: string;
  readonly container_port: number;
}

/** As it is at the moment, or undefined when ECS knows of none. */
async function serviceOf({ ecs }: Ground, id: string): Promise<Service | undefined> {
  const found = await unless(
    ['ClusterNotFoundException', 'ServiceNotFoundException'],
    ecs.send(
      new DescribeServicesCommand({
        cluster: clusterNameOf(id),
        services: [id],
        include: ['TAGS'],
      }),
    ),
  );
  const missing = found?.failures?.some(({ reason }) => reason === 'MISSING');
  return missing ? undefined : found?.services?.[0];
}

const clusterNameOf = (serviceArn: string) => /:service\/([^/]+)\//.exec(serviceArn)?.[1];

/**
 * `wait_for_steady_state`. A deployment that began after the operation is followed by its own ARN; it is found as the one whose
 * revision has in its ARN what the primary deployment's id has behind its slash. Otherwise it is one deployment, and as many tasks as
 * are wanted.
 */
async function steady(on: Ground, id: string, since: Date): Promise<void> {
  let begun: boolean | undefined;
  let followed: string | undefined;
  await until(`service ${id} to be steady`, async () => {
    const service = await serviceOf(on, id);
    const { status, deployments = [], desiredCount, runningCount } = service ?? {};
    if (status !== 'ACTIVE') return undefined;
    const primary = deployments.find((deployment) => deployment.status === 'PRIMARY');
    begun ??= primary?.createdAt && primary.createdAt > since;
    if (!begun || service?.deploymentController?.type !== 'ECS') {
      return deployments.length === 1 && desiredCount === runningCount ? true : undefined;
    }
    const [, taskSet] = (primary?.id ?? '').split('/');
    assert.ok(taskSet !== undefined, `${primary?.id ?? ''} has no slash`);
    followed ??= await deploymentOf(on, service, taskSet, since);
    if (followed === undefined) return undefined;
    const { serviceDeployments } = await on.ecs.send(
      new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [followed] }),
    );
    const [{ status: progress, statusReason } = {}] = serviceDeployments ?? [];
    assert.ok(!FAILED.includes(progress ?? ''), statusReason);
    return progress === 'SUCCESSFUL' ? true : undefined;
  });
}

const FAILED: readonly string[] = ['STOPPED', 'ROLLBACK_FAILED', 'ROLLBACK_SUCCESSFUL'];

async function deploymentOf(
  { ecs }: Ground,
  { serviceArn = '', serviceName }: Service,
  taskSet: string,
  after: Date,
): Promise<string | undefined> {
  const of = { cluster: clusterNameOf(serviceArn), service: serviceName };
  let nextToken: string | undefined;
  do {
    const page = await ecs.send(
      new ListServiceDeploymentsCommand({ ...of, createdAt: { after }, nextToken }),
    );
    const found = page.serviceDeployments?.find(({ targetServiceRevisionArn }) =>
      targetServiceRevisionArn?.includes(taskSet),
    );
    if (found) return found.serviceDeploymentArn;
    ({ nextToken } = page);
  } while (nextToken !== undefined);
  return undefined;
}

/** On these it calls once more: they pass by themselves once something else is there. */
const UPDATING: readonly Passing[] = [
  [
    'InvalidParameterException',
    'verify that the ECS service role being passed has the proper permissions',
  ],
  ['InvalidParameterException', 'does not have an associated load balancer'],
];
const CREATING: readonly Passing[] = [
  ['ClusterNotFoundException', ''],
  ...UPDATING,
  ['InvalidParameterException', 'Unable to assume the service linked role'],
];
const DELETING: readonly Passing[] = [
  ['InvalidParameterException', 'The service cannot be stopped while deployments are active.'],
];

export async function createService(on: Ground, input: CreateServiceCommandInput) {
  const { answer, retries } = await retried(CREATING, () =>
    on.ecs.send(new CreateServiceCommand(input)),
  );
  return { service: answer.service, retries };
}

type Breaker = NonNullable<DeploymentConfiguration['deploymentCircuitBreaker']>;

/** Of the configuration only what is different is sent; the percentages go together. */
function deploymentChange(before: State, after: State) {
  const differ = changes(before, after);
  const percentages = ['deployment_maximum_percent', 'deployment_minimum_healthy_percent'] as const;
  const deploymentConfiguration: DeploymentConfiguration = {
    ...(differ('deployment_circuit_breaker') && {
      deploymentCircuitBreaker: after['deployment_circuit_breaker'] as Breaker,
    }),
    ...(differ(...percentages) && {
      maximumPercent: number(after, percentages[0]),
      minimumHealthyPercent: number(after, percentages[1]),
    }),
  };
  return Object.keys(deploymentConfiguration).length === 0 ? {} : { deploymentConfiguration };
}

export const service: Resource = {
  create: async (on, config) => {
    const balanced = config['load_balancer'] as Balanced[];
    const spread = config['ordered_placement_strategy'] as PlacementStrategy[];
    const since = new Date(realClock.now());
    const made = await createService(on, {
      serviceName: text(config, 'name'),
      cluster: text(config, 'cluster'),
      taskDefinition: text(config, 'task_definition'),
      desiredCount: number(config, 'desired_count'),
      launchType: config['launch_type'] as 'EC2',
      schedulingStrategy: 'REPLICA',
      deploymentController: { type: 'ECS' },
      deploymentConfiguration: {
        maximumPercent: number(config, 'deployment_maximum_percent'),
        minimumHealthyPercent: number(config, 'deployment_minimum_healthy_percent'),
        deploymentCircuitBreaker: config['deployment_circuit_breaker'] as Breaker,
      },
      enableECSManagedTags: config['enable_ecs_managed_tags'] as boolean,
      enableExecuteCommand: false,
      // What is empty is left out, a 0 too.
      ...(number(config, 'health_check_grace_period_seconds') > 0 && {
        healthCheckGracePeriodSeconds: number(config, 'health_check_grace_period_seconds'),
      }),
      ...(balanced.length > 0 && {
        loadBalancers: balanced.map((one) => ({
          targetGroupArn: one.target_group_arn,
          containerName: one.container_name,
          containerPort: one.container_port,
        })),
      }),
      ...(spread.length > 0 && { placementStrategy: spread }),
      ...(text(config, 'propagate_tags') !== '' && {
        propagateTags: config['propagate_tags'] as 'SERVICE',
      }),
      tags: pairs(config['tags']),
      clientToken: randomUUID(),
    });
    const id = made.service?.serviceArn ?? '';
    await steady(on, id, since);
    return id;
  },
  read: async (on, id) => {
    const one = await serviceOf(on, id);
    if (!one || one.status === 'INACTIVE' || one.status === 'DRAINING') return undefined;
    return {
      id: one.serviceArn,
      name: one.serviceName,
      cluster: one.clusterArn,
      task_definition: one.taskDefinition,
      desired_count: one.desiredCount,
      running_count: one.runningCount,
      launch_type: one.launchType,
      scheduling_strategy: one.schedulingStrategy,
      platform_version: one.platformVersion,
      iam_role: one.roleArn,
      availability_zone_rebalancing: one.availabilityZoneRebalancing,
      capacity_provider_strategy: one.capacityProviderStrategy,
      deployment_controller: one.deploymentController,
      deployment_maximum_percent: one.deploymentConfiguration?.maximumPercent,
      deployment_minimum_healthy_percent: one.deploymentConfiguration?.minimumHealthyPercent,
      deployment_circuit_breaker: {
        enable: one.deploymentConfiguration?.deploymentCircuitBreaker?.enable,
        rollback: one.deploymentConfiguration?.deploymentCircuitBreaker?.rollback,
      },
      enable_ecs_managed_tags: one.enableECSManagedTags,
      enable_execute_command: one.enableExecuteCommand,
      health_check_grace_period_seconds: one.healthCheckGracePeriodSeconds ?? 0,
      load_balancer: (one.loadBalancers ?? []).map((balanced) => ({
        target_group_arn: balanced.targetGroupArn,
        container_name: balanced.containerName,
        container_port: balanced.containerPort,
      })),
      network_configuration: one.networkConfiguration,
      ordered_placement_strategy: one.placementStrategy,
      placement_constraints: one.placementConstraints,
      propagate_tags: one.propagateTags,
      service_registries: one.serviceRegistries,
      tags: byKey(one.tags),
    };
  },
  update: async (on, id, before, after) => {
    const differ = changes(before, after);
    await retag(on, id, before, after);
    const since = new Date(realClock.now());
    await retried(UPDATING, () =>
      on.ecs.send(
        new UpdateServiceCommand({
          cluster: text(after, 'cluster'),
          service: id,
          forceNewDeployment: false,
          ...(differ('task_definition') && { taskDefinition: text(after, 'task_definition') }),
          ...(differ('desired_count') && { desiredCount: number(after, 'desired_count') }),
          ...deploymentChange(before, after),
          ...(differ('health_check_grace_period_seconds') && {
            healthCheckGracePeriodSeconds: number(after, 'health_check_grace_period_seconds'),
          }),
          ...(differ('ordered_placement_strategy') && {
            placementStrategy: after['ordered_placement_strategy'] as [],
          }),
          ...(differ('propagate_tags') && {
            propagateTags: after['propagate_tags'] as 'SERVICE' | 'NONE',
          }),
          ...(differ('enable_ecs_managed_tags') && {
            enableECSManagedTags: after['enable_ecs_managed_tags'] as boolean,
          }),
        }),
      ),
    );
    await steady(on, id, since);
    return id;
  },
  /** Down to 0, then away, then until it is INACTIVE. */
  delete: async (on, id) => {
    const found = await serviceOf(on, id);
    if (!found || found.status === 'INACTIVE') return;
    const of = { cluster: found.clusterArn, service: id };
    if (found.status !== 'DRAINING') {
      await on.ecs.send(new UpdateServiceCommand({ ...of, desiredCount: 0 }));
    }
    await retried(DELETING, () => on.ecs.send(new DeleteServiceCommand({ ...of, force: false })));
    await until(`service ${id} to be inactive`, async () => {
      const left = await serviceOf(on, id);
      return !left || left.status === 'INACTIVE' ? true : undefined;
    });
  },
};
