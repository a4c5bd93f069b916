import type { Certificate } from '@berth/model/generated/messages.ts';

import { readText } from '../actions-file.ts';
import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { cut, facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { absolute, age, count, duration } from '../output/text.ts';

const POLL_MS = 1_000;
/** An attempt takes five minutes at most, and one may have to wait for the one before. */
const WAIT_MS = 600_000;

async function describe(context: Context, name: string): Promise<Certificate> {
  const { loadBalancing } = await context.api();
  const { certificates } = await loadBalancing.DescribeCertificates({ certificates: [name] });
  const [certificate, ...others] = certificates;
  if (certificate && others.length === 0) return certificate;
  const ids = certificates.map(({ certificateId }) => certificateId);
  throw new CommandError(
    certificate ? exitCodes.refused : exitCodes.notFound,
    certificate
      ? `"${name}" names ${ids.length} certificates: ${ids.join(', ')}`
      : `there is no certificate "${name}"`,
    { next: 'berth tls-certificate list' },
  );
}

/** What to read when it is not as it should be: the last attempt that failed, and the next. */
function trouble(certificate: Certificate, now: number): readonly (readonly [string, string])[] {
  const { statusReason, failedAttempts, nextAttemptAt } = certificate;
  const lines: (readonly [string, string])[] = [];
  if (statusReason !== undefined) lines.push(['Reason', statusReason]);
  if (failedAttempts > 0) lines.push(['Failed', `${count(failedAttempts, 'attempt')} in a row`]);
  if (nextAttemptAt !== undefined && failedAttempts > 0) {
    const when = nextAttemptAt > now ? `in ${age(nextAttemptAt - now)}` : 'now';
    lines.push(['Next attempt', `${when} (${absolute(nextAttemptAt)})`]);
  }
  return lines;
}

/**
 * Wait until it is issued.
 * @throws CommandError when an attempt has failed, and after --timeout
 */
async function waitForIssue(context: Context, id: string): Promise<Certificate> {
  const { clock, flags, signal } = context;
  const begin = clock.monotonic();
  const limit = flags.duration('timeout') ?? WAIT_MS;
  for (;;) {
    const certificate = await describe(context, id);
    const { status, statusReason } = certificate;
    if (status === 'ISSUED') return certificate;
    const problem =
      statusReason ??
      (clock.monotonic() - begin > limit ? `it is not there after ${duration(limit)}` : undefined);
    if (problem !== undefined) {
      throw new CommandError(exitCodes.failed, `certificate ${id} was not issued: ${problem}`, {
        next: `berth tls-certificate show ${id}`,
      });
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** "in 30d", "2d ago" */
function untilNow(now: number, time: number): string {
  return time >= now ? `in ${age(time - now)}` : `${age(now - time)} ago`;
}

export const handlers: Handlers = {
  'tls-certificate import': async (context) => {
    const { flags } = context;
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.ImportCertificate({
      chainPem: await readText(flags.required('chain')),
      keyPem: await readText(flags.required('key')),
      certificate: flags.text('replace'),
      tags: flags.pairs('tag'),
    });
    if (!printedAsJson(context, answer)) {
      const { certificateArn = '', domainNames = [] } = answer.certificate ?? {};
      say(context.terminal, `imported the certificate of ${domainNames.join(', ')}`);
      say(context.terminal, certificateArn);
    }
    return undefined;
  },

  'tls-certificate request': async (context) => {
    const { flags, terminal } = context;
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.RequestCertificate({
      domainNames: context.positionals,
      tags: flags.pairs('tag'),
    });
    const { certificateId = '', certificateArn = '', statusReason } = answer.certificate ?? {};
    if (!flags.on('wait')) {
      if (printedAsJson(context, answer)) return undefined;
      say(terminal, `requested a certificate for ${context.positionals.join(', ')}`);
      say(terminal, certificateArn);
      if (statusReason !== undefined) terminal.complain(`it waits: ${statusReason}`);
      return undefined;
    }
    const certificate = await waitForIssue(context, certificateId);
    if (printedAsJson(context, { certificate })) return undefined;
    say(terminal, `issued for ${certificate.domainNames.join(', ')}`);
    say(terminal, certificateArn);
    return undefined;
  },

  'tls-certificate list': async (context) => {
    const { loadBalancing } = await context.api();
    const now = context.clock.now();
    return show(
      context,
      () => loadBalancing.DescribeCertificates({}),
      ({ certificates }) => [
        ...table<Certificate>(
          [
            { title: 'CERTIFICATE', value: (row) => row.certificateId, style: 'accent' },
            { title: 'NAMES', value: (row) => row.domainNames.join(' '), shrinksTo: 12 },
            {
              title: 'STATUS',
              // The rest of the word is not worth its width.
              value: ({ status }) => status.replace('_VALIDATION', ''),
              style: 'status',
            },
            {
              title: 'ENDS',
              value: ({ notAfter }) => (notAfter > 0 ? untilNow(now, notAfter) : ''),
              align: 'right',
            },
            { title: 'USED', value: ({ inUseBy }) => inUseBy.length, align: 'right' },
          ],
          certificates,
          context.terminal,
        ),
        ...certificates
          .filter(({ statusReason }) => statusReason !== undefined)
          .map(({ certificateId, statusReason }) =>
            cut(`${certificateId}: ${statusReason ?? ''}`, context.terminal.width),
          ),
      ],
    );
  },

  'tls-certificate show': async (context) => {
    const certificate = await describe(context, argument(context, 0));
    if (printedAsJson(context, { certificates: [certificate] })) return undefined;
    const { notBefore, notAfter, createdAt, renewedAt = createdAt, source } = certificate;
    const renewed = renewedAt > createdAt;
    const lines = facts(
      [
        ['Certificate', certificate.certificateId],
        ['ARN', certificate.certificateArn],
        ['Names', certificate.domainNames.join(' ')],
        ['Status', certificate.status],
        ...trouble(certificate, context.clock.now()),
        ['Source', source],
        ['Key', certificate.keyAlgorithm],
        ['Requested', source === 'acme' ? absolute(createdAt) : undefined],
        ['Renewed', renewed ? absolute(renewedAt) : undefined],
        ['Valid', notAfter > 0 ? `${absolute(notBefore)} to ${absolute(notAfter)}` : undefined],
        ['Used by', certificate.inUseBy.join(' ')],
      ],
      context.terminal.color,
    );
    for (const line of lines) say(context.terminal, line);
    return undefined;
  },

  'tls-certificate delete': async (context) => {
    const { certificateId, domainNames } = await describe(context, argument(context, 0));
    await confirm(context, `Delete the certificate of ${domainNames.join(', ')}?`);
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.DeleteCertificate({ certificate: certificateId });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `deleted certificate ${certificateId}`);
    }
    return undefined;
  },
};
