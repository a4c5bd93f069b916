// What is wrong with a change of attributes: unknown keys, values out of range, and settings that exclude each other. Pure.
// Source: ALB reference, sections 1.3, 1.5 and 3.2.
import {
  ATTRIBUTES,
  type AttributePlace,
  type AttributeScope,
  attributesOf,
  definitionsAt,
} from './attributes.ts';

export interface AttributeProblem {
  readonly key: string;
  readonly code: 'ValidationError' | 'InvalidConfigurationRequest';
  /** In ALB's words where clients look for them. */
  readonly message: string;
}

const LABELS: Readonly<Record<AttributeScope, string>> = {
  'load-balancer': 'Load balancer',
  listener: 'Listener',
  'target-group': 'Target group',
  rule: 'Rule',
};

/**
 * @param changes what is asked for
 * @param stored what the record holds now
 * @returns nothing when `changes` may be laid over `stored`
 */
export function checkAttributes(
  place: AttributePlace,
  changes: Readonly<Record<string, string>>,
  stored: Readonly<Record<string, string>>,
): readonly AttributeProblem[] {
  const single = Object.entries(changes).flatMap(([key, value]) => checkOne(place, key, value));
  if (single.length > 0) return single;
  const all = attributesOf(place, { ...stored, ...changes });
  const given = (key: string): boolean => key in changes || key in stored;
  return [
    ...bucketProblems(all),
    ...(place.scope === 'target-group' ? groupProblems(all, given) : []),
  ];
}

function checkOne(place: AttributePlace, key: string, value: string): AttributeProblem[] {
  const label = LABELS[place.scope];
  const definition = definitionsAt(place).get(key);
  if (definition?.accepts(value) === true) return [];
  const refused = (message: string): AttributeProblem[] => [
    { key, code: 'ValidationError', message },
  ];
  if (definition !== undefined) {
    return refused(
      `The value ${JSON.stringify(value)} of the ${label.toLowerCase()} attribute '${key}' is not valid; expected ${definition.expected}.`,
    );
  }
  if (ATTRIBUTES.some((other) => other.key === key && other.scope === place.scope)) {
    return refused(
      `${label} attribute key '${key}' is not supported: it does not exist for type '${place.family}'.`,
    );
  }
  return refused(`${label} attribute key '${key}' is not recognized`);
}

type Values = Readonly<Record<string, string>>;

function conflict(key: string, message: string): AttributeProblem {
  return { key, code: 'InvalidConfigurationRequest', message };
}

function bucketProblems(all: Values): AttributeProblem[] {
  if (all['access_logs.s3.enabled'] !== 'true' || all['access_logs.s3.bucket'] !== '') return [];
  return [
    conflict(
      'access_logs.s3.bucket',
      "The attribute 'access_logs.s3.bucket' must be specified when 'access_logs.s3.enabled' is true.",
    ),
  ];
}

function groupProblems(all: Values, given: (key: string) => boolean): AttributeProblem[] {
  return [
    ...algorithmProblems(all),
    ...stickinessProblems(all),
    ...thresholdProblems(all, given),
    ...ejectionProblems(all),
    ...unhealthyProblems(all),
  ];
}

function algorithmProblems(all: Values): AttributeProblem[] {
  const key = 'load_balancing.algorithm.type';
  const algorithm = all[key];
  const problems: AttributeProblem[] = [];
  if (algorithm !== 'round_robin' && (all['slow_start.duration_seconds'] ?? '0') !== '0') {
    problems.push(
      conflict(
        key,
        `The attribute '${key}' is '${algorithm ?? ''}' while 'slow_start.duration_seconds' is not 0; slow start needs round_robin.`,
      ),
    );
  }
  const mitigation = 'load_balancing.algorithm.anomaly_mitigation';
  if (algorithm !== 'weighted_random' && all[mitigation] === 'on') {
    problems.push(
      conflict(
        mitigation,
        `The attribute '${mitigation}' is 'on' while '${key}' is '${algorithm ?? ''}'; it needs weighted_random.`,
      ),
    );
  }
  return problems;
}

function stickinessProblems(all: Values): AttributeProblem[] {
  const key = 'stickiness.app_cookie.cookie_name';
  const name = all[key] ?? '';
  if (/^AWSALB/i.test(name)) {
    return [
      conflict(
        key,
        `The attribute '${key}' is '${name}'; the prefixes AWSALB, AWSALBAPP and AWSALBTG are reserved.`,
      ),
    ];
  }
  if (all['stickiness.enabled'] !== 'true' || all['stickiness.type'] !== 'app_cookie') return [];
  return name === ''
    ? [conflict(key, `The attribute '${key}' must be specified for stickiness of type app_cookie.`)]
    : [];
}

/** A group must not count as healthy for DNS while it is too unhealthy to route by. Unsaid, DNS follows routing. */
function thresholdProblems(all: Values, given: (key: string) => boolean): AttributeProblem[] {
  return ['count', 'percentage'].flatMap((unit) => {
    const dns = `target_group_health.dns_failover.minimum_healthy_targets.${unit}`;
    const routing = `target_group_health.unhealthy_state_routing.minimum_healthy_targets.${unit}`;
    const least = all[dns] ?? 'off';
    const most = all[routing] ?? 'off';
    if (!given(dns) || least === 'off' || most === 'off' || Number(least) >= Number(most))
      return [];
    return [
      conflict(
        dns,
        `The attribute '${dns}' is ${least} and '${routing}' is ${most}; the first must be at least the second.`,
      ),
    ];
  });
}

function ejectionProblems(all: Values): AttributeProblem[] {
  const base = Number(all['berth.ejection.base_seconds'] ?? 0);
  const most = Number(all['berth.ejection.maximum_seconds'] ?? 0);
  if (most >= base) return [];
  return [
    conflict(
      'berth.ejection.maximum_seconds',
      `The attribute 'berth.ejection.maximum_seconds' is ${most} and 'berth.ejection.base_seconds' is ${base}; the first must be at least the second.`,
    ),
  ];
}

function unhealthyProblems(all: Values): AttributeProblem[] {
  const interval = 'target_health_state.unhealthy.draining_interval_seconds';
  const cut = 'target_health_state.unhealthy.connection_termination.enabled';
  if ((all[interval] ?? '0') === '0' || all[cut] !== 'true') return [];
  return [
    conflict(
      interval,
      `The attribute '${interval}' is not 0 while '${cut}' is true; set that to false.`,
    ),
  ];
}
