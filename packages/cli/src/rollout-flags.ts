// How deployments replace tasks, and how they shift traffic: the flags, as ECS's JSON has them.
import type {
  CreateServiceRequest,
  DeploymentLifecycleHook,
  LoadBalancer,
} from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';

import type { Flags } from './flags.ts';
import { parseDuration } from './output/text.ts';

type Configuration = NonNullable<Input<CreateServiceRequest>['deploymentConfiguration']>;

/** Members of DeploymentConfiguration whose flags are given, over those of the file. @throws UsageError */
export function rolloutOf(
  flags: Flags,
  file: Configuration | undefined,
): Configuration | undefined {
  const breaker = flags.word('circuit-breaker', ['off', 'on', 'rollback']);
  const bake = secondsOf(flags, 'bake');
  const deadline = secondsOf(flags, 'progress-deadline');
  const hooks = hooksOf(flags);
  const alarmNames = flags.texts('alarm');
  const given: Configuration = {
    alarms:
      alarmNames.length === 0
        ? undefined
        : alarmNames[0] === 'off'
          ? { ...file?.alarms, enable: false }
          : { alarmNames, enable: true, rollback: true },
    minimumHealthyPercent: flags.integer('min-healthy-percent', { min: 0, max: 100 }),
    maximumPercent: flags.integer('max-percent', { min: 0, max: 10_000 }),
    deploymentCircuitBreaker: breaker && {
      enable: breaker !== 'off',
      rollback: breaker === 'rollback',
    },
    ...shiftOf(flags),
    bakeTimeInSeconds: bake,
    progressDeadlineInSeconds: deadline,
    lifecycleHooks: hooks.length > 0 ? { items: hooks } : undefined,
  };
  const members = Object.entries(given).filter(([, value]) => value !== undefined);
  if (members.length === 0) return file;
  const minutes = bake === undefined ? {} : { bakeTimeInMinutes: undefined };
  return { ...file, ...minutes, ...Object.fromEntries(members) };
}

/** --shift blue-green, linear[:PERCENT[:DURATION]], canary[:PERCENT[:DURATION]] or rolling. */
function shiftOf(
  flags: Flags,
): Pick<Configuration, 'strategy' | 'linearConfiguration' | 'canaryConfiguration'> {
  const text = flags.text('shift');
  if (text === undefined) return {};
  const [word = '', percent, bake, ...rest] = text.split(':');
  const bakeSeconds = bake === undefined ? undefined : wholeSeconds(bake);
  const share = percent === undefined ? undefined : Number(percent.replace(/%$/, ''));
  const stepped = word === 'linear' || word === 'canary';
  const wrong =
    rest.length > 0 ||
    (percent !== undefined && (!stepped || percent === '' || !Number.isFinite(share))) ||
    (bake !== undefined && bakeSeconds === undefined);
  if (wrong || !(stepped || word === 'rolling' || word === 'blue-green')) {
    throw flags.wrong(
      `--shift must be rolling, blue-green, linear[:PERCENT[:DURATION]] or canary[:PERCENT[:DURATION]], found "${text}"`,
    );
  }
  switch (word) {
    case 'rolling':
      return { strategy: 'ROLLING' };
    case 'blue-green':
      return { strategy: 'BLUE_GREEN' };
    case 'linear':
      return {
        strategy: 'LINEAR',
        linearConfiguration: { stepPercent: share, stepBakeTimeInSeconds: bakeSeconds },
      };
    default:
      return {
        strategy: 'CANARY',
        canaryConfiguration: { canaryPercent: share, canaryBakeTimeInSeconds: bakeSeconds },
      };
  }
}

/** --hook STAGE=URL and --pause STAGE, in the order of their kinds. */
function hooksOf(flags: Flags): Input<DeploymentLifecycleHook>[] {
  const asked = flags.texts('hook').map((text): Input<DeploymentLifecycleHook> => {
    const [, stages, url] = /^([A-Za-z_,-]+)=(.+)$/.exec(text) ?? [];
    if (stages === undefined || url === undefined) {
      throw flags.wrong(`--hook must be STAGE=URL, found "${text}"`);
    }
    return { targetType: 'AWS_LAMBDA', hookTargetArn: url, lifecycleStages: stagesOf(stages) };
  });
  const paused = flags.texts('pause').map((stages): Input<DeploymentLifecycleHook> => ({
    targetType: 'PAUSE',
    lifecycleStages: stagesOf(stages),
  }));
  return [...asked, ...paused];
}

/** `post-scale-up,bake` as ECS writes stages; whether there are such is the api's to say. */
function stagesOf(text: string): string[] {
  return text.split(',').map((stage) => stage.toUpperCase().replaceAll('-', '_'));
}

/**
 * The load balancers of --load-balancer, with what shifting needs where it is given.
 * @throws UsageError; undefined where the flag is not given
 */
export function loadBalancersOf(flags: Flags): readonly Input<LoadBalancer>[] | undefined {
  const texts = flags.texts('load-balancer');
  const advanced = advancedOf(flags);
  if (advanced && texts.length !== 1) {
    throw flags.wrong(
      '--alternate-group, --production-rule and --test-rule belong to one --load-balancer; several are for --file',
    );
  }
  if (texts.length === 0) return undefined;
  return texts.map((text) => {
    const match = /^(.+):([^:]+):(\d+)$/.exec(text);
    const [, targetGroupArn, containerName, port] = match ?? [];
    if (targetGroupArn === undefined || containerName === undefined) {
      throw flags.wrong(`--load-balancer must be GROUP:CONTAINER:PORT, found "${text}"`);
    }
    const balancer = { targetGroupArn, containerName, containerPort: Number(port) };
    return advanced ? { ...balancer, advancedConfiguration: advanced } : balancer;
  });
}

function advancedOf(flags: Flags): Input<LoadBalancer>['advancedConfiguration'] {
  const alternate = flags.text('alternate-group');
  const production = flags.text('production-rule');
  const test = flags.text('test-rule');
  if (alternate === undefined && production === undefined && test === undefined) return undefined;
  if (alternate === undefined || production === undefined) {
    throw flags.wrong('--alternate-group and --production-rule are needed together');
  }
  return {
    alternateTargetGroupArn: alternate,
    productionListenerRule: production,
    ...(test === undefined ? {} : { testListenerRule: test }),
  };
}

/** Whole seconds of a flag that is a duration. */
function secondsOf(flags: Flags, name: string): number | undefined {
  const text = flags.text(name);
  if (text === undefined) return undefined;
  const seconds = wholeSeconds(text);
  if (seconds === undefined) {
    throw flags.wrong(
      `--${name} must be a duration of whole seconds like 90s or 5m, found "${text}"`,
    );
  }
  return seconds;
}

function wholeSeconds(text: string): number | undefined {
  const ms = parseDuration(text);
  return ms === undefined || ms % 1000 !== 0 ? undefined : ms / 1000;
}
