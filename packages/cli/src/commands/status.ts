// A cluster at a glance. `berth dev` shows the same lines.
import type {
  GetInfoResponse,
  Host,
  Listener,
  Service,
  Task,
} from '@berth/model/generated/messages.ts';

import type { Api } from '../connection.ts';
import { type Context, type Handlers, show } from '../context.ts';
import { facts } from '../output/table.ts';
import { listHosts, listServices, listTasks } from '../queries.ts';
import { hostTable } from './host.ts';
import { serviceTable } from './service-view.ts';
import { taskTable } from './task-view.ts';

export interface Overview {
  readonly info: GetInfoResponse;
  readonly hosts: readonly Host[];
  readonly services: readonly Service[];
  readonly tasks: readonly Task[];
  readonly listeners: readonly Listener[];
}

export async function readOverview(api: Api, cluster: string): Promise<Overview> {
  const [info, hosts, services, tasks, { listeners }] = await Promise.all([
    api.operations.GetInfo({}),
    listHosts(api.ecs, cluster, {}),
    listServices(api.ecs, cluster),
    listTasks(api.ecs, cluster, {}),
    api.loadBalancing.DescribeListeners({}),
  ]);
  return { info, hosts, services, tasks, listeners };
}

export function overviewLines(overview: Overview, context: Context): string[] {
  const { info, hosts, services, tasks, listeners } = overview;
  const leader = (role: string): string => {
    const found = info.leaders.find((one) => one.role === role);
    return found ? found.holder : 'no leader';
  };
  return [
    ...facts(
      [
        ['Api', `${info.version} ${info.replica}`],
        ['Scheduler', leader('scheduler')],
        ['Controller', leader('controller')],
        ['Proxies', info.proxies.map(({ id }) => id).join(', ') || 'none'],
        ['Listeners', listeners.map(({ port }) => port).join(', ') || 'none'],
      ],
      context.terminal.color,
    ),
    '',
    ...hostTable(hosts, context),
    '',
    ...serviceTable(services, context),
    '',
    ...taskTable(tasks, context),
  ];
}

export const handlers: Handlers = {
  status: async (context) => {
    const api = await context.api();
    return show(
      context,
      () => readOverview(api, context.cluster),
      (overview) => overviewLines(overview, context),
    );
  },
};
