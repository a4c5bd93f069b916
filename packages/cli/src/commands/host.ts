import type { Host } from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { age, shortener } from '../output/text.ts';
import { describeHost, listHosts, listTasks, refuseFailures } from '../queries.ts';
import { taskTable } from './task-view.ts';

export function hostTable(hosts: readonly Host[], context: Context): string[] {
  const { width, color } = context.terminal;
  const short = shortener(hosts.map(({ hostId }) => hostId));
  return table<Host>(
    [
      { title: 'HOST', value: ({ hostId }) => short(hostId), style: 'accent' },
      { title: 'NAME', value: ({ name }) => name, shrinksTo: 8 },
      { title: 'STATUS', value: ({ status }) => status, style: 'status' },
      {
        title: 'AGENT',
        value: ({ agentConnected }) => (agentConnected ? 'yes' : 'no'),
        style: 'status',
      },
      { title: 'TASKS', value: (row) => row.runningTasksCount, align: 'right' },
      { title: 'PENDING', value: (row) => row.pendingTasksCount, align: 'right' },
      {
        title: 'CPU FREE',
        value: (row) => ofTotal(row.remainingResources?.cpu, row.registeredResources?.cpu),
        align: 'right',
      },
      {
        title: 'MIB FREE',
        value: (row) => ofTotal(row.remainingResources?.memory, row.registeredResources?.memory),
        align: 'right',
      },
    ],
    hosts,
    { width, color },
  );
}

function ofTotal(free: number | undefined, total: number | undefined): string {
  return `${free ?? 0}/${total ?? 0}`;
}

/** Undefined where it has none. */
function gpusFree({
  remainingResources: free,
  registeredResources: all,
}: Host): string | undefined {
  if (!all || all.gpuIds.length === 0) return undefined;
  const ids = free?.gpuIds ?? [];
  return `${ofTotal(ids.length, all.gpuIds.length)} ${ids.join(' ')}`.trimEnd();
}

/** Those that people set or ask for; what its engine can do is left to --json. */
function attributesOf({ attributes }: Host): string {
  return attributes
    .filter(({ name }) => !/^(com\.amazonaws\.)?ecs\.capability\./.test(name))
    .map(({ name, value }) => (value ? `${name}=${value}` : name))
    .join(', ');
}

async function setState(context: Context, status: 'ACTIVE' | 'DRAINING'): Promise<undefined> {
  const { ecs } = await context.api();
  const { hosts, failures } = await ecs.UpdateHostsState({
    cluster: context.cluster,
    hosts: context.positionals,
    status,
  });
  if (!printedAsJson(context, { hosts, failures })) {
    for (const host of hosts) {
      const what =
        status === 'ACTIVE'
          ? 'takes tasks again'
          : `drains: ${host.runningTasksCount} running tasks move elsewhere`;
      say(context.terminal, `host ${host.name} ${what}`);
    }
  }
  refuseFailures(failures, `the state of these hosts was not changed to ${status}`);
  return undefined;
}

export const handlers: Handlers = {
  'host list': async (context) => {
    const { ecs } = await context.api();
    const filter = {
      filter: context.flags.text('filter'),
      status: context.flags.word('status', ['ACTIVE', 'DRAINING']),
    };
    return show(
      context,
      async () => ({ hosts: await listHosts(ecs, context.cluster, filter) }),
      ({ hosts }) => hostTable(hosts, context),
    );
  },

  'host show': async (context) => {
    const { ecs } = await context.api();
    const host = await describeHost(ecs, context.cluster, argument(context, 0));
    if (printedAsJson(context, { hosts: [host] })) return undefined;
    const tasks = await listTasks(ecs, context.cluster, { containerInstance: host.hostId });
    const { terminal, clock } = context;
    const free = host.remainingResources;
    const lines = [
      ...facts(
        [
          ['Host', host.name],
          ['Id', host.hostId],
          ['Status', host.status],
          [
            'Agent',
            `${host.agentConnected ? 'connected' : 'not connected'} (${host.agentVersion})`,
          ],
          ['Engine', host.engineVersion],
          ['Address', host.address],
          ['Registered', `${age(clock.now() - host.registeredAt)} ago`],
          ['CPU free', ofTotal(free?.cpu, host.registeredResources?.cpu)],
          ['MiB free', ofTotal(free?.memory, host.registeredResources?.memory)],
          ['GPUs free', gpusFree(host)],
          ['Ports in use', free?.ports.join(' ')],
          ['Attributes', attributesOf(host)],
        ],
        terminal.color,
      ),
      '',
      ...taskTable(tasks, context),
    ];
    for (const line of lines) say(terminal, line);
    return undefined;
  },

  'host drain': (context) => setState(context, 'DRAINING'),
  'host activate': (context) => setState(context, 'ACTIVE'),

  'host set-attribute': async (context) => {
    const { ecs } = await context.api();
    const [host = '', ...given] = context.positionals;
    const { attributes } = await ecs.PutAttributes({
      cluster: context.cluster,
      host,
      attributes: given.map((text) => {
        const [name = '', ...value] = text.split('=');
        return value.length > 0 ? { name, value: value.join('=') } : { name };
      }),
    });
    if (!printedAsJson(context, { attributes })) {
      for (const { name, value } of attributes)
        say(context.terminal, value ? `${name}=${value}` : name);
    }
    return undefined;
  },

  'host remove-attribute': async (context) => {
    const { ecs } = await context.api();
    const [host = '', ...names] = context.positionals;
    const answer = await ecs.DeleteAttributes({
      cluster: context.cluster,
      host,
      attributes: names.map((name) => ({ name })),
    });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `removed ${names.join(', ')} from host ${host}`);
    }
    return undefined;
  },

  'host remove': async (context) => {
    const { ecs } = await context.api();
    const host = await describeHost(ecs, context.cluster, argument(context, 0));
    await confirm(
      context,
      `Remove host ${host.name} (${host.hostId}) with ${host.runningTasksCount} running tasks?`,
    );
    const answer = await ecs.DeregisterHost({
      cluster: context.cluster,
      host: host.hostId,
      force: context.flags.on('force'),
    });
    if (!printedAsJson(context, answer)) say(context.terminal, `removed host ${host.name}`);
    return undefined;
  },
};
