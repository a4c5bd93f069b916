import type { Listener, MutualAuthentication } from '@berth/model/generated/messages.ts';

import { actionsOf, describeActions } from '../action-flags.ts';
import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import type { Flags } from '../flags.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { lastOf } from '../output/text.ts';
import { rulesOf, ruleTable } from './rule.ts';

async function describe(context: Context, name: string): Promise<Listener> {
  const { loadBalancing } = await context.api();
  const { listeners } = await loadBalancing.DescribeListeners({ listeners: [name] });
  const [listener] = listeners;
  if (listener) return listener;
  throw new CommandError(exitCodes.notFound, `there is no listener "${name}"`, {
    next: 'berth listener list',
  });
}

export function nameOfBalancer({ loadBalancerArn }: Listener): string {
  return loadBalancerArn.split('/').at(-2) ?? '';
}

async function certificatesOf(context: Context, listener: Listener): Promise<string> {
  if (listener.certificates.length === 0) return '';
  const { loadBalancing } = await context.api();
  const answer = await loadBalancing.DescribeListenerCertificates({
    listener: listener.listenerId,
  });
  return answer.certificates.map(({ certificateArn }) => lastOf(certificateArn)).join(' ');
}

function clientsOf({ mutualAuthentication }: Listener): string {
  const { mode = 'off', trustStore } = mutualAuthentication ?? {};
  if (mode === 'off') return '';
  return trustStore === undefined ? mode : `verified by ${trustStore.split('/').at(-2) ?? ''}`;
}

const NOT_FOUND = {
  type: 'fixed-response',
  fixedResponse: {
    statusCode: '404',
    contentType: 'text/plain',
    messageBody: 'No rule matches.\n',
  },
} as const;

const PROTOCOLS = ['HTTP', 'HTTPS', 'TCP', 'TLS'] as const;
const ALPN = ['HTTP1Only', 'HTTP2Only', 'HTTP2Optional', 'HTTP2Preferred', 'None'] as const;

function portOf(flags: Flags, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw flags.wrong(`PORT must be a whole number from 1 to 65535, found "${text}"`);
}

function tlsOf(flags: Flags) {
  return {
    protocol: flags.word('protocol', PROTOCOLS),
    sslPolicy: flags.text('ssl-policy'),
    alpnPolicy: flags.word('alpn-policy', ALPN),
    mutualAuthentication: mutualOf(flags),
    certificates: flags.texts('certificate').map((certificateArn) => ({ certificateArn })),
    attributes: flags.record('attribute'),
  };
}

function mutualOf(flags: Flags): MutualAuthentication | undefined {
  const text = flags.text('mutual-tls');
  if (text === undefined) return undefined;
  if (text === 'off' || text === 'passthrough') return { mode: text };
  const [, trustStore] = /^verify=(.+)$/.exec(text) ?? [];
  if (trustStore !== undefined) return { mode: 'verify', trustStore };
  throw flags.wrong(`--mutual-tls must be off, passthrough or verify=TRUST-STORE, found "${text}"`);
}

/** All certificates but the default one, which the modification replaces. */
async function removeOthers(context: Context, listener: string): Promise<void> {
  const { loadBalancing } = await context.api();
  const described = await loadBalancing.DescribeListenerCertificates({ listener });
  const others = described.certificates.filter(({ isDefault }) => !isDefault);
  if (others.length === 0) return;
  const certificates = others.map(({ certificateArn }) => ({ certificateArn }));
  await loadBalancing.RemoveListenerCertificates({ listener, certificates });
}

export const handlers: Handlers = {
  'listener create': async (context) => {
    const { flags } = context;
    const port = portOf(flags, argument(context, 0));
    const { certificates, ...tls } = tlsOf(flags);
    const secure = tls.sslPolicy ?? certificates[0] ?? tls.mutualAuthentication;
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.CreateListener({
      port,
      loadBalancer: flags.text('load-balancer'),
      ...tls,
      protocol: tls.protocol ?? (secure === undefined ? undefined : 'HTTPS'),
      certificates: certificates.slice(0, 1),
      defaultActions: (await actionsOf(flags)) ?? [NOT_FOUND],
      tags: flags.pairs('tag'),
    });
    const listener = answer.listener?.listenerId ?? '';
    if (certificates.length > 1) {
      const more = certificates.slice(1);
      await loadBalancing.AddListenerCertificates({ listener, certificates: more });
    }
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `created listener ${listener} on port ${port}`);
    }
    return undefined;
  },

  'listener modify': async (context) => {
    const { flags } = context;
    const { listenerId } = await describe(context, argument(context, 0));
    const { loadBalancing } = await context.api();
    const port = flags.text('port');
    const { certificates, ...tls } = tlsOf(flags);
    if (certificates.length > 0) await removeOthers(context, listenerId);
    const answer = await loadBalancing.ModifyListener({
      listener: listenerId,
      port: port === undefined ? undefined : portOf(flags, port),
      ...tls,
      certificates: certificates.slice(0, 1),
      defaultActions: (await actionsOf(flags)) ?? [],
    });
    if (certificates.length > 1) {
      const more = certificates.slice(1);
      await loadBalancing.AddListenerCertificates({ listener: listenerId, certificates: more });
    }
    if (!printedAsJson(context, answer)) say(context.terminal, `modified listener ${listenerId}`);
    return undefined;
  },

  'listener list': async (context) => {
    const { loadBalancing } = await context.api();
    return show(
      context,
      () => loadBalancing.DescribeListeners({}),
      ({ listeners }) =>
        table<Listener>(
          [
            { title: 'PORT', value: ({ port }) => port, align: 'right' },
            { title: 'LISTENER', value: ({ listenerId }) => listenerId, style: 'accent' },
            { title: 'PROTOCOL', value: ({ protocol }) => protocol },
            { title: 'BALANCER', value: nameOfBalancer, shrinksTo: 8 },
            {
              title: 'DEFAULT',
              value: ({ defaultActions }) => describeActions(defaultActions),
              shrinksTo: 16,
            },
          ],
          listeners,
          context.terminal,
        ),
    );
  },

  'listener show': async (context) => {
    const listener = await describe(context, argument(context, 0));
    if (printedAsJson(context, { listeners: [listener] })) return undefined;
    const rules = await rulesOf(context, listener.listenerId);
    const lines = [
      ...facts(
        [
          ['Listener', listener.listenerId],
          ['Port', listener.port],
          ['Protocol', listener.protocol],
          ['Load balancer', nameOfBalancer(listener)],
          ['Certificates', await certificatesOf(context, listener)],
          ['TLS policy', listener.sslPolicy],
          ['Client certificates', clientsOf(listener)],
          ['ARN', listener.listenerArn],
        ],
        context.terminal.color,
      ),
      '',
      ...ruleTable(rules, context),
    ];
    for (const line of lines) say(context.terminal, line);
    return undefined;
  },

  'listener delete': async (context) => {
    const { listenerId, port } = await describe(context, argument(context, 0));
    await confirm(context, `Delete the listener on port ${port} and its rules?`);
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.DeleteListener({ listener: listenerId });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `deleted the listener on port ${port}`);
    }
    return undefined;
  },
};
