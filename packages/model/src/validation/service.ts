// What a service must fulfil, by itself and together with its task definition. Whether the things that it
// names exist is the api's to look up. Pure. Source: ECS reference, sections 2.5, 6.1 and 6.2.
import { BerthError } from '../errors.ts';
import type {
  CreateServiceRequest,
  DeploymentConfiguration,
  DeploymentController,
  LaunchSettings,
  LoadBalancer,
  PlacementConstraint,
  PlacementStrategy,
  UpdateServiceRequest,
} from '../generated/messages.ts';
import {
  completeDeploymentConfiguration,
  type CompleteDeploymentConfiguration,
  type SchedulingStrategy,
} from '../resources/service.ts';
import type { TaskDefinitionContent } from '../resources/task-definition.ts';
import { checkDeploymentAlarms } from './alarm.ts';
import { Checker, shown } from './check.ts';
import { checkLaunch, isFargate } from './launch.ts';
import { checkClientToken, checkEcsName } from './names.ts';
import { acceptStrategies, checkConstraints } from './placement.ts';
import { checkExternal, checkExternalUpdate } from './external-service.ts';
import { checkAdvanced, checkShifting } from './shifting.ts';
import { checkTags } from './tags.ts';

const MOST_TARGET_GROUPS = 5;
/** ECS allows 5,000 tasks a service; a bound for mistakes, far above. */
const DESIRED_COUNT = { least: 0, most: 100_000 };
const GRACE_SECONDS = { least: 0, most: 2_147_483_647 };

/** A service in normal form, its task definition and target groups still as the caller named them. */
export interface ServiceOrder {
  readonly schedulingStrategy: SchedulingStrategy;
  readonly desiredCount: number;
  readonly deploymentConfiguration: CompleteDeploymentConfiguration;
  readonly placementConstraints: readonly PlacementConstraint[];
  readonly placementStrategy: readonly PlacementStrategy[];
  readonly healthCheckGracePeriodSeconds: number;
  readonly launch: LaunchSettings;
  readonly availabilityZoneRebalancing: 'ENABLED' | 'DISABLED';
  /** Absent: ECS. */
  readonly deploymentController?: 'EXTERNAL';
}

/** @throws BerthError InvalidParameterException */
export function acceptCreateService(request: CreateServiceRequest): ServiceOrder {
  const check = new Checker('InvalidParameterException');
  if (request.serviceName === '') check.refuse('Service name is required. (serviceName is empty)');
  checkEcsName(check, 'serviceName', request.serviceName);
  checkClientToken(check, request.clientToken, 36);
  checkTags(check, request.tags);
  const external = checkController(request.deploymentController);
  const strategy: SchedulingStrategy = request.schedulingStrategy || 'REPLICA';
  if (external) checkExternal(check, request);
  checkCount(check, strategy, request.desiredCount);
  if (strategy === 'REPLICA' && request.desiredCount === undefined) {
    check.expected('desiredCount', undefined, 'a number of tasks (0 is allowed)');
  }
  check.integer(
    'healthCheckGracePeriodSeconds',
    request.healthCheckGracePeriodSeconds,
    GRACE_SECONDS,
  );
  checkConstraints(check, 'placementConstraints', request.placementConstraints);
  checkLoadBalancerShapes(check, request.loadBalancers);
  const configuration = acceptDeployment(check, strategy, request.deploymentConfiguration);
  checkAdvanced(check, request.loadBalancers, configuration);
  return {
    ...(external ? { deploymentController: 'EXTERNAL' as const } : {}),
    schedulingStrategy: strategy,
    desiredCount: request.desiredCount ?? 0,
    deploymentConfiguration: configuration,
    placementConstraints: request.placementConstraints,
    placementStrategy: acceptServiceStrategies(check, strategy, request.placementStrategy),
    healthCheckGracePeriodSeconds: request.healthCheckGracePeriodSeconds ?? 0,
    launch: acceptLaunch(check, strategy, {
      launchType: request.launchType,
      capacityProviderStrategy: request.capacityProviderStrategy,
      platformVersion: request.platformVersion,
      networkConfiguration: request.networkConfiguration,
      enableECSManagedTags: request.enableECSManagedTags ?? false,
      propagateTags: request.propagateTags || 'NONE',
      enableExecuteCommand: request.enableExecuteCommand ?? false,
    }),
    availabilityZoneRebalancing: acceptRebalancing(
      check,
      request.availabilityZoneRebalancing,
      strategy === 'DAEMON' || external ? 'DISABLED' : 'ENABLED',
    ),
  };
}

/** @returns whether it is EXTERNAL */
function checkController(controller: DeploymentController | undefined): boolean {
  const type = controller?.type;
  if (type === undefined || type === 'ECS') return false;
  if (type === 'EXTERNAL') return true;
  throw new BerthError(
    'UnsupportedFeatureException',
    `deploymentController.type is ${shown(type)}; expected ECS or EXTERNAL: no other deployment controller is supported.`,
  );
}

