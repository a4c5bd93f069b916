// How the certificate of a deployment looks: what became of the requests while it went on.
import type {
  CertifiedLatency,
  CertifiedRevision,
  CertifiedTarget,
  DeploymentCertificateRecord,
} from '@berth/model/generated/messages.ts';

import type { Context } from '../context.ts';
import { facts, table } from '../output/table.ts';
import { absolute, duration, grouped } from '../output/text.ts';

const FAILURES = 10;
const TARGETS = 20;
/** Of a certificate whose deployment goes on, or whose last counts the controller still waits for. */
const OPEN = 'OPEN';

type Surroundings = Pick<Context, 'terminal' | 'clock'>;
type Fact = readonly [string, string];

/** A certificate by itself: whose it is, and what it says. */
export function certificateLines(
  certificate: DeploymentCertificateRecord,
  surroundings: Surroundings,
): string[] {
  const { deploymentId, cluster, service, status, begunAt, endedAt } = certificate;
  const took = duration((endedAt ?? surroundings.clock.now()) - begunAt);
  const whose: Fact[] = [
    ['Deployment', `${deploymentId} of ${cluster}/${service}`],
    ['Status', `${status}, ${endedAt === undefined ? 'for' : 'after'} ${took}`],
    ['Began', absolute(begunAt)],
  ];
  return linesOf(whose, certificate, surroundings);
}

export interface MaybeCertificate {
  readonly certificate?: DeploymentCertificateRecord;
  /** Why there is none. */
  readonly withoutCertificate?: string;
}

/** The end of what is shown of a deployment. */
export function certificateSection(
  { certificate, withoutCertificate = 'none' }: MaybeCertificate,
  surroundings: Surroundings,
): string[] {
  if (!certificate) return ['', `Certificate: ${withoutCertificate}`];
  if (certificate.status === OPEN) {
    const since = absolute(certificate.countedFrom);
    return ['', `Certificate: not yet; requests are counted since ${since}`];
  }
  return ['', 'Certificate:', ...linesOf([], certificate, surroundings)];
}

function linesOf(
  whose: readonly Fact[],
  certificate: DeploymentCertificateRecord,
  { terminal, clock }: Surroundings,
): string[] {
  const { latency, requests, failed, failedOtherwise, targetGroups, unknown } = certificate;
  const rows: Fact[] = [
    ...whose,
    [
      'Requests',
      targetGroups.length > 0 ? grouped(requests) : 'none: the service is in no target group',
    ],
    ['Failed', `${grouped(failed)} because of it, ${grouped(failedOtherwise)} otherwise`],
    ...(latency ? latencyRows(latency) : []),
    ['Counts', unknown.length === 0 ? 'exact' : 'not exact: see below'],
  ];
  return [
    ...facts(rows, terminal.color),
    ...revisionLines(certificate, terminal),
    ...tailLines(certificate, clock.now()),
  ];
}

function latencyRows({ beforeP99, duringP99, addedP99, worst }: CertifiedLatency): Fact[] {
  const rows: Fact[] = [];
  if (duringP99 !== undefined) {
    const before = beforeP99 === undefined ? 'no requests before' : `before ${millis(beforeP99)}`;
    const added = addedP99 === undefined ? '' : `: ${millis(addedP99)} added`;
    rows.push(['p99', `${millis(duringP99)}, ${before}${added}`]);
  }
  if (worst) rows.push(['Slowest', `${millis(worst.milliseconds)} (${worst.requestId})`]);
  return rows;
}

interface Row extends Omit<CertifiedTarget, 'taskId'> {
  readonly revision: string;
  readonly task: string;
}

function revisionLines(
  { revisions, untaken }: DeploymentCertificateRecord,
  terminal: Context['terminal'],
): string[] {
  const rows = [...revisions.flatMap(rowsOf), ...untaken.map((target) => rowOf('', target))];
  if (rows.length === 0) return [];
  const shown = table<Row>(
    [
      { title: 'REVISION', value: ({ revision }) => revision },
      { title: 'TASK', value: ({ task }) => task, style: 'accent' },
      { title: 'GROUP', value: ({ group }) => group, shrinksTo: 8 },
      { title: 'TARGET', value: ({ target }) => target, shrinksTo: 12 },
      { title: 'REQUESTS', value: ({ requests }) => grouped(requests), align: 'right' },
      {
        title: 'FAILED',
        value: ({ failed, failedOtherwise }) => grouped(failed + failedOtherwise),
        align: 'right',
      },
      { title: 'OWN 5XX', value: ({ targetErrors }) => grouped(targetErrors), align: 'right' },
    ],
    rows.slice(0, TARGETS),
    terminal,
  );
  const more = rows.length > TARGETS ? [`and ${rows.length - TARGETS} more; --json has them`] : [];
  return ['', ...shown, ...more];
}

/** A row for each target, before them one for all, where there are several. */
function rowsOf(revision: CertifiedRevision): Row[] {
  const { taskDefinition, targets, targetsLeftOut } = revision;
  const name = taskDefinition || 'unknown';
  const rows = targets.map((target) => rowOf(name, target));
  const count = targets.length + targetsLeftOut;
  if (count < 2) return rows;
  return [{ ...revision, revision: name, task: `all ${count}`, group: '', target: '' }, ...rows];
}

function rowOf(revision: string, { taskId, ...target }: CertifiedTarget): Row {
  const task = taskId.slice(0, 8);
  return { ...target, revision, task, target: target.target || 'none could take it' };
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

function millis(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
