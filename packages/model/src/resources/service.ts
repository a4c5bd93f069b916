// Defaults of services. Pure. Source: ECS reference, sections 2.5 and 6.2.
import type {
  DeploymentCircuitBreaker,
  DeploymentConfiguration,
  ServiceRecord,
} from '../generated/messages.ts';

export type SchedulingStrategy = ServiceRecord['schedulingStrategy'];

/** A deployment configuration with everything filled in. */
export interface CompleteDeploymentConfiguration extends DeploymentConfiguration {
  readonly minimumHealthyPercent: number;
  readonly maximumPercent: number;
  readonly deploymentCircuitBreaker: DeploymentCircuitBreaker;
  readonly strategy: 'ROLLING';
}

const DEFAULT_PERCENT = {
  REPLICA: { minimum: 100, maximum: 200 },
  DAEMON: { minimum: 0, maximum: 100 },
} as const satisfies Record<SchedulingStrategy, { minimum: number; maximum: number }>;

/** `asked` laid over `current`, and what neither says from the defaults of the strategy. */
export function completeDeploymentConfiguration(
  strategy: SchedulingStrategy,
  asked: DeploymentConfiguration | undefined,
  current?: DeploymentConfiguration,
): CompleteDeploymentConfiguration {
  const percent = DEFAULT_PERCENT[strategy];
  const alarms = asked?.alarms ?? current?.alarms;
  return {
    minimumHealthyPercent:
      asked?.minimumHealthyPercent ?? current?.minimumHealthyPercent ?? percent.minimum,
    maximumPercent: asked?.maximumPercent ?? current?.maximumPercent ?? percent.maximum,
    deploymentCircuitBreaker: asked?.deploymentCircuitBreaker ??
      current?.deploymentCircuitBreaker ?? { enable: false, rollback: false },
    strategy: 'ROLLING',
    ...(alarms ? { alarms } : {}),
  };
}