function acceptLaunch(
  check: Checker,
  strategy: SchedulingStrategy,
  launch: LaunchSettings,
): LaunchSettings {
  checkLaunch(check, launch, true);
  if (strategy === 'DAEMON' && isFargate(launch)) {
    check.refuse('The daemon scheduling strategy is not supported for AWS Fargate tasks.');
  }
  return launch;
}

function acceptRebalancing(
  check: Checker,
  asked: ServiceOrder['availabilityZoneRebalancing'] | undefined,
  otherwise: ServiceOrder['availabilityZoneRebalancing'],
): ServiceOrder['availabilityZoneRebalancing'] {
  const word = asked ?? otherwise;
  check.word('availabilityZoneRebalancing', word, ['ENABLED', 'DISABLED']);
  return word;
}

/**
 * The service as it will be: what the request gives, and of the rest what it was.
 * @throws BerthError InvalidParameterException
 */
export function acceptUpdateService(
  request: UpdateServiceRequest,
  current: CurrentService,
): ServiceOrder {
  const check = new Checker('InvalidParameterException');
  const strategy = current.schedulingStrategy;
  const external = current.deploymentController === 'EXTERNAL';
  if (request.deploymentController && checkController(request.deploymentController) !== external) {
    throw new BerthError(
      'UnsupportedFeatureException',
      `deploymentController.type is ${shown(request.deploymentController.type)}; expected ${external ? 'EXTERNAL' : 'ECS'}: the deployment controller of a service can't be changed.`,
    );
  }
  if (external) checkExternalUpdate(check, request);
  checkCount(check, strategy, request.desiredCount);
  check.integer(
    'healthCheckGracePeriodSeconds',
    request.healthCheckGracePeriodSeconds,
    GRACE_SECONDS,
  );
  const constraints = request.placementConstraints?.items ?? current.placementConstraints;
  checkConstraints(check, 'placementConstraints', constraints);
  checkLoadBalancerShapes(check, request.loadBalancers?.items ?? []);
  const configuration = acceptDeployment(
    check,
    strategy,
    request.deploymentConfiguration,
    current.deploymentConfiguration,
  );
  checkAdvanced(check, request.loadBalancers?.items ?? current.loadBalancers ?? [], configuration);
  return {
    schedulingStrategy: strategy,
    desiredCount: request.desiredCount ?? current.desiredCount,
    deploymentConfiguration: configuration,
    placementConstraints: constraints,
    placementStrategy: request.placementStrategy
      ? acceptServiceStrategies(check, strategy, request.placementStrategy.items)
      : current.placementStrategy,
    healthCheckGracePeriodSeconds:
      request.healthCheckGracePeriodSeconds ?? current.healthCheckGracePeriodSeconds,
    launch: acceptLaunch(check, strategy, nextLaunch(request, current.launch)),
    availabilityZoneRebalancing: acceptRebalancing(
      check,
      request.availabilityZoneRebalancing,
      current.availabilityZoneRebalancing ?? 'DISABLED',
    ),
  };
}

/** The service as it is; records of before some settings lack them. */
export type CurrentService = Pick<
  ServiceOrder,
  | 'schedulingStrategy'
  | 'desiredCount'
  | 'placementConstraints'
  | 'placementStrategy'
  | 'healthCheckGracePeriodSeconds'
> & {
  readonly loadBalancers?: readonly LoadBalancer[] | undefined;
  readonly deploymentConfiguration?: DeploymentConfiguration | undefined;
  readonly launch?: LaunchSettings | undefined;
  readonly availabilityZoneRebalancing?: 'ENABLED' | 'DISABLED' | undefined;
  readonly deploymentController?: 'ECS' | 'EXTERNAL' | undefined;
};

function nextLaunch(
  request: UpdateServiceRequest,
  current: LaunchSettings | undefined,
): LaunchSettings {
  const strategy = request.capacityProviderStrategy?.items;
  return {
    // A strategy takes the place of a launch type, and the other way round.
    launchType:
      strategy === undefined ? current?.launchType : strategy.length > 0 ? undefined : 'EC2',
    capacityProviderStrategy: strategy ?? current?.capacityProviderStrategy ?? [],
    platformVersion: request.platformVersion ?? current?.platformVersion,
    networkConfiguration: request.networkConfiguration ?? current?.networkConfiguration,
    enableECSManagedTags: request.enableECSManagedTags ?? current?.enableECSManagedTags ?? false,
    propagateTags: request.propagateTags || (current?.propagateTags ?? 'NONE'),
    enableExecuteCommand: request.enableExecuteCommand ?? current?.enableExecuteCommand ?? false,
  };
}

