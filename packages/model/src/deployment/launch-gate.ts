// May a deployment, or a task set, launch tasks now, and if one that wants to may not, when. Pure.
import type { DeploymentRecord } from '../generated/messages.ts';
import { earliest } from './buckets.ts';
import { mayLaunchAt } from './throttle.ts';
import type { ServiceView } from './view.ts';

export interface LaunchGate {
  readonly mayLaunch: (of: DeploymentRecord) => boolean;
  /** When the first that was held up may try. */
  readonly opensAt: () => number | undefined;
}

export function launchGate(
  { placementHeldUntil: held }: Pick<ServiceView, 'placementHeldUntil'>,
  now: number,
): LaunchGate {
  let opensAt: number | undefined;
  const mayLaunch = (deployment: DeploymentRecord): boolean => {
    if (held !== undefined && now < held) {
      opensAt = earliest(opensAt, held);
      return false;
    }
    if (mayLaunchAt(deployment, now)) return true;
    opensAt = earliest(opensAt, deployment.nextLaunchAt);
    return false;
  };
  return { mayLaunch, opensAt: () => opensAt };
}
