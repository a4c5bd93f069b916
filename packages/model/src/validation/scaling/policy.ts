// Scaling policies. Pure. Source: Auto Scaling reference, sections 2, 3 and 5.
import type {
  CustomizedMetric,
  PredefinedMetric,
  PutScalingPolicyRequest,
  ScalingMetricQuery,
  ScalingPolicyRecord,
  StepAdjustment,
  StepScalingConfiguration,
  TargetTrackingConfiguration,
} from '../../generated/messages.ts';
import { Checker } from '../check.ts';
import { scalingCheck as check } from './target.ts';

export type PolicyContent = Pick<ScalingPolicyRecord, 'type' | 'stepScaling' | 'targetTracking'>;

const limit = new Checker('LimitExceededException');
const MOST_STEPS = 20;
const MOST_QUERIES = 10;
const SECONDS = { least: 0, most: 2 ** 31 - 1 };
const REQUESTS = 'ALBRequestCountPerTarget';
const PREDEFINED: readonly string[] = [
  'ECSServiceAverageCPUUtilization',
  'ECSServiceAverageMemoryUtilization',
  REQUESTS,
];
const LABEL = /^app\/[^/]+\/[0-9a-f]{16}\/targetgroup\/[^/]+\/[0-9a-f]{16}$/;
const NAME = /^[^\p{Cc}]{1,256}$/u;
/** Beyond it neither side of the comparison is a number any more. */
const GREATEST_TARGET = 2 ** 360;

/** @param current the policy of this name, if there is one @throws BerthError ValidationException, LimitExceededException */
export function acceptPolicy(
  request: PutScalingPolicyRequest,
  current: ScalingPolicyRecord | undefined,
): PolicyContent {
  const { policyName, policyType } = request;
  check.text('policyName', policyName, NAME, '1 to 256 characters');
  const type = policyType ?? current?.type ?? 'StepScaling';
  if (current !== undefined && current.type !== type) {
    check.refuse(
      `The type of scaling policy ${policyName} is ${current.type} and can't be changed to ${type}.`,
    );
  }
  const stepScaling = request.stepScalingPolicyConfiguration;
  const targetTracking = request.targetTrackingScalingPolicyConfiguration;
  if (type === 'StepScaling') {
    if (targetTracking !== undefined) refuseOther(type, 'TargetTrackingScalingPolicyConfiguration');
    if (stepScaling === undefined) refuseMissing(type, 'StepScalingPolicyConfiguration');
    checkSteps(stepScaling);
    return { type, stepScaling, targetTracking: undefined };
  }
  if (stepScaling !== undefined) refuseOther(type, 'StepScalingPolicyConfiguration');
  if (targetTracking === undefined) refuseMissing(type, 'TargetTrackingScalingPolicyConfiguration');
  checkTracking(targetTracking);
  return { type, stepScaling: undefined, targetTracking };
}

function refuseMissing(type: string, member: string): never {
  check.refuse(`${member} is missing; expected with policy type ${type}.`);
}

function refuseOther(type: string, member: string): never {
  check.refuse(`${member} can't be given with policy type ${type}.`);
}

/** The metric that a policy follows, comparable; a target may follow each once. */
export function metricOf({ targetTracking }: PolicyContent): string | undefined {
  if (targetTracking === undefined) return undefined;
  const { predefinedMetricSpecification, customizedMetricSpecification } = targetTracking;
  return JSON.stringify(predefinedMetricSpecification ?? customizedMetricSpecification);
}

function checkTracking(configuration: TargetTrackingConfiguration): void {
  const { targetValue, scaleInCooldown, scaleOutCooldown } = configuration;
  if (
    !Number.isFinite(targetValue) ||
    targetValue === 0 ||
    Math.abs(targetValue) > GREATEST_TARGET
  ) {
    check.expected('targetValue', targetValue, 'a number other than 0');
  }
  check.integer('scaleInCooldown', scaleInCooldown, SECONDS);
  check.integer('scaleOutCooldown', scaleOutCooldown, SECONDS);
  const { predefinedMetricSpecification: predefined, customizedMetricSpecification: customized } =
    configuration;
  if ((predefined === undefined) === (customized === undefined)) {
    check.refuse(
      'Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be given.',
    );
  }
  if (predefined !== undefined) checkPredefined(predefined);
  if (customized !== undefined) checkCustomized(customized);
}

