// When a task counts as healthy for a deployment, and when as sick. Pure.
// Source: ECS reference, sections 4.5 and 6.3; design, section 4 (every live proxy must agree).
import type {
  ContainerDefinition,
  ContainerStatus,
  LoadBalancer,
  TaskDefinitionRecord,
} from '../generated/messages.ts';
import { nameOf } from '../resources/arn.ts';
import type { ServiceView, TargetView, TaskView } from './view.ts';

/** Without any check a task counts as healthy when it has run for so long. */
export const SETTLE_MS = 40_000;

export type Sickness =
  | { readonly kind: 'container'; readonly container: string; readonly output?: string | undefined }
  | {
      readonly kind: 'target';
      readonly group: string;
      readonly port: number;
      /** With what the target answered; the proxy's words. */
      readonly reason: string;
    };

export type Health =
  | { readonly state: 'healthy' }
  /** RUNNING, and not known to be healthy or sick. `until`: when time alone may change that. */
  | { readonly state: 'unknown'; readonly until?: number | undefined }
  | { readonly state: 'pending' }
  | { readonly state: 'unhealthy'; readonly sickness: Sickness };

/** What the health of a task depends on besides itself. */
export interface HealthRules {
  readonly definition: TaskDefinitionRecord | undefined;
  readonly loadBalancers: readonly LoadBalancer[];
  readonly gracePeriodMs: number;
  readonly liveProxies: readonly string[];
}

/** The health of a task that nobody has ordered to stop. */
export function healthOf(of: TaskView, rules: HealthRules, now: number): Health {
  const { status } = of;
  if (status?.lastStatus !== 'RUNNING') return PENDING;
  const since = of.runningSince ?? now;
  const sickness = sickContainer(of, rules) ?? sickTarget(of, rules);
  if (sickness) {
    const graceOver = since + rules.gracePeriodMs;
    if (now < graceOver) return { state: 'unknown', until: graceOver };
    return { state: 'unhealthy', sickness };
  }
  let checked = rules.loadBalancers.length > 0;
  for (const definition of rules.definition?.containerDefinitions ?? []) {
    if (!isCheckedEssential(definition)) continue;
    checked = true;
    if (container(of, definition.name)?.healthStatus !== 'HEALTHY') return UNKNOWN;
  }
  if (!checked) {
    const settled = since + SETTLE_MS;
    return now >= settled ? HEALTHY : { state: 'unknown', until: settled };
  }
  return rules.loadBalancers.every((balancer) => isServing(of, balancer, rules))
    ? HEALTHY
    : UNKNOWN;
}

const HEALTHY: Health = { state: 'healthy' };
const UNKNOWN: Health = { state: 'unknown' };
const PENDING: Health = { state: 'pending' };

/** Only essential containers that define a check decide; an image's own check does not count. */
export function isCheckedEssential(definition: ContainerDefinition): boolean {
  const command = definition.healthCheck?.command ?? [];
  return definition.essential !== false && command.length > 0 && command[0] !== 'NONE';
}

function container(of: TaskView, name: string): ContainerStatus | undefined {
  return of.status?.containers.find((each) => each.name === name);
}

function sickContainer(of: TaskView, rules: HealthRules): Sickness | undefined {
  for (const definition of rules.definition?.containerDefinitions ?? []) {
    if (!isCheckedEssential(definition)) continue;
    const { name } = definition;
    const found = container(of, name);
    if (found?.healthStatus === 'UNHEALTHY') {
      return { kind: 'container', container: name, output: found.healthOutput };
    }
  }
  return undefined;
}

/** Sick where every live proxy that has an opinion says so; one that has yet to report has none. */
function sickTarget(of: TaskView, rules: HealthRules): Sickness | undefined {
  for (const target of of.targets) {
    const reports = liveReports(target, rules.liveProxies);
    const [first] = reports;
    if (first !== undefined && reports.every(({ state }) => state === 'unhealthy')) {
      return {
        kind: 'target',
        group: target.record.group,
        port: target.record.port,
        reason: first.description ?? first.reason ?? 'Health checks failed',
      };
    }
  }
  return undefined;
}

function isServing(of: TaskView, balancer: LoadBalancer, rules: HealthRules): boolean {
  const group = nameOf(balancer.targetGroupArn);
  const port = hostPortOf(of, balancer, rules.definition);
  const target = of.targets.find(
    ({ record }) => record.group === group && record.port === port && record.state === 'REGISTERED',
  );
  if (!target || rules.liveProxies.length === 0) return false;
  return rules.liveProxies.every((proxy) =>
    target.health.some((report) => report.proxy === proxy && report.state === 'healthy'),
  );
}

export function liveReports(of: TargetView, live: readonly string[]): TargetView['health'] {
  return of.health.filter(({ proxy }) => live.includes(proxy));
}

/** The port of the host where a balanced container is reached; undefined while there is none. */
export function hostPortOf(
  of: TaskView,
  balancer: LoadBalancer,
  definition: TaskDefinitionRecord | undefined,
): number | undefined {
  if (definition?.networkMode === 'host') return balancer.containerPort;
  return container(of, balancer.containerName)?.networkBindings.find(
    (binding) => binding.containerPort === balancer.containerPort && binding.protocol === 'tcp',
  )?.hostPort;
}

/** The view's health rules for a task of a deployment. */
export function healthRules(
  view: ServiceView,
  of: TaskView,
  loadBalancers: readonly LoadBalancer[],
): HealthRules {
  return {
    definition: view.definitions.get(of.task.taskDefinition),
    loadBalancers,
    gracePeriodMs: (view.service?.healthCheckGracePeriodSeconds ?? 0) * 1000,
    liveProxies: view.proxies.live,
  };
}
