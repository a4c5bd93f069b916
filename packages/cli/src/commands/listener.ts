import type { Listener } from '@berth/model/generated/messages.ts';

import { actionOf, describeAction } from '../action-flags.ts';
import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
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

const NOT_FOUND = {
  type: 'fixed-response',
  fixedResponse: {
    statusCode: '404',
    contentType: 'text/plain',
    messageBody: 'No rule matches.\n',
  },
} as const;

export const handlers: Handlers = {
  'listener create': async (context) => {
    const text = argument(context, 0);
    const port = Number(text);
    if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
      throw context.flags.wrong(`PORT must be a whole number from 1 to 65535, found "${text}"`);
    }
    const action = actionOf(context.flags) ?? NOT_FOUND;
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.CreateListener({ port, defaultActions: [action] });
    if (!printedAsJson(context, answer)) {
      say(
        context.terminal,
        `created listener ${answer.listener?.listenerId ?? ''} on port ${port}`,
      );
    }
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
            {
              title: 'DEFAULT',
              value: ({ defaultActions }) => describeAction(defaultActions[0]),
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
