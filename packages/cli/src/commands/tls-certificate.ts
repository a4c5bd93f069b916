import type { Certificate } from '@berth/model/generated/messages.ts';

import { readText } from '../actions-file.ts';
import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { absolute, age } from '../output/text.ts';

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

  'tls-certificate list': async (context) => {
    const { loadBalancing } = await context.api();
    const now = context.clock.now();
    return show(
      context,
      () => loadBalancing.DescribeCertificates({}),
      ({ certificates }) =>
        table<Certificate>(
          [
            { title: 'CERTIFICATE', value: (row) => row.certificateId, style: 'accent' },
            { title: 'NAMES', value: (row) => row.domainNames.join(' '), shrinksTo: 12 },
            { title: 'STATUS', value: ({ status }) => status, style: 'status' },
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
    );
  },

  'tls-certificate show': async (context) => {
    const certificate = await describe(context, argument(context, 0));
    if (printedAsJson(context, { certificates: [certificate] })) return undefined;
    const { notBefore, notAfter } = certificate;
    const lines = facts(
      [
        ['Certificate', certificate.certificateId],
        ['ARN', certificate.certificateArn],
        ['Names', certificate.domainNames.join(' ')],
        ['Status', certificate.status],
        ['Reason', certificate.statusReason],
        ['Source', certificate.source],
        ['Key', certificate.keyAlgorithm],
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
