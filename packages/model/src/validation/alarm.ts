// What may be said of alarms, and of the alarms that deployments look at. Pure. Source: ECS reference, section 6.6.
import type { AlarmState, DeploymentAlarms, SetAlarmStatesRequest } from '../generated/messages.ts';
import { Checker } from './check.ts';

/** Of one deployment configuration. */
export const MOST_WATCHED = 100;
/** Of all. */
export const MOST_ALARMS = 5_000;
/** By one call. */
export const MOST_STATES = 200;
/** Of one alarm; more are one. */
export const MOST_CAUSES = 100;
const STATES = ['OK', 'ALARM', 'INSUFFICIENT_DATA'];
const MOST_REASON = 1023;

// Control characters would make a mess of whatever shows them.
const NAME = /^[^\x00-\x1f\x7f]{1,255}$/;
const NAME_EXPECTED = '1 to 255 characters, none of them a control character';

export function checkAlarmName(check: Checker, field: string, name: string): void {
  check.text(field, name, NAME, NAME_EXPECTED);
}

/** @throws BerthError InvalidParameterException */
export function checkStates({ alarms, source }: SetAlarmStatesRequest): readonly AlarmState[] {
  const check = new Checker('InvalidParameterException');
  if (alarms.length === 0) check.refuse('alarms is empty; expected 1 to 200 states.');
  check.atMost('alarms', alarms.length, MOST_STATES, 'states');
  check.text('source', source, /^.{1,255}$/s, '1 to 255 characters');
  for (const [index, { name, state, reason = '', cause }] of alarms.entries()) {
    const field = `alarms[${index}]`;
    checkAlarmName(check, `${field}.name`, name);
    check.word(`${field}.state`, state, STATES);
    if (reason.length > MOST_REASON) {
      check.refuse(
        `${field}.reason has ${reason.length} characters; expected at most ${MOST_REASON}.`,
      );
    }
    check.text(`${field}.cause`, cause, /^[!-~]{1,64}$/, '1 to 64 visible ASCII characters');
  }
  return alarms;
}

/** The alarms of a deployment configuration. @throws BerthError by the checker */
export function checkDeploymentAlarms(check: Checker, alarms: DeploymentAlarms | undefined): void {
  if (!alarms) return;
  const field = 'deploymentConfiguration.alarms.alarmNames';
  if (alarms.enable && alarms.alarmNames.length === 0) {
    check.expected(field, undefined, 'the names of alarms where enable is true');
  }
  check.atMost(field, alarms.alarmNames.length, MOST_WATCHED, 'names');
  for (const [index, name] of alarms.alarmNames.entries()) {
    checkAlarmName(check, `${field}[${index}]`, name);
  }
  check.unique(field, alarms.alarmNames);
}
