// The alarms of a deployment: what goes into ALARM while it is under way, or is being watched afterwards, ends it. If one is in
// ALARM when the watch begins, none of them is looked at. Pure. Source: ECS reference, section 6.6.
import type { AlarmRecord, DeploymentRecord, ServiceRecord } from '../generated/messages.ts';
import { watchedAlarms } from '../resources/alarm.ts';
import type { FailureCause } from './circuit-breaker.ts';
import { bakeMs } from './shifting/steps.ts';

type Alarms = ReadonlyMap<string, AlarmRecord>;

/** The deployment with what its alarms have done until now. An undoing is not watched: it keeps what the undone one saw. */
export function watchAlarms(
  deployment: DeploymentRecord,
  { deploymentConfiguration }: Pick<ServiceRecord, 'deploymentConfiguration'>,
  alarms: Alarms,
): DeploymentRecord {
  if (deployment.rolloutState !== 'IN_PROGRESS' || deployment.rollbackOf !== undefined) {
    return deployment;
  }
  const names = watchedAlarms(deploymentConfiguration);
  const { alarms: before, ...rest } = deployment;
  if (names.length === 0) return before ? rest : deployment;
  // Who changes the names begins the watch anew.
  if (!before || before.names.join('\n') !== names.join('\n')) {
    return {
      ...deployment,
      alarms: {
        names,
        ignoredFor: names.filter((name) => alarms.get(name)?.state === 'ALARM'),
        entered: Object.fromEntries(names.map((name) => [name, alarms.get(name)?.entered ?? 0])),
        triggered: [],
        bakeUntil: before?.bakeUntil,
      },
    };
  }
  if (before.ignoredFor.length > 0) return deployment;
  // One that was in ALARM for a moment while nobody looked has counted it.
  const triggered = names.filter((name) => {
    const alarm = alarms.get(name);
    return alarm && (alarm.state === 'ALARM' || alarm.entered > (before.entered[name] ?? 0));
  });
  const same = triggered.join('\n') === before.triggered.join('\n');
  return same ? deployment : { ...deployment, alarms: { ...before, triggered } };
}

/** Why the deployment's alarms end it; undefined: they do not. */
export function alarmCause(
  { alarms: watch, rollbackOf }: DeploymentRecord,
  { deploymentConfiguration }: Pick<ServiceRecord, 'deploymentConfiguration'>,
  alarms: Alarms,
): FailureCause | undefined {
  if (!watch || watch.triggered.length === 0 || rollbackOf !== undefined) return undefined;
  const details = watch.triggered.map((name) => {
    const reason = alarms.get(name)?.reason ?? '';
    return `(alarm ${name})${reason === '' ? '' : ` ${reason}`}`;
  });
  return {
    why: 'alarm detected',
    undo: deploymentConfiguration?.alarms?.rollback === true,
    details: details.join('; '),
  };
}

/** A rolling update that is done, while it is watched still; one that is watched no longer is the same as before. */
export function baking(
  deployment: DeploymentRecord,
  { deploymentConfiguration }: Pick<ServiceRecord, 'deploymentConfiguration'>,
  now: number,
): DeploymentRecord | undefined {
  const { alarms, shift, rollbackOf } = deployment;
  const ms = bakeMs(deploymentConfiguration);
  if (!alarms || shift || rollbackOf !== undefined || ms === 0) return undefined;
  const bakeUntil = alarms.bakeUntil ?? now + ms;
  if (now >= bakeUntil) return undefined;
  return {
    ...deployment,
    alarms: { ...alarms, bakeUntil },
    waitsFor: `the bake time, until ${new Date(bakeUntil).toISOString()}`,
  };
}
