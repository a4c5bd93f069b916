// What a service must fulfil so that its deployments can shift traffic: the settings by themselves. Whether the rules and groups
// that they name exist is the api's to look up. Pure. Source: ECS reference, section 6.8.
import type {
  AdvancedConfiguration,
  DeploymentConfiguration,
  DeploymentLifecycleHook,
  LoadBalancer,
} from '../generated/messages.ts';
import type { SchedulingStrategy } from '../resources/service.ts';
import type { Checker } from './check.ts';

const FIELD = 'deploymentConfiguration';
const MINUTES = { least: 0, most: 1440 };
const SECONDS = { least: 0, most: 86_400 };
const HOOK_MINUTES = { least: 1, most: 20_160 };
const MOST_HOOKS = 10;
const MOST_STAGES = 8;
const MOST_DETAILS = 4096;
const MOST_URL = 2048;

/** At which hooks may be asked: all but SCALE_UP, BAKE_TIME and CLEAN_UP. */
export const HOOK_STAGES = [
  'RECONCILE_SERVICE',
  'PRE_SCALE_UP',
  'POST_SCALE_UP',
  'TEST_TRAFFIC_SHIFT',
  'POST_TEST_TRAFFIC_SHIFT',
  'PRE_PRODUCTION_TRAFFIC_SHIFT',
  'PRODUCTION_TRAFFIC_SHIFT',
  'POST_PRODUCTION_TRAFFIC_SHIFT',
] as const;
/** While traffic moves nobody can make it wait. */
const NEVER_PAUSED = ['TEST_TRAFFIC_SHIFT', 'PRODUCTION_TRAFFIC_SHIFT'];

/** Does a deployment of this configuration shift traffic? */
export function shiftsTraffic({
  strategy,
}: Pick<DeploymentConfiguration, 'strategy'> = {}): boolean {
  return strategy !== undefined && strategy !== 'ROLLING';
}

/**
 * The parts of a complete configuration that belong to shifting traffic.
 * @throws BerthError by the checker
 */
export function checkShifting(
  check: Checker,
  scheduling: SchedulingStrategy,
  configuration: DeploymentConfiguration,
): void {
  const { strategy = 'ROLLING' } = configuration;
  check.integer(`${FIELD}.progressDeadlineInSeconds`, configuration.progressDeadlineInSeconds, {
    least: 1,
    most: 86_400,
  });
  checkBelonging(check, strategy, configuration);
  const { bakeTimeInMinutes, bakeTimeInSeconds } = configuration;
  check.integer(`${FIELD}.bakeTimeInMinutes`, bakeTimeInMinutes, MINUTES);
  check.integer(`${FIELD}.bakeTimeInSeconds`, bakeTimeInSeconds, SECONDS);
  if (strategy === 'ROLLING') return;
  if (scheduling === 'DAEMON') {
    check.expected(`${FIELD}.strategy`, strategy, 'ROLLING for a DAEMON service');
  }
  const { linearConfiguration, canaryConfiguration } = configuration;
  const baked = bakeTimeInMinutes !== undefined || bakeTimeInSeconds !== undefined;
  if (strategy === 'BLUE_GREEN' && !baked) {
    check.expected(
      `${FIELD}.bakeTimeInMinutes`,
      undefined,
      'a whole number from 0 to 1440: the strategy BLUE_GREEN needs it',
    );
  }
  const linear = `${FIELD}.linearConfiguration`;
  checkPercent(check, `${linear}.stepPercent`, linearConfiguration?.stepPercent, 3);
  check.integer(
    `${linear}.stepBakeTimeInMinutes`,
    linearConfiguration?.stepBakeTimeInMinutes,
    MINUTES,
  );
  check.integer(
    `${linear}.stepBakeTimeInSeconds`,
    linearConfiguration?.stepBakeTimeInSeconds,
    SECONDS,
  );
  const canary = `${FIELD}.canaryConfiguration`;
  checkPercent(check, `${canary}.canaryPercent`, canaryConfiguration?.canaryPercent, 0.1);
  check.integer(
    `${canary}.canaryBakeTimeInMinutes`,
    canaryConfiguration?.canaryBakeTimeInMinutes,
    MINUTES,
  );
  check.integer(
    `${canary}.canaryBakeTimeInSeconds`,
    canaryConfiguration?.canaryBakeTimeInSeconds,
    SECONDS,
  );
  checkHooks(check, configuration.lifecycleHooks?.items ?? []);
}

/** Settings of one strategy beside another would say something and mean nothing. */
function checkBelonging(
  check: Checker,
  strategy: string,
  configuration: DeploymentConfiguration,
): void {
  // A rolling update is watched after its end where there are alarms to watch.
  const watched = configuration.alarms?.enable === true ? ['ROLLING'] : [];
  const baked = ['BLUE_GREEN', 'LINEAR', 'CANARY', ...watched];
  const belongs = [
    ['linearConfiguration', configuration.linearConfiguration, ['LINEAR']],
    ['canaryConfiguration', configuration.canaryConfiguration, ['CANARY']],
    [
      'lifecycleHooks',
      configuration.lifecycleHooks?.items.length || undefined,
      ['BLUE_GREEN', 'LINEAR', 'CANARY'],
    ],
    ['bakeTimeInMinutes', configuration.bakeTimeInMinutes || undefined, baked],
    ['bakeTimeInSeconds', configuration.bakeTimeInSeconds || undefined, baked],
  ] as const;
  for (const [name, value, strategies] of belongs) {
    if (value === undefined || (strategies as readonly string[]).includes(strategy)) continue;
    check.refuse(
      `${FIELD}.${name} is given and ${FIELD}.strategy is "${strategy}"; expected strategy ${strategies.join(' or ')} beside it.`,
    );
  }
}