function checkPredefined({ predefinedMetricType, resourceLabel }: PredefinedMetric): void {
  check.word('predefinedMetricType', predefinedMetricType, PREDEFINED);
  if (predefinedMetricType !== REQUESTS) {
    if (resourceLabel === undefined) return;
    check.refuse(`resourceLabel can be given only with ${REQUESTS}.`);
  }
  check.text(
    'resourceLabel',
    resourceLabel ?? '',
    LABEL,
    'app/LOAD-BALANCER/ID/targetgroup/TARGET-GROUP/ID, the ends of both ARNs',
  );
}

function checkCustomized(metric: CustomizedMetric): void {
  const { metrics, metricName, namespace, statistic } = metric;
  const simple = metricName !== undefined || namespace !== undefined || statistic !== undefined;
  if (metrics.length === 0) {
    if (metricName !== undefined && namespace !== undefined && statistic !== undefined) return;
    check.refuse('A customized metric needs MetricName, Namespace and Statistic, or Metrics.');
  }
  if (simple) check.refuse('Metrics can not be given with MetricName, Namespace or Statistic.');
  check.atMost('metrics', metrics.length, MOST_QUERIES, 'queries');
  check.unique(
    'metrics',
    metrics.map(({ id }) => id),
  );
  for (const [index, query] of metrics.entries()) checkQuery(query, `metrics[${index}]`);
  const returned = metrics.filter((query) => query.returnData ?? true);
  if (returned.length !== 1) {
    check.refuse(`Exactly one metric must return data; found ${returned.length}.`);
  }
}

function checkQuery({ id, expression, metricStat }: ScalingMetricQuery, where: string): void {
  check.text(
    `${where}.id`,
    id,
    /^[a-z][A-Za-z0-9_]*$/,
    'a lower-case letter, then letters, digits and _',
  );
  if ((expression === undefined) === (metricStat === undefined)) {
    check.refuse(`${where} must have exactly one of Expression and MetricStat.`);
  }
}

function checkSteps(configuration: StepScalingConfiguration): void {
  const { adjustmentType, stepAdjustments, minAdjustmentMagnitude, cooldown } = configuration;
  if (adjustmentType === undefined) check.refuse('AdjustmentType is missing.');
  check.integer('cooldown', cooldown, SECONDS);
  if (minAdjustmentMagnitude !== undefined && adjustmentType !== 'PercentChangeInCapacity') {
    check.refuse('MinAdjustmentMagnitude can be given only with PercentChangeInCapacity.');
  }
  if (stepAdjustments.length === 0)
    check.refuse('StepAdjustments is empty; expected 1 to 20 steps.');
  limit.atMost('stepAdjustments', stepAdjustments.length, MOST_STEPS, 'step adjustments');
  if (adjustmentType === 'ExactCapacity') {
    const negative = stepAdjustments.find(({ scalingAdjustment }) => scalingAdjustment < 0);
    if (negative) check.expected('scalingAdjustment', negative.scalingAdjustment, 'at least 0');
  }
  checkIntervals(stepAdjustments);
}

/** Side by side from the lowest to the highest, and open where one side has any. */
function checkIntervals(steps: readonly StepAdjustment[]): void {
  const intervals = steps
    .map((step) => ({
      lower: step.metricIntervalLowerBound ?? -Infinity,
      upper: step.metricIntervalUpperBound ?? Infinity,
    }))
    .sort((a, b) => a.lower - b.lower || a.upper - b.upper);
  for (const [index, { lower, upper }] of intervals.entries()) {
    if (lower >= upper) {
      check.refuse(
        `A step adjustment's lower bound ${lower} is not below its upper bound ${upper}.`,
      );
    }
    const next = intervals[index + 1];
    if (next !== undefined && next.lower !== upper) {
      const what = next.lower < upper ? 'overlap' : 'leave a gap';
      check.refuse(`Step adjustments ${what} between ${upper} and ${next.lower}.`);
    }
  }
  const first = intervals[0]?.lower ?? 0;
  const last = intervals.at(-1)?.upper ?? 0;
  if (first < 0 && first !== -Infinity) {
    check.refuse(
      'A step adjustment has a negative lower bound; expected one without a lower bound.',
    );
  }
  if (last > 0 && last !== Infinity) {
    check.refuse(
      'A step adjustment has a positive upper bound; expected one without an upper bound.',
    );
  }
}
