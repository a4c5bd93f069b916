// How service deployments look: in a table, and one in full.
import type {
  DeploymentConfiguration,
  DeploymentProgress,
  LifecycleHookDetail,
  ServiceDeployment,
  ServiceDeploymentBrief,
  ServiceRevisionSummary,
} from '@berth/model/generated/messages.ts';

import type { Context } from '../context.ts';
import { facts, table } from '../output/table.ts';
import { absolute, age, count, duration, lastOf } from '../output/text.ts';

export function deploymentTable(
  deployments: readonly ServiceDeploymentBrief[],
  { terminal, clock }: Context,
): string[] {
  const now = clock.now();
  return table<ServiceDeploymentBrief>(
    [
      {
        title: 'DEPLOYMENT',
        value: ({ serviceDeploymentArn }) => lastOf(serviceDeploymentArn),
        style: 'accent',
      },
      { title: 'STATUS', value: ({ status }) => status, style: 'status' },
      { title: 'AGE', value: ({ createdAt }) => age(now - createdAt), align: 'right' },
      { title: 'TOOK', value: (row) => took(row, now), align: 'right' },
      { title: 'REASON', value: ({ statusReason }) => statusReason ?? '', shrinksTo: 6 },
    ],
    deployments,
    terminal,
  );
}

function took({ createdAt, startedAt, finishedAt }: ServiceDeploymentBrief, now: number): string {
  return duration((finishedAt ?? now) - (startedAt ?? createdAt));
}

export function deploymentLines(
  deployment: ServiceDeployment,
  progress: DeploymentProgress | undefined,
  { terminal, clock }: Context,
): string[] {
  const { status, statusReason, rollback, deploymentCircuitBreaker: breaker } = deployment;
  const now = clock.now();
  const ended = deployment.finishedAt;
  const rows: [string, string][] = [
    ['Deployment', lastOf(deployment.serviceDeploymentArn)],
    ['Service', lastOf(deployment.serviceArn)],
    ['Status', statusReason ? `${status}: ${statusReason}` : status],
    ['Strategy', strategyText(deployment.deploymentConfiguration)],
    ['Began', `${absolute(deployment.createdAt)}, ${age(now - deployment.createdAt)} ago`],
    ...(ended === undefined ? [] : [['Ended', absolute(ended)] as [string, string]]),
    ...progressRows(progress, now),
    ...(rollback
      ? [['Goes back', `to revision ${lastOf(rollback.serviceRevisionArn)}`] as [string, string]]
      : []),
    ['Breaker', breakerText(breaker)],
    ['ARN', deployment.serviceDeploymentArn],
  ];
  const target = deployment.targetServiceRevision;
  return [
    ...facts(rows, terminal.color),
    '',
    ...revisionTable([...(target ? [target] : []), ...deployment.sourceServiceRevisions], terminal),
    ...hookLines(deployment.lifecycleHookDetails, { terminal, clock }),
  ];
}

/** Which phase, what it waits for, and how long that may still take. */
export function progressRows(
  progress: DeploymentProgress | undefined,
  now: number,
): [string, string][] {
  if (!progress) return [];
  const { phase, since, waitsFor, secondsLeft } = progress;
  return [
    ['Phase', `${phase} for ${duration(Math.max(0, now - since))}`],
    ['Waits for', waitsFor],
    ['Time left', secondsLeft === undefined ? 'unknown' : `about ${duration(secondsLeft * 1000)}`],
  ];
}

