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
  readonly strategy: NonNullable<DeploymentConfiguration['strategy']>;
}

const DEFAULT_PERCENT = {
  REPLICA: { minimum: 100, maximum: 200 },
  DAEMON: { minimum: 0, maximum: 100 },
} as const satisfies Record<SchedulingStrategy, { minimum: number; maximum: number }>;

/**
 * `asked` laid over `current`, and what neither says from the defaults of the strategy. Who names a strategy of deployment says
 * with it all that belongs to it: bake times, steps and hooks; otherwise these stay.
 */
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
    ...(alarms ? { alarms } : {}),
    ...shiftingOf(asked, current),
    ...present({
      progressDeadlineInSeconds:
        asked?.progressDeadlineInSeconds ?? current?.progressDeadlineInSeconds,
    }),
  };
}

type ShiftingSettings = Partial<
  Pick<
    DeploymentConfiguration,
    | 'bakeTimeInMinutes'
    | 'bakeTimeInSeconds'
    | 'lifecycleHooks'
    | 'linearConfiguration'
    | 'canaryConfiguration'
  >
>;

function shiftingOf(
  asked: DeploymentConfiguration | undefined,
  current: DeploymentConfiguration | undefined,
): Pick<CompleteDeploymentConfiguration, 'strategy'> & ShiftingSettings {
  const base = asked?.strategy ? undefined : current;
  const strategy = asked?.strategy || (current?.strategy ?? 'ROLLING');
  // Minutes and seconds of the same wait take each other's place.
  const bakes =
    asked?.bakeTimeInMinutes !== undefined || asked?.bakeTimeInSeconds !== undefined ? asked : base;
  return {
    strategy,
    ...present({
      bakeTimeInMinutes: bakes?.bakeTimeInMinutes,
      bakeTimeInSeconds: bakes?.bakeTimeInSeconds,
      lifecycleHooks: asked?.lifecycleHooks ?? base?.lifecycleHooks,
      linearConfiguration: linearOf(
        strategy,
        asked?.linearConfiguration ?? base?.linearConfiguration,
      ),
      canaryConfiguration: canaryOf(
        strategy,
        asked?.canaryConfiguration ?? base?.canaryConfiguration,
      ),
    }),
  };
}

/** ECS's defaults; what is given beside another strategy stays as it is, to be refused. */
function linearOf(
  strategy: string,
  given: DeploymentConfiguration['linearConfiguration'],
): DeploymentConfiguration['linearConfiguration'] {
  if (strategy !== 'LINEAR') return given;
  const bake = given?.stepBakeTimeInSeconds === undefined ? { stepBakeTimeInMinutes: 6 } : {};
  return { stepPercent: 10, ...bake, ...present(given ?? {}) };
}

function canaryOf(
  strategy: string,
  given: DeploymentConfiguration['canaryConfiguration'],
): DeploymentConfiguration['canaryConfiguration'] {
  if (strategy !== 'CANARY') return given;
  const bake = given?.canaryBakeTimeInSeconds === undefined ? { canaryBakeTimeInMinutes: 10 } : {};
  return { canaryPercent: 5, ...bake, ...present(given ?? {}) };
}

/** Without members that are absent. */
function present<T extends object>(members: T): Partial<T> {
  const given = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Partial<T>;
}
