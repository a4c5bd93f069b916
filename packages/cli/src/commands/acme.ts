// Which ACME authority the installation's certificates come from.
import { X509Certificate } from 'node:crypto';

import type { AcmeSettings } from '@berth/model/generated/messages.ts';

import { readText } from '../actions-file.ts';
import { type Context, type Handlers, printedAsJson } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { facts } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { absolute } from '../output/text.ts';

const CHALLENGES = ['http-01', 'tls-alpn-01'] as const;

export const handlers: Handlers = {
  'acme configure': async (context) => {
    const { flags } = context;
    const directoryUrl = flags.required('directory');
    const authority = flags.text('authority');
    if (!flags.on('agree-to-terms')) {
      throw flags.wrong(
        "Missing --agree-to-terms: certificates go only to those who agree to the authority's terms of service",
      );
    }
    const challenge = flags.word('challenge', CHALLENGES);
    const authorityPem = authority === undefined ? undefined : await readText(authority);
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.PutAcmeSettings({
      directoryUrl,
      email: flags.text('email'),
      authorityPem,
      challenge,
      agreeToTerms: true,
    });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `certificates are asked for at ${directoryUrl} from now on`);
    }
    return undefined;
  },

  'acme show': async (context) => {
    const { loadBalancing } = await context.api();
    const { settings } = await loadBalancing.DescribeAcmeSettings({});
    if (settings === undefined) {
      throw new CommandError(exitCodes.notFound, 'no certificate authority is set', {
        next: 'berth acme configure --help',
      });
    }
    if (!printedAsJson(context, { settings })) sayFacts(context, settings);
    return undefined;
  },
};

function sayFacts({ terminal }: Context, settings: AcmeSettings): void {
  const { directoryUrl, email, authorityPem, challenge, agreedAt } = settings;
  const lines = facts(
    [
      ['Directory', directoryUrl],
      ['E-mail', email],
      ['Challenge', `${challenge} where both are possible`],
      [
        'Signed by',
        authorityPem === undefined
          ? 'a public authority'
          : new X509Certificate(authorityPem).subject.replaceAll('\n', ', '),
      ],
      ['Agreed', absolute(agreedAt)],
    ],
    terminal.color,
  );
  for (const line of lines) say(terminal, line);
}
