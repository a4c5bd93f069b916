// Scheduled actions. Pure. Source: Auto Scaling reference, section 6.
import type { PutScheduledActionRequest, ScheduledActionRecord } from '../../generated/messages.ts';
import { checkSchedule } from './schedule.ts';
import { checkBounds, scalingCheck as check } from './target.ts';

export type ScheduledActionContent = Pick<
  ScheduledActionRecord,
  'schedule' | 'timezone' | 'startTime' | 'endTime' | 'action'
>;

const NAME = /^(?! )[^\p{Cc}:/|]{1,256}(?<! )$/u;

/** @param current the action of this name, if there is one @throws BerthError ValidationException */
export function acceptScheduledAction(
  request: PutScheduledActionRequest,
  current: ScheduledActionRecord | undefined,
): ScheduledActionContent {
  const { scheduledActionName, startTime, endTime } = request;
  check.text(
    'scheduledActionName',
    scheduledActionName,
    NAME,
    '1 to 256 characters without : / | and without blanks around them',
  );
  const schedule = request.schedule ?? current?.schedule;
  if (schedule === undefined)
    check.refuse('Schedule is required when a scheduled action is created.');
  checkSchedule(schedule);
  const timezone = request.timezone ?? current?.timezone;
  if (timezone !== undefined && !isTimezone(timezone)) {
    check.expected('timezone', timezone, 'an IANA time zone such as Europe/Berlin');
  }
  if (startTime !== undefined && endTime !== undefined && startTime >= endTime) {
    check.refuse('The end time of a scheduled action must be after its start time.');
  }
  const action = request.scalableTargetAction ?? current?.action;
  if (action?.minCapacity === undefined && action?.maxCapacity === undefined) {
    check.refuse('ScalableTargetAction must set MinCapacity, MaxCapacity or both.');
  }
  checkBounds(action);
  return { schedule, timezone, startTime, endTime, action };
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