function checkPercent(
  check: Checker,
  field: string,
  value: number | undefined,
  least: number,
): void {
  if (value === undefined) return;
  const tenths = Math.round(value * 10);
  if (!(value >= least && value <= 100) || Math.abs(value * 10 - tenths) > 1e-6) {
    check.expected(field, value, `a number from ${least} to 100 in steps of 0.1`);
  }
}

function checkHooks(check: Checker, hooks: readonly DeploymentLifecycleHook[]): void {
  for (const type of ['AWS_LAMBDA', 'PAUSE']) {
    const count = hooks.filter(({ targetType }) => (targetType || 'AWS_LAMBDA') === type).length;
    check.atMost(`${FIELD}.lifecycleHooks`, count, MOST_HOOKS, `hooks of type ${type}`);
  }
  for (const [index, hook] of hooks.entries()) {
    checkHook(check, `${FIELD}.lifecycleHooks[${index}]`, hook);
  }
}

function checkHook(check: Checker, field: string, hook: DeploymentLifecycleHook): void {
  const type = hook.targetType || 'AWS_LAMBDA';
  check.word(`${field}.targetType`, type, ['AWS_LAMBDA', 'PAUSE']);
  if (type === 'AWS_LAMBDA') checkTarget(check, `${field}.hookTargetArn`, hook.hookTargetArn);
  else if (hook.hookTargetArn) {
    check.expected(`${field}.hookTargetArn`, hook.hookTargetArn, 'none for a hook of type PAUSE');
  }
  const { lifecycleStages: stages } = hook;
  if (stages.length === 0) {
    check.expected(`${field}.lifecycleStages`, undefined, `some of ${HOOK_STAGES.join(', ')}`);
  }
  check.atMost(`${field}.lifecycleStages`, stages.length, MOST_STAGES, 'stages');
  check.unique(`${field}.lifecycleStages`, stages);
  for (const [index, stage] of stages.entries()) {
    check.word(`${field}.lifecycleStages[${index}]`, stage, HOOK_STAGES);
    if (type === 'PAUSE' && NEVER_PAUSED.includes(stage)) {
      check.expected(
        `${field}.lifecycleStages[${index}]`,
        stage,
        `none of ${NEVER_PAUSED.join(' and ')} for a hook of type PAUSE`,
      );
    }
  }
  const { timeoutInMinutes, action } = hook.timeoutConfiguration ?? {};
  check.integer(`${field}.timeoutConfiguration.timeoutInMinutes`, timeoutInMinutes, HOOK_MINUTES);
  if (action) {
    check.word(`${field}.timeoutConfiguration.action`, action, ['CONTINUE', 'ROLLBACK']);
  }
  checkDetails(check, `${field}.hookDetails`, hook.hookDetails);
}

function checkTarget(check: Checker, field: string, target: string | undefined): void {
  const expected = 'an http or https URL, which is asked with POST';
  if (!target) check.expected(field, undefined, expected);
  if (target.startsWith('arn:')) {
    check.expected(field, target, `${expected}: there are no Lambda functions here`);
  }
  const url = URL.canParse(target) ? new URL(target) : undefined;
  const good = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (!good || target.length > MOST_URL || url.username !== '' || url.password !== '') {
    check.expected(
      field,
      target,
      `${expected}, without a user's name and of at most ${MOST_URL} characters`,
    );
  }
}

function checkDetails(check: Checker, field: string, details: string | undefined): void {
  if (!details) return;
  if (details.length > MOST_DETAILS) {
    check.refuse(`${field} has ${details.length} characters; expected at most ${MOST_DETAILS}.`);
  }
  try {
    JSON.parse(details);
  } catch {
    check.expected(field, details, 'JSON');
  }
}

/**
 * The settings of each load balancer, and that there are some where traffic is to be shifted.
 * @throws BerthError by the checker
 */
export function checkAdvanced(
  check: Checker,
  loadBalancers: readonly LoadBalancer[],
  configuration: Pick<DeploymentConfiguration, 'strategy'>,
): void {
  const { strategy } = configuration;
  if (shiftsTraffic(configuration) && loadBalancers.length === 0) {
    check.refuse(
      `${FIELD}.strategy is "${strategy ?? ''}" and loadBalancers is empty; expected one with advancedConfiguration whose traffic can be shifted.`,
    );
  }
  for (const [index, item] of loadBalancers.entries()) {
    const field = `loadBalancers[${index}].advancedConfiguration`;
    const { advancedConfiguration: advanced } = item;
    if (advanced) checkOne(check, field, item, advanced);
    else if (shiftsTraffic(configuration)) {
      check.refuse(
        `${field} is missing and ${FIELD}.strategy is "${strategy ?? ''}"; expected alternateTargetGroupArn and productionListenerRule.`,
      );
    }
  }
}

function checkOne(
  check: Checker,
  field: string,
  { targetGroupArn }: LoadBalancer,
  advanced: AdvancedConfiguration,
): void {
  const { alternateTargetGroupArn, productionListenerRule, testListenerRule } = advanced;
  if (alternateTargetGroupArn === '') {
    check.expected(
      `${field}.alternateTargetGroupArn`,
      undefined,
      'the name or ARN of a target group',
    );
  }
  if (alternateTargetGroupArn === targetGroupArn) {
    check.expected(
      `${field}.alternateTargetGroupArn`,
      alternateTargetGroupArn,
      'another target group than targetGroupArn',
    );
  }
  if (productionListenerRule === '') {
    check.expected(
      `${field}.productionListenerRule`,
      undefined,
      'the id or ARN of a listener rule',
    );
  }
  if (testListenerRule === productionListenerRule) {
    check.expected(
      `${field}.testListenerRule`,
      testListenerRule,
      'another rule than productionListenerRule',
    );
  }
}
