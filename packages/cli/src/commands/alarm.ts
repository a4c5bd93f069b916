import type { AlarmRecord } from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { absolute, age } from '../output/text.ts';
import { UsageError } from '../table/parse.mjs';

const STATES = ['OK', 'ALARM', 'INSUFFICIENT_DATA'] as const;

export const handlers: Handlers = {
  'alarm list': async (context) => {
    const { operations } = await context.api();
    const state = context.flags.word('state', STATES);
    return show(
      context,
      async () => {
        const alarms: AlarmRecord[] = [];
        let nextToken: string | undefined;
        do {
          const page = await operations.DescribeAlarms({ state, nextToken });
          alarms.push(...page.alarms);
          nextToken = page.nextToken;
        } while (nextToken !== undefined);
        return { alarms };
      },
      ({ alarms }) =>
        table<AlarmRecord>(
          [
            { title: 'ALARM', value: ({ name }) => name, style: 'accent' },
            { title: 'STATE', value: ({ state: word }) => word },
            {
              title: 'SINCE',
              value: ({ since }) => age(context.clock.now() - since),
              align: 'right',
            },
            { title: 'SOURCE', value: ({ source }) => source, shrinksTo: 12 },
            { title: 'REASON', value: ({ reason }) => reason, shrinksTo: 20 },
          ],
          alarms,
          context.terminal,
        ),
    );
  },

  'alarm show': async (context) => {
    const { operations } = await context.api();
    const name = argument(context, 0);
    return show(
      context,
      async () => {
        const [alarm] = (await operations.DescribeAlarms({ names: [name] })).alarms;
        if (alarm) return alarm;
        throw new CommandError(exitCodes.notFound, `there is no alarm ${name}`, {
          next: 'berth alarm list',
        });
      },
      (alarm) => described(alarm, context),
    );
  },

  'alarm set': async (context) => {
    const [name, text] = [argument(context, 0), argument(context, 1)];
    const state = STATES.find((word) => word === text);
    if (!state) {
      throw new UsageError(
        `STATE must be one of ${STATES.join(', ')}, found "${text}".`,
        'berth alarm set --help',
      );
    }
    const { operations } = await context.api();
    const reason = context.flags.text('reason');
    const { alarms } = await operations.SetAlarmStates({ alarms: [{ name, state, reason }] });
    const [alarm] = alarms;
    if (!printedAsJson(context, alarm)) say(context.terminal, `alarm ${name} is ${state}`);
    return undefined;
  },

  'alarm delete': async (context) => {
    const name = argument(context, 0);
    await confirm(context, `Delete alarm ${name}?`);
    const { operations } = await context.api();
    const { alarm } = await operations.DeleteAlarm({ name });
    if (!printedAsJson(context, alarm)) say(context.terminal, `deleted alarm ${name}`);
    return undefined;
  },
};

function described(alarm: AlarmRecord, { terminal }: Context): string[] {
  const { name, state, since, source, reason, causes, entered } = alarm;
  return facts(
    [
      ['Alarm', name],
      ['State', `${state} since ${absolute(since)}`],
      ['Reason', reason || 'none given'],
      ['Source', source],
      ...(causes.length > 0 ? [['Causes', causes.join(', ')] as [string, string]] : []),
      ['In ALARM', `${entered} times so far`],
    ],
    terminal.color,
  );
}
