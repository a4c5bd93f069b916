// The arguments of RunTask and StopTask that can be judged by themselves. Pure. Source: ECS reference, section 2.4.
import type {
  PlacementConstraint,
  PlacementStrategy,
  RunTaskRequest,
  Tag,
  TaskOverride,
} from '../generated/messages.ts';
import type { TaskDefinitionContent } from '../resources/task-definition.ts';
import { Checker } from './check.ts';
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
}

/** @throws BerthError InvalidParameterException or ClientException */
export function acceptRunTask(
  request: RunTaskRequest,
  definition: TaskDefinitionContent,
): RunTaskOrder {
  const check = new Checker('InvalidParameterException');
  check.integer('count', request.count, { least: 1, most: 10 });
  checkGroup(check, request.group);
  check.text(
    'startedBy',
    request.startedBy,
    /^[A-Za-z0-9_/-]{0,128}$/,
    'at most 128 letters, digits, hyphens, underscores and slashes',
  );
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
  };
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
