// Lists and descriptions put together: pages are followed, batches kept to what one call may describe.
import type {
  Cluster,
  Failure,
  Host,
  Service,
  Task,
  TaskDefinition,
} from '@berth/model/generated/messages.ts';
import type { Client } from '@berth/rpc/api.ts';

import { CommandError, exitCodes } from './failure.ts';
import { lastOf } from './output/text.ts';

type Ecs = Client<'Ecs'>;

/** What one call may describe. */
const BATCH = { clusters: 100, services: 10, tasks: 100, hosts: 100 } as const;
const PAGE = 100;
const DEFINITIONS_AT_ONCE = 8;

interface Page {
  readonly nextToken?: string | undefined;
}

/** All pages of a list, in order. */
async function pages<P extends Page>(
  fetch: (nextToken: string | undefined) => Promise<P>,
): Promise<P[]> {
  const all: P[] = [];
  let token: string | undefined;
  do {
    const page = await fetch(token);
    all.push(page);
    token = page.nextToken;
  } while (token !== undefined);
  return all;
}

async function inBatches<T>(
  names: readonly string[],
  size: number,
  describe: (batch: readonly string[]) => Promise<readonly T[]>,
): Promise<T[]> {
  const all: T[] = [];
  for (let start = 0; start < names.length; start += size) {
    all.push(...(await describe(names.slice(start, start + size))));
  }
  return all;
}

export async function listClusters(ecs: Ecs): Promise<Cluster[]> {
  const found = await pages((nextToken) => ecs.ListClusters({ nextToken, maxResults: PAGE }));
  const arns = found.flatMap(({ clusterArns }) => clusterArns);
  const clusters = await inBatches(arns, BATCH.clusters, async (batch) => {
    return (await ecs.DescribeClusters({ clusters: batch })).clusters;
  });
  return clusters.sort((a, b) => (a.clusterName < b.clusterName ? -1 : 1));
}

export async function listServices(ecs: Ecs, cluster: string): Promise<Service[]> {
  const found = await pages((nextToken) =>
    ecs.ListServices({ cluster, nextToken, maxResults: PAGE }),
  );
  const arns = found.flatMap(({ serviceArns }) => serviceArns);
  const services = await inBatches(arns, BATCH.services, async (batch) => {
    return (await ecs.DescribeServices({ cluster, services: batch })).services;
  });
  return services.sort((a, b) => (a.serviceName < b.serviceName ? -1 : 1));
}

export interface TaskFilter {
  readonly serviceName?: string | undefined;
  readonly family?: string | undefined;
  readonly containerInstance?: string | undefined;
  readonly startedBy?: string | undefined;
  readonly desiredStatus?: 'RUNNING' | 'STOPPED' | undefined;
}

/** Oldest first. */
export async function listTasks(ecs: Ecs, cluster: string, filter: TaskFilter): Promise<Task[]> {
  const found = await pages((nextToken) =>
    ecs.ListTasks({ cluster, ...filter, nextToken, maxResults: PAGE }),
  );
  const arns = found.flatMap(({ taskArns }) => taskArns);
  const tasks = await inBatches(arns, BATCH.tasks, async (batch) => {
    return (await ecs.DescribeTasks({ cluster, tasks: batch })).tasks;
  });
  return tasks.sort((a, b) => a.createdAt - b.createdAt || (a.taskArn < b.taskArn ? -1 : 1));
}

export interface HostFilter {
  readonly filter?: string | undefined;
  readonly status?: 'ACTIVE' | 'DRAINING' | undefined;
}

export async function listHosts(ecs: Ecs, cluster: string, filter: HostFilter): Promise<Host[]> {
  const found = await pages((nextToken) =>
    ecs.ListHosts({ cluster, ...filter, nextToken, maxResults: PAGE }),
  );
  const arns = found.flatMap(({ containerInstanceArns }) => containerInstanceArns);
  const hosts = await inBatches(arns, BATCH.hosts, async (batch) => {
    return (await ecs.DescribeHosts({ cluster, hosts: batch })).hosts;
  });
  return hosts.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export interface DefinitionFilter {
  readonly familyPrefix?: string | undefined;
  readonly status: 'ACTIVE' | 'INACTIVE';
}

/** At most `PAGE` of them, newest revision of each family first. */
export async function listTaskDefinitions(
  ecs: Ecs,
  filter: DefinitionFilter,
): Promise<TaskDefinition[]> {
  const { taskDefinitionArns } = await ecs.ListTaskDefinitions({
    ...filter,
    sort: 'DESC',
    maxResults: PAGE,
  });
  return await inBatches(taskDefinitionArns, DEFINITIONS_AT_ONCE, async (batch) => {
    const answers = await Promise.all(
      batch.map((arn) => ecs.DescribeTaskDefinition({ taskDefinition: lastOf(arn) })),
    );
    return answers.flatMap(({ taskDefinition }) => taskDefinition ?? []);
  });
}

/** @throws CommandError when there is no such service */
export async function describeService(ecs: Ecs, cluster: string, name: string): Promise<Service> {
  const { services, failures } = await ecs.DescribeServices({ cluster, services: [name] });
  return onlyOne(services, failures, `service "${name}" in cluster "${cluster}"`, 'service');
}

/** @throws CommandError when there is no such task */
export async function describeTask(ecs: Ecs, cluster: string, id: string): Promise<Task> {
  const { tasks, failures } = await ecs.DescribeTasks({ cluster, tasks: [id] });
  return onlyOne(tasks, failures, `task "${id}" in cluster "${cluster}"`, 'task');
}

/** @throws CommandError when there is no such host */
export async function describeHost(ecs: Ecs, cluster: string, id: string): Promise<Host> {
  const { hosts, failures } = await ecs.DescribeHosts({ cluster, hosts: [id] });
  return onlyOne(hosts, failures, `host "${id}" in cluster "${cluster}"`, 'host');
}

/** @throws CommandError when there is no such cluster */
export async function describeCluster(ecs: Ecs, name: string): Promise<Cluster> {
  const { clusters, failures } = await ecs.DescribeClusters({
    clusters: [name],
    include: ['TAGS', 'SETTINGS', 'STATISTICS'],
  });
  return onlyOne(clusters, failures, `cluster "${name}"`, 'cluster');
}

function onlyOne<T>(
  found: readonly T[],
  failures: readonly Failure[],
  what: string,
  group: string,
): T {
  const [one] = found;
  if (one !== undefined) return one;
  const detail = failures[0]?.detail;
  throw new CommandError(exitCodes.notFound, `there is no ${what}${detail ? ` (${detail})` : ''}`, {
    next: `berth ${group} list`,
  });
}

/** @throws CommandError that names each failure; nothing for none */
export function refuseFailures(failures: readonly Failure[], attempted: string): void {
  if (failures.length === 0) return;
  const missing = failures.every(({ reason }) => reason === 'MISSING');
  const texts = failures.map(
    ({ arn, reason, detail }) =>
      `${arn ? `${lastOf(arn)}: ` : ''}${reason}${detail ? ` (${detail})` : ''}`,
  );
  throw new CommandError(
    missing ? exitCodes.notFound : exitCodes.notDeployed,
    `${attempted}: ${texts.join('; ')}`,
  );
}

/** All pages of a listing as one answer. @param member its list */
export async function allPages<K extends string, P extends Page & Record<K, readonly unknown[]>>(
  list: (page: Page) => Promise<P>,
  member: K,
): Promise<Pick<P, K>> {
  const found = await pages((nextToken) => list({ nextToken }));
  return { [member]: found.flatMap((page) => page[member]) } as unknown as Pick<P, K>;
}
