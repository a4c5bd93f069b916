// The two limits of a rolling deployment. Pure. Source: ECS reference, section 6.2.
import type { ServiceRecord } from '../generated/messages.ts';

export interface Limits {
  /** So many tasks are kept healthy by the controller's own doing. */
  readonly minHealthy: number;
  /** So many tasks may be pending and running together. */
  readonly maxTotal: number;
}

const DEFAULTS = {
  REPLICA: { minimum: 100, maximum: 200 },
  DAEMON: { minimum: 0, maximum: 100 },
} as const;

/** @param desired how many tasks are wanted: the desired count, or a daemon's number of hosts */
export function limitsOf(
  service: Pick<ServiceRecord, 'schedulingStrategy' | 'deploymentConfiguration'>,
  desired: number,
): Limits {
  const defaults = DEFAULTS[service.schedulingStrategy];
  const asked = service.deploymentConfiguration;
  const minimum = asked?.minimumHealthyPercent ?? defaults.minimum;
  const maximum = asked?.maximumPercent ?? defaults.maximum;
  return {
    minHealthy: Math.ceil((desired * minimum) / 100),
    maxTotal: Math.floor((desired * maximum) / 100),
  };
}
