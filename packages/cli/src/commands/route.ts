import type { RouteProblem, TestRouteResponse } from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument, printedAsJson } from '../context.ts';
import type { Flags } from '../flags.ts';
import { paint } from '../output/style.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { count, lastOf } from '../output/text.ts';

/** "NAME:VALUE", with or without a space after the colon. */
function headersOf(flags: Flags): { readonly name: string; readonly value: string }[] {
  return flags.texts('header').map((text) => {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
    if (name === undefined || value === undefined) {
      throw flags.wrong(`--header must be NAME:VALUE, found "${text}"`);
    }
    return { name, value };
  });
}

/** The rules that were passed over, the one that wins and what it does. */
function explained(answer: TestRouteResponse, context: Context): string[] {
  const { color } = context.terminal;
  const { rule, listener, passed, rulesPassed, conditions, targetGroups } = answer;
  const left = rulesPassed - passed.length;
  const name = rule?.isDefault === true ? 'the default rule' : `rule ${rule?.ruleId ?? ''}`;
  const place = rule?.isDefault === true ? '' : `, priority ${rule?.priority ?? ''}`;
  return [
    ...passed.map(
      ({ priority, ruleArn, failed }) =>
        `${paint(color, 'dim', 'passed')}  ${priority.padStart(5)} ${lastOf(ruleArn)}: ${failed?.condition ?? ''}, but ${failed?.compared ?? ''}`,
    ),
    ...(left > 0 ? [`        and ${count(left, 'more rule')}`] : []),
    ...(rulesPassed > 0 ? [''] : []),
    ...facts(
      [
        ['Listener', `port ${listener?.port ?? ''}, ${listener?.protocol ?? ''}`],
        ['Falls to', `${name}${place}`],
        ...conditions.map(({ condition, compared }): [string, string] => [
          'Because',
          `${condition}: ${compared}`,
        ]),
        ['First', answer.authentication],
        ['Then', answer.action],
        ['Sent as', answer.transformed],
        ['Location', answer.location],
        ...targetGroups.map((group): [string, string] => [
          'Target group',
          `${group.targetGroupArn.split('/').at(-2) ?? group.targetGroupArn}, weight ${group.weight}, ${group.healthyTargets} of ${count(group.registeredTargets, 'target')} healthy`,
        ]),
      ],
      color,
    ),
  ];
}

export const handlers: Handlers = {
  'route test': async (context) => {
    const { flags } = context;
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.TestRoute({
      method: argument(context, 0).toUpperCase(),
      url: argument(context, 1),
      headers: headersOf(flags),
      sourceIp: flags.text('source-ip'),
      listener: flags.text('listener'),
    });
    if (printedAsJson(context, answer)) return undefined;
    for (const line of explained(answer, context)) say(context.terminal, line);
    return undefined;
  },

  'route problems': async (context) => {
    const { loadBalancing } = await context.api();
    const listener = context.flags.text('listener');
    const answer = await loadBalancing.FindRouteProblems({ listener });
    if (printedAsJson(context, answer)) return undefined;
    if (answer.problems.length === 0) {
      say(context.terminal, 'every rule can be reached, and leads somewhere');
      return undefined;
    }
    const lines = table<RouteProblem>(
      [
        { title: 'PORT', value: ({ port }) => port, align: 'right' },
        { title: 'PRIORITY', value: ({ priority }) => priority, align: 'right' },
        { title: 'RULE', value: ({ ruleArn }) => lastOf(ruleArn), style: 'accent' },
        { title: 'PROBLEM', value: ({ problem }) => problem },
      ],
      answer.problems,
      context.terminal,
    );
    for (const line of lines) say(context.terminal, line);
    return undefined;
  },
};
