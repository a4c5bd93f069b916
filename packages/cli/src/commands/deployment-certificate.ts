import type {
  CertifiedRevision,
  CertifiedTarget,
  DeploymentCertificateRecord,
} from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument, printedAsJson } from '../context.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { absolute, duration, grouped } from '../output/text.ts';

const FAILURES = 10;
const TARGETS = 20;

export const handlers: Handlers = {
  'deployment certificate': async (context) => {
    const { operations } = await context.api();
    const certificate = await operations.GetDeploymentCertificate(asked(context));
    if (printedAsJson(context, certificate)) return undefined;
    for (const line of certificateLines(certificate, context)) say(context.terminal, line);
    return undefined;
  },
};

function asked(context: Context): { cluster: string; service: string; deployment?: string } {
  const named = argument(context, 0).replace(/^arn:.*:service-deployment\//, '');
  const [cluster = '', service, deployment] = named.split('/');
  if (service !== undefined && deployment !== undefined) return { cluster, service, deployment };
  const [, given] = context.positionals;
  return {
    cluster: context.cluster,
    service: argument(context, 0),
    ...(given === undefined ? {} : { deployment: given }),
  };
}

export function certificateLines(
  certificate: DeploymentCertificateRecord,
  { terminal, clock }: Pick<Context, 'terminal' | 'clock'>,
): string[] {
  const { latency, endedAt, begunAt, requests, failed, failedOtherwise } = certificate;
  const counted = certificate.targetGroups.length > 0;
  const took = duration((endedAt ?? clock.now()) - begunAt);
  const lines = facts(
    [
      [
        'Deployment',
        `${certificate.deploymentId} of ${certificate.cluster}/${certificate.service}`,
      ],
      ['Status', `${certificate.status}, ${endedAt === undefined ? 'for' : 'after'} ${took}`],
      ['Began', absolute(begunAt)],
      ['Requests', counted ? grouped(requests) : 'none: the service is in no target group'],
      ['Failed', `${grouped(failed)} because of it, ${grouped(failedOtherwise)} otherwise`],
      ...(latency?.duringP99 === undefined
        ? []
        : [
            ['p99', `${millis(latency.duringP99)}, before ${millis(latency.beforeP99)}`] as [
              string,
              string,
            ],
          ]),
      ...(latency?.worst === undefined
        ? []
        : [
            ['Slowest', `${millis(latency.worst.milliseconds)} (${latency.worst.requestId})`] as [
              string,
              string,
            ],
          ]),
      ['Counts', certificate.unknown.length === 0 ? 'exact' : 'not exact: see below'],
    ],
    terminal.color,
  );
  return [
    ...lines,
    ...revisionLines(certificate, terminal),
    ...tailLines(certificate, clock.now()),
  ];
}

function revisionLines(
  { revisions, untaken }: DeploymentCertificateRecord,
  terminal: Context['terminal'],
): string[] {
  if (revisions.length + untaken.length === 0) return [];
  interface Row {
    readonly of: CertifiedRevision | undefined;
    readonly target: CertifiedTarget;
  }
  const rows = [
    ...revisions.flatMap((of) => of.targets.map((target): Row => ({ of, target }))),
    ...untaken.map((target): Row => ({ of: undefined, target })),
  ];
  const shown = table<Row>(
    [
      { title: 'REVISION', value: ({ of }) => (of ? of.taskDefinition || 'unknown' : '') },
      { title: 'TASK', value: ({ target }) => target.taskId.slice(0, 8), style: 'accent' },
      { title: 'GROUP', value: ({ target }) => target.group, shrinksTo: 8 },
      {
        title: 'TARGET',
        value: ({ target }) => target.target || 'none could take it',
        shrinksTo: 12,
      },
      { title: 'REQUESTS', value: ({ target }) => grouped(target.requests), align: 'right' },
      {
        title: 'FAILED',
        value: ({ target }) => grouped(target.failed + target.failedOtherwise),
        align: 'right',
      },
      { title: 'OWN 5XX', value: ({ target }) => grouped(target.targetErrors), align: 'right' },
    ],
    rows.slice(0, TARGETS),
    terminal,
  );
  const more = rows.length > TARGETS ? [`and ${rows.length - TARGETS} more; --json has them`] : [];
  return ['', ...shown, ...more];
}

function tailLines(certificate: DeploymentCertificateRecord, now: number): string[] {
  const { phases, failures, failuresLeftOut, unknown } = certificate;
  const lines = ['', 'Phases:'];
  for (const { name, from, to, waits } of phases) {
    const waited = waits.map((each) => `${each.waitsFor} ${duration(each.milliseconds)}`);
    lines.push(
      `  ${name} ${duration((to ?? now) - from)}${waited.length > 0 ? `: ${waited.join(', ')}` : ''}`,
    );
  }
  if (failures.length > 0) lines.push('', 'Failed:');
  for (const failure of failures.slice(0, FAILURES)) {
    const { at, requestId, target, reason, ofChange } = failure;
    const why = `${reason}${ofChange ? '' : ' (not because of the deployment)'}`;
    lines.push(`  ${absolute(at)} ${requestId} ${target || 'no target'}: ${why}`);
  }
  const more = failuresLeftOut + Math.max(0, failures.length - FAILURES);
  if (more > 0) lines.push(`  and ${grouped(more)} more`);
  if (unknown.length > 0) lines.push('', 'Not known:', ...unknown.map((each) => `  ${each}`));
  return lines;
}

function millis(value: number | undefined): string {
  return value === undefined
    ? 'unknown'
    : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