function checkCount(check: Checker, strategy: SchedulingStrategy, count: number | undefined): void {
  if (strategy === 'DAEMON' && count !== undefined) {
    check.expected(
      'desiredCount',
      count,
      'none for a DAEMON service: it has one task on each host',
    );
  }
  check.integer('desiredCount', count, DESIRED_COUNT);
}

function acceptServiceStrategies(
  check: Checker,
  strategy: SchedulingStrategy,
  strategies: readonly PlacementStrategy[],
): PlacementStrategy[] {
  if (strategy === 'DAEMON' && strategies.length > 0) {
    check.refuse('placementStrategy is given; expected none for a DAEMON service.');
  }
  return acceptStrategies(check, strategies);
}

function acceptDeployment(
  check: Checker,
  strategy: SchedulingStrategy,
  asked: DeploymentConfiguration | undefined,
  current?: DeploymentConfiguration,
): CompleteDeploymentConfiguration {
  if (asked) checkDeploymentFeatures(check, asked);
  const complete = completeDeploymentConfiguration(strategy, asked, current);
  const { minimumHealthyPercent, maximumPercent } = complete;
  const field = 'deploymentConfiguration';
  check.integer(`${field}.minimumHealthyPercent`, minimumHealthyPercent, { least: 0, most: 100 });
  if (strategy === 'DAEMON' && maximumPercent !== 100) {
    check.expected(`${field}.maximumPercent`, maximumPercent, '100 for a DAEMON service');
  }
  check.integer(`${field}.maximumPercent`, maximumPercent, { least: 100, most: 1000 });
  checkShifting(check, strategy, complete);
  return complete;
}

function checkDeploymentFeatures(check: Checker, asked: DeploymentConfiguration): void {
  const field = 'deploymentConfiguration';
  checkDeploymentAlarms(check, asked.alarms);
  const threshold = asked.deploymentCircuitBreaker?.thresholdConfiguration;
  if (!threshold) return;
  const at = `${field}.deploymentCircuitBreaker.thresholdConfiguration`;
  check.word(`${at}.type`, threshold.type, ['BOUNDED_PERCENT', 'UNBOUNDED_PERCENT', 'COUNT']);
  const most = threshold.type === 'COUNT' ? 1_000_000 : 100;
  check.integer(`${at}.value`, threshold.value, { least: 1, most });
}

export function checkLoadBalancerShapes(
  check: Checker,
  loadBalancers: readonly LoadBalancer[],
): void {
  check.atMost('loadBalancers', loadBalancers.length, MOST_TARGET_GROUPS, 'target groups');
  for (const [index, item] of loadBalancers.entries()) {
    const field = `loadBalancers[${index}]`;
    if (item.targetGroupArn === '') {
      check.expected(`${field}.targetGroupArn`, undefined, 'the name or ARN of a target group');
    }
    if (item.containerName === '') {
      check.expected(`${field}.containerName`, undefined, 'the name of a container');
    }
    check.integer(`${field}.containerPort`, item.containerPort, { least: 1, most: 65_535 });
  }
}

/**
 * Each load balancer names a container of the definition and a TCP port that this container maps.
 * @param loadBalancers with target groups by name
 * @throws BerthError InvalidParameterException
 */
export function checkLoadBalancers(
  loadBalancers: readonly LoadBalancer[],
  definition: Pick<TaskDefinitionContent, 'containerDefinitions'>,
): void {
  const check: Checker = new Checker('InvalidParameterException');
  for (const { containerName, containerPort } of loadBalancers) {
    const container = definition.containerDefinitions.find((item) => item.name === containerName);
    if (!container) {
      check.refuse(`The container ${containerName} does not exist in the task definition.`);
    }
    const mapping = container.portMappings.find((item) => item.containerPort === containerPort);
    if (!mapping) {
      check.refuse(
        `The container ${containerName} did not have a container port ${containerPort} defined.`,
      );
    }
    if (mapping.protocol === 'udp') {
      check.refuse(
        `The container ${containerName} maps container port ${containerPort} for udp; expected tcp for a target group.`,
      );
    }
  }
  check.unique(
    'loadBalancers',
    loadBalancers.map(
      (item) => `${item.targetGroupArn} ${item.containerName}:${item.containerPort}`,
    ),
  );
}

/** The service's constraints and those of its task definition fit into one task's limit. @throws BerthError InvalidParameterException */
export function checkConstraintsTogether(
  constraints: readonly PlacementConstraint[],
  definition: Pick<TaskDefinitionContent, 'placementConstraints'>,
): void {
  checkConstraints(
    new Checker('InvalidParameterException'),
    'placementConstraints',
    constraints,
    undefined,
    definition.placementConstraints.length,
  );
}
