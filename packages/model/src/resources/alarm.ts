// Alarms: named conditions that somebody else watches and reports. Pure.
import type { DeploymentAlarms, DeploymentConfiguration } from '../generated/messages.ts';

/** The part of a key that stands for an alarm: names may have slashes, keys may not. */
export function alarmKey(name: string): string {
  return encodeURIComponent(name.toWellFormed());
}

/** The names that a service's deployments look at, each once; none where that is not enabled. */
export function watchedAlarms(
  configuration: Pick<DeploymentConfiguration, 'alarms'> | undefined,
): readonly string[] {
  const alarms: DeploymentAlarms | undefined = configuration?.alarms;
  return alarms?.enable === true ? [...new Set(alarms.alarmNames)] : [];
}
