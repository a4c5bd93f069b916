import type { TargetDescription, TargetGroup } from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { age, grouped, shortener } from '../output/text.ts';

const PORT = { min: 1, max: 65_535 };
/** The api knows the limits; these only keep out what is no such number at all. */
const POSITIVE = { min: 1, max: 100_000 };

async function describe(context: Context, name: string): Promise<TargetGroup> {
  const { loadBalancing } = await context.api();
  const { targetGroups } = await loadBalancing.DescribeTargetGroups({ targetGroups: [name] });
  const [group] = targetGroups;
  if (group) return group;
  throw new CommandError(exitCodes.notFound, `there is no target group "${name}"`, {
    next: 'berth target-group list',
  });
}

export function targetTable(targets: readonly TargetDescription[], context: Context): string[] {
  const { width, color } = context.terminal;
  const short = shortener(targets.map(({ taskId }) => taskId));
  return table<TargetDescription>(
    [
      { title: 'TARGET', value: ({ address, port }) => `${address}:${port}` },
      { title: 'TASK', value: ({ taskId }) => short(taskId), style: 'accent' },
      { title: 'STATE', value: ({ state }) => state, style: 'status' },
      {
        title: 'REASON',
        value: ({ reason, description }) => [reason, description].filter(Boolean).join(': '),
        shrinksTo: 20,
      },
    ],
    targets,
    { width, color },
  );
}

export const handlers: Handlers = {
  'target-group create': async (context) => {
    const { flags } = context;
    const attributes = Object.fromEntries(
      flags.pairs('attribute').map(({ key, value }) => [key, value]),
    );
    const delay = flags.integer('deregistration-delay', { min: 0, max: 3600 });
    if (delay !== undefined) attributes['deregistration_delay.timeout_seconds'] = String(delay);
    const port = flags.integer('health-port', PORT);
    const request = {
      name: argument(context, 0),
      healthCheck: {
        path: flags.text('health-path'),
        port: port === undefined ? undefined : String(port),
        intervalSeconds: flags.integer('health-interval', POSITIVE),
        timeoutSeconds: flags.integer('health-timeout', POSITIVE),
        healthyThresholdCount: flags.integer('healthy-threshold', POSITIVE),
        unhealthyThresholdCount: flags.integer('unhealthy-threshold', POSITIVE),
        matcher: flags.text('matcher'),
      },
      attributes,
      tags: flags.pairs('tag'),
    };
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.CreateTargetGroup(request);
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `created target group ${answer.targetGroup?.targetGroupName ?? ''}`);
    }
    return undefined;
  },

  'target-group list': async (context) => {
    const { loadBalancing } = await context.api();
    return show(
      context,
      () => loadBalancing.DescribeTargetGroups({}),
      ({ targetGroups }) =>
        table<TargetGroup>(
          [
            { title: 'TARGET GROUP', value: (row) => row.targetGroupName, style: 'accent' },
            { title: 'TYPE', value: ({ targetType }) => targetType },
            { title: 'HEALTH CHECK', value: checkOf, shrinksTo: 16 },
            {
              title: 'AGE',
              value: ({ createdAt }) => age(context.clock.now() - createdAt),
              align: 'right',
            },
          ],
          targetGroups,
          context.terminal,
        ),
    );
  },

  'target-group show': async (context) => {
    const { loadBalancing } = await context.api();
    const group = await describe(context, argument(context, 0));
    if (printedAsJson(context, { targetGroups: [group] })) return undefined;
    const health = await loadBalancing.DescribeTargetHealth({ targetGroup: group.targetGroupName });
    const { traffic } = health;
    const lines = [
      ...facts(
        [
          ['Target group', group.targetGroupName],
          ['ARN', group.targetGroupArn],
          ['Health check', checkOf(group)],
          [
            'Requests',
            traffic &&
              `${grouped(traffic.requests)}, ${grouped(traffic.failed)} failed, ${grouped(traffic.targetErrors)} answered 5XX, ${grouped(traffic.active)} under way`,
          ],
        ],
        context.terminal.color,
      ),
      '',
      ...Object.entries(group.attributes).map(([key, value]) => `${key} = ${value}`),
      '',
      ...targetTable(health.targets, context),
    ];
    for (const line of lines) say(context.terminal, line);
    return undefined;
  },

  'target-group health': async (context) => {
    const { loadBalancing } = await context.api();
    const { targetGroupName } = await describe(context, argument(context, 0));
    return show(
      context,
      () => loadBalancing.DescribeTargetHealth({ targetGroup: targetGroupName }),
      ({ targets }) => targetTable(targets, context),
    );
  },

  'target-group delete': async (context) => {
    const { loadBalancing } = await context.api();
    const { targetGroupName } = await describe(context, argument(context, 0));
    await confirm(context, `Delete target group ${targetGroupName}?`);
    const answer = await loadBalancing.DeleteTargetGroup({ targetGroup: targetGroupName });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `deleted target group ${targetGroupName}`);
    }
    return undefined;
  },
};

function checkOf({ healthCheck }: TargetGroup): string {
  if (!healthCheck) return '';
  const { protocol, port, path, intervalSeconds, matcher } = healthCheck;
  return `${protocol} ${port} ${path} every ${intervalSeconds}s expects ${matcher}`;
}
