// With what tasks are launched besides their definition: launch type, capacity providers, network, tags to propagate.
// Pure. Source: ECS reference, sections 2.4, 2.5, 3.3 and 8.2; docs/aws-compatibility.md for what it means here.
import type {
  CapacityProviderStrategyItem,
  LaunchSettings,
  NetworkConfiguration,
} from '../generated/messages.ts';
import { isBuiltInProvider } from '../resources/capacity-provider.ts';
import { compatibilitiesOf, type LaunchType } from '../resources/compatibility.ts';
import type { TaskDefinitionContent } from '../resources/task-definition.ts';
import { checkStrategy } from './capacity-provider.ts';
import { Checker } from './check.ts';

const LAUNCH_TYPES = ['EC2', 'FARGATE', 'EXTERNAL'];
const PROPAGATE = ['TASK_DEFINITION', 'SERVICE', 'NONE'];
const PLATFORM_VERSION = /^(LATEST|1\.[0-9]\.0)$/;

type Definition = Pick<
  TaskDefinitionContent,
  'cpu' | 'memory' | 'networkMode' | 'taskRoleArn' | 'requiresCompatibilities'
>;

/** Everything that can be judged without the task definition. */
export function checkLaunch(check: Checker, launch: LaunchSettings, ofService: boolean): void {
  const { launchType, capacityProviderStrategy: strategy, platformVersion } = launch;
  if (launchType !== undefined) check.word('launchType', launchType, LAUNCH_TYPES);
  if (launchType !== undefined && strategy.length > 0) {
    check.refuse(
      'Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.',
    );
  }
  checkStrategy(check, 'capacityProviderStrategy', strategy);
  if (launch.propagateTags !== undefined) {
    check.word('propagateTags', launch.propagateTags, PROPAGATE);
    if (launch.propagateTags === 'SERVICE' && !ofService) {
      check.expected(
        'propagateTags',
        'SERVICE',
        'TASK_DEFINITION or NONE: the task has no service',
      );
    }
  }
  if (platformVersion !== undefined && !isFargate(launch)) {
    check.refuse(
      'The platform version must be null when specifying an EC2 or EXTERNAL launch type. ' +
        `(platformVersion is "${platformVersion}")`,
    );
  }
  check.text(
    'platformVersion',
    platformVersion,
    PLATFORM_VERSION,
    'LATEST or a version like 1.4.0',
  );
  checkNetwork(check, launch.networkConfiguration);
}

export function isFargate({
  launchType,
  capacityProviderStrategy,
}: {
  readonly launchType?: string | undefined;
  readonly capacityProviderStrategy: readonly CapacityProviderStrategyItem[];
}): boolean {
  if (launchType === 'FARGATE') return true;
  return capacityProviderStrategy.some(({ capacityProvider }) =>
    isBuiltInProvider(capacityProvider),
  );
}

function checkNetwork(check: Checker, network: NetworkConfiguration | undefined): void {
  const of = network?.awsvpcConfiguration;
  if (!of) return;
  const field = 'networkConfiguration.awsvpcConfiguration';
  if (of.subnets.length === 0) check.refuse('subnets can not be empty.');
  check.atMost(`${field}.subnets`, of.subnets.length, 16, 'subnets');
  check.atMost(`${field}.securityGroups`, of.securityGroups.length, 5, 'security groups');
  if (of.assignPublicIp !== undefined) {
    check.word(`${field}.assignPublicIp`, of.assignPublicIp, ['ENABLED', 'DISABLED']);
  }
}

/**
 * The settings and the definition that they are to launch.
 * @param thing what is made, for the words: a service that is created or updated, or a task
 * @throws BerthError InvalidParameterException
 */
export function checkLaunchOf(
  launch: LaunchSettings,
  definition: Definition,
  thing: 'created' | 'updated' | 'run',
): void {
  const check = new Checker('InvalidParameterException');
  const given = launch.networkConfiguration?.awsvpcConfiguration !== undefined;
  if (definition.networkMode === 'awsvpc' && !given) {
    check.refuse("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
  }
  if (definition.networkMode !== 'awsvpc' && given) {
    check.refuse(
      'Network Configuration is not valid for the given networkMode of this task definition.',
    );
  }
  const launchType: LaunchType = isFargate(launch) ? 'FARGATE' : (launch.launchType ?? 'EC2');
  if (!compatibilitiesOf(definition).includes(launchType)) {
    check.refuse(`Task definition does not support launch_type ${launchType}.`);
  }
  if (launch.enableExecuteCommand === true && !definition.taskRoleArn) {
    const what = thing === 'run' ? 'task' : 'service';
    check.refuse(
      `The ${what} couldn't be ${thing} because a valid taskRoleArn is not being used. ` +
        'Specify a valid task role in your task definition and try again.',
    );
  }
}
