// The arguments of RunTask and StopTask that can be judged by themselves. Pure. Source: ECS reference, section 2.4.
import type {
  LaunchSettings,
  PlacementConstraint,
  PlacementStrategy,
  RunTaskRequest,
  StartTaskRequest,
  Tag,
  TaskOverride,
} from '../generated/messages.ts';
import type { TaskDefinitionContent } from '../resources/task-definition.ts';
import { Checker } from './check.ts';
import { checkLaunch } from './launch.ts';
import { checkClientToken } from './names.ts';
import { acceptOverrides } from './overrides.ts';
import { acceptStrategies, checkConstraints } from './placement.ts';
import { checkTags } from './tags.ts';

/** One RunTask call in normal form. */
export interface RunTaskOrder {
  readonly count: number;
  readonly group: string;
  readonly startedBy: string;
  readonly overrides: TaskOverride | undefined;
  /** Those of the call only; the scheduler adds those of the task definition. */
  readonly placementConstraints: readonly PlacementConstraint[];
  readonly placementStrategy: readonly PlacementStrategy[];
  readonly tags: readonly Tag[];
  readonly launch: LaunchSettings;
}

/** @throws BerthError InvalidParameterException or ClientException */
export function acceptRunTask(
  request: RunTaskRequest,
  definition: TaskDefinitionContent,
): RunTaskOrder {
  const check = new Checker('InvalidParameterException');
  check.integer('count', request.count, { least: 1, most: 10 });
  checkGroup(check, request.group);
  checkStarter(check, request.startedBy, 128);
  checkClientToken(check, request.clientToken, 64);
  checkConstraints(
    check,
    'placementConstraints',
    request.placementConstraints,
    undefined,
    definition.placementConstraints.length,
  );
  checkTags(check, request.tags);
  return {
    count: request.count ?? 1,
    group: request.group ?? `family:${definition.family}`,
    startedBy: request.startedBy ?? '',
    overrides: acceptOverrides(request.overrides, definition),
    placementConstraints: request.placementConstraints,
    placementStrategy: acceptStrategies(check, request.placementStrategy),
    tags: request.tags,
    launch: launchOf(check, request, {
      launchType: request.launchType,
      capacityProviderStrategy: request.capacityProviderStrategy,
      platformVersion: request.platformVersion,
    }),
  };
}

/**
 * StartTask in the same form: one task on each named host.
 * @throws BerthError InvalidParameterException or ClientException
 */
export function acceptStartTask(
  request: StartTaskRequest,
  definition: TaskDefinitionContent,
): RunTaskOrder {
  const check = new Checker('InvalidParameterException');
  const { containerInstances } = request;
  if (containerInstances.length === 0) check.refuse('Container instances cannot be empty.');
  check.atMost('containerInstances', containerInstances.length, 10, 'ids');
  checkGroup(check, request.group);
  checkStarter(check, request.startedBy, 36);
  checkTags(check, request.tags);
  return {
    count: containerInstances.length,
    group: request.group ?? `family:${definition.family}`,
    startedBy: request.startedBy ?? '',
    overrides: acceptOverrides(request.overrides, definition),
    placementConstraints: [],
    placementStrategy: [],
    tags: request.tags,
    launch: launchOf(check, request, { launchType: 'EC2', capacityProviderStrategy: [] }),
  };
}

function launchOf(
  check: Checker,
  request: RunTaskRequest | StartTaskRequest,
  how: Pick<LaunchSettings, 'launchType' | 'capacityProviderStrategy' | 'platformVersion'>,
): LaunchSettings {
  const launch: LaunchSettings = {
    ...how,
    networkConfiguration: request.networkConfiguration,
    enableECSManagedTags: request.enableECSManagedTags ?? false,
    propagateTags: request.propagateTags,
    enableExecuteCommand: request.enableExecuteCommand ?? false,
  };
  checkLaunch(check, launch, false);
  return launch;
}

/** RunTask allows 128 characters, StartTask 36. */
function checkStarter(check: Checker, startedBy: string | undefined, most: 36 | 128): void {
  check.text(
    'startedBy',
    startedBy,
    most === 36 ? /^[A-Za-z0-9_/-]{0,36}$/ : /^[A-Za-z0-9_/-]{0,128}$/,
    `at most ${most} letters, digits, hyphens, underscores and slashes`,
  );
}

function checkGroup(check: Checker, group: string | undefined): void {
  if (group === undefined) return;
  if (group.startsWith('service:')) {
    check.expected(
      'group',
      group,
      'no group that begins with service:, which is for tasks of services',
    );
  }
  check.text('group', group, /^[^\0-\x1f]{1,255}$/, '1 to 255 characters');
}

/** @throws BerthError InvalidParameterException */
export function checkStopReason(reason: string | undefined): void {
  const check = new Checker('InvalidParameterException');
  if (reason !== undefined && reason.length > 1024) {
    check.refuse(`reason has ${reason.length} characters; expected at most 1024.`);
  }
}
