import type { Cluster } from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { say } from '../output/terminal.ts';
import { facts, table } from '../output/table.ts';
import { describeCluster, listClusters } from '../queries.ts';

export function clusterTable(clusters: readonly Cluster[], context: Context): string[] {
  const { width, color } = context.terminal;
  return table<Cluster>(
    [
      { title: 'CLUSTER', value: ({ clusterName }) => clusterName, shrinksTo: 12 },
      { title: 'STATUS', value: ({ status }) => status, style: 'status' },
      { title: 'HOSTS', value: (row) => row.registeredContainerInstancesCount, align: 'right' },
      { title: 'SERVICES', value: (row) => row.activeServicesCount, align: 'right' },
      { title: 'RUNNING', value: (row) => row.runningTasksCount, align: 'right' },
      { title: 'PENDING', value: (row) => row.pendingTasksCount, align: 'right' },
    ],
    clusters,
    { width, color },
  );
}

export const handlers: Handlers = {
  'cluster create': async (context) => {
    const { ecs } = await context.api();
    const { cluster } = await ecs.CreateCluster({
      clusterName: context.positionals[0],
      tags: context.flags.pairs('tag'),
    });
    if (!printedAsJson(context, { cluster }))
      say(context.terminal, `created cluster ${cluster?.clusterName ?? ''}`);
    return undefined;
  },

  'cluster list': async (context) => {
    const { ecs } = await context.api();
    return show(
      context,
      async () => ({ clusters: await listClusters(ecs) }),
      ({ clusters }) => clusterTable(clusters, context),
    );
  },

  'cluster show': async (context) => {
    const { ecs } = await context.api();
    const cluster = await describeCluster(ecs, context.positionals[0] ?? context.cluster);
    if (printedAsJson(context, { clusters: [cluster] })) return undefined;
    const lines = facts(
      [
        ['Cluster', cluster.clusterName],
        ['Status', cluster.status],
        ['Hosts', cluster.registeredContainerInstancesCount],
        ['Services', cluster.activeServicesCount],
        ['Tasks', `${cluster.runningTasksCount} running, ${cluster.pendingTasksCount} pending`],
        ['Tags', cluster.tags.map(({ key, value }) => `${key}=${value}`).join(', ')],
        ['ARN', cluster.clusterArn],
      ],
      context.terminal.color,
    );
    for (const line of lines) say(context.terminal, line);
    return undefined;
  },

  'cluster delete': async (context) => {
    const name = argument(context, 0);
    const { ecs } = await context.api();
    await describeCluster(ecs, name);
    await confirm(context, `Delete cluster ${name}?`);
    const { cluster } = await ecs.DeleteCluster({ cluster: name });
    if (!printedAsJson(context, { cluster })) say(context.terminal, `deleted cluster ${name}`);
    return undefined;
  },
};
