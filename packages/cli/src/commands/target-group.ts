import type {
  HealthCheckOptions,
  TargetDescription,
  TargetGroup,
  TargetReference,
} from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import type { Flags } from '../flags.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { age, count, grouped, shortener } from '../output/text.ts';

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
  const short = shortener(targets.map(({ taskId }) => taskId).filter(Boolean));
  return table<TargetDescription>(
    [
      { title: 'TARGET', value: ({ address, port }) => `${address}:${port}` },
      {
        title: 'TASK',
        value: ({ taskId }) => (taskId === '' ? '-' : short(taskId)),
        style: 'accent',
      },
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

function healthCheckOf(flags: Flags): HealthCheckOptions {
  const port = flags.integer('health-port', PORT);
  return {
    protocol: flags.word('health-protocol', ['HTTP', 'HTTPS', 'TCP']),
    path: flags.text('health-path'),
    port: port === undefined ? undefined : String(port),
    intervalSeconds: flags.integer('health-interval', POSITIVE),
    timeoutSeconds: flags.integer('health-timeout', POSITIVE),
    healthyThresholdCount: flags.integer('healthy-threshold', POSITIVE),
    unhealthyThresholdCount: flags.integer('unhealthy-threshold', POSITIVE),
    matcher: flags.text('matcher'),
  };
}

function attributesOf(flags: Flags): Record<string, string> {
  const attributes = flags.record('attribute');
  const delay = flags.integer('deregistration-delay', { min: 0, max: 3600 });
  return delay === undefined
    ? attributes
    : { ...attributes, 'deregistration_delay.timeout_seconds': String(delay) };
}

/** HOST, 10.0.0.9, 10.0.0.9:8080, [fd00::1]:8080 */
function targetOf(text: string): TargetReference {
  const [, inside, bracketed] = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? [];
  if (inside !== undefined) {
    return { id: inside, port: bracketed === undefined ? undefined : Number(bracketed) };
  }
  const [, id, port] = /^([^:]+):(\d{1,5})$/.exec(text) ?? [];
  return id === undefined ? { id: text } : { id, port: Number(port) };
}

export const handlers: Handlers = {
  'target-group create': async (context) => {
    const { flags } = context;
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.CreateTargetGroup({
      name: argument(context, 0),
      protocol: flags.word('protocol', ['HTTP', 'HTTPS', 'TCP', 'TLS']),
      protocolVersion: flags.word('protocol-version', ['HTTP1', 'HTTP2', 'GRPC']),
      port: flags.integer('port', PORT),
      targetType: flags.word('target-type', ['instance', 'ip']),
      healthCheck: healthCheckOf(flags),
      attributes: attributesOf(flags),
      tags: flags.pairs('tag'),
    });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `created target group ${answer.targetGroup?.targetGroupName ?? ''}`);
    }
    return undefined;
  },

  'target-group modify': async (context) => {
    const { flags } = context;
    const { loadBalancing } = await context.api();
    const { targetGroupName } = await describe(context, argument(context, 0));
    const answer = await loadBalancing.ModifyTargetGroup({
      targetGroup: targetGroupName,
      healthCheck: healthCheckOf(flags),
      attributes: attributesOf(flags),
    });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `modified target group ${targetGroupName}`);
    }
    return undefined;
  },

  'target-group register': async (context) => {
    const { loadBalancing } = await context.api();
    const targetGroup = argument(context, 0);
    const targets = context.positionals.slice(1).map(targetOf);
    const answer = await loadBalancing.RegisterTargets({ targetGroup, targets });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `registered ${count(targets.length, 'target')}`);
    }
    return undefined;
  },

  'target-group deregister': async (context) => {
    const { loadBalancing } = await context.api();
    const targetGroup = argument(context, 0);
    const targets = context.positionals.slice(1).map(targetOf);
    const answer = await loadBalancing.DeregisterTargets({ targetGroup, targets });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `deregistered ${count(targets.length, 'target')}`);
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
          ['Protocol', [group.protocol, group.protocolVersion].filter(Boolean).join(' ')],
          ['Targets', group.targetType],
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