/** "CANARY 5 % for 10 min, bake 5 min, progress deadline 1 min" */
export function strategyText(configuration: DeploymentConfiguration | undefined): string {
  const { strategy = 'ROLLING', linearConfiguration: linear } = configuration ?? {};
  const { canaryConfiguration: canary, progressDeadlineInSeconds: deadline } = configuration ?? {};
  const texts = [
    strategy === 'ROLLING'
      ? `ROLLING min ${configuration?.minimumHealthyPercent ?? '?'}% max ${configuration?.maximumPercent ?? '?'}%`
      : strategy,
  ];
  if (linear) {
    const { stepPercent, stepBakeTimeInMinutes, stepBakeTimeInSeconds } = linear;
    texts[0] = `LINEAR ${stepPercent ?? 10}% every ${waits(stepBakeTimeInSeconds, stepBakeTimeInMinutes, 6)}`;
  }
  if (canary) {
    const { canaryPercent, canaryBakeTimeInMinutes, canaryBakeTimeInSeconds } = canary;
    texts[0] = `CANARY ${canaryPercent ?? 5}% for ${waits(canaryBakeTimeInSeconds, canaryBakeTimeInMinutes, 10)}`;
  }
  if (strategy !== 'ROLLING') {
    const { bakeTimeInSeconds, bakeTimeInMinutes } = configuration ?? {};
    texts.push(`bake ${waits(bakeTimeInSeconds, bakeTimeInMinutes, 0)}`);
  }
  if (deadline !== undefined) texts.push(`progress deadline ${duration(deadline * 1000)}`);
  return texts.join(', ');
}

function waits(
  seconds: number | undefined,
  minutes: number | undefined,
  otherwise: number,
): string {
  return duration(seconds === undefined ? (minutes ?? otherwise) * 60_000 : seconds * 1000);
}

function breakerText(breaker: ServiceDeployment['deploymentCircuitBreaker']): string {
  if (!breaker || breaker.status === 'DISABLED') return 'off';
  return `${breaker.status}, ${breaker.failureCount} of ${count(breaker.threshold, 'failure')}`;
}

function revisionTable(
  revisions: readonly ServiceRevisionSummary[],
  terminal: Context['terminal'],
): string[] {
  return table<ServiceRevisionSummary & { readonly role: string }>(
    [
      { title: 'REVISION', value: ({ arn }) => lastOf(arn), style: 'accent' },
      { title: '', value: ({ role }) => role },
      {
        title: 'RUN',
        value: ({ role, runningTaskCount: run, requestedTaskCount: asked }) =>
          role === 'new' ? `${run}/${asked}` : String(run),
        align: 'right',
      },
      { title: 'PENDING', value: ({ pendingTaskCount }) => pendingTaskCount, align: 'right' },
      {
        title: 'PRODUCTION',
        value: (row) => percent(row.requestedProductionTrafficWeight),
        align: 'right',
      },
      { title: 'TEST', value: (row) => percent(row.requestedTestTrafficWeight), align: 'right' },
    ],
    revisions.map((each, index) => ({ ...each, role: index === 0 ? 'new' : 'old' })),
    terminal,
  );
}

function percent(weight: number | undefined): string {
  return weight === undefined ? '-' : `${weight} %`;
}

function hookLines(
  hooks: readonly LifecycleHookDetail[],
  { terminal, clock }: Pick<Context, 'terminal' | 'clock'>,
): string[] {
  if (hooks.length === 0) return [];
  const now = clock.now();
  const shown = table<LifecycleHookDetail>(
    [
      { title: 'HOOK', value: ({ hookId }) => hookId, style: 'accent' },
      { title: 'STAGE', value: ({ lifecycleStage }) => lifecycleStage, shrinksTo: 12 },
      { title: 'STATUS', value: ({ status }) => status, style: 'status' },
      {
        title: 'WHO',
        value: ({ targetArn, reason }) =>
          [targetArn ?? 'a person', reason].filter(Boolean).join(': '),
        shrinksTo: 8,
      },
    ],
    hooks,
    terminal,
  );
  const waiting = hooks.filter(({ status }) => status === 'AWAITING_ACTION');
  return [
    '',
    ...shown,
    ...waiting.map(
      ({ hookId, expiresAt, timeoutAction }) =>
        `${hookId} waits for berth deployment continue or rollback; ${timeoutAction} in ${age(expiresAt - now)}`,
    ),
  ];
}
