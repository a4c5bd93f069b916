// What the console's page shows, gathered over the same gRPC API that everybody uses. Reads only.
import type { Host, Service, Task } from '@berth/model/generated/messages.ts';
import type { Client } from '@berth/rpc/api.ts';

export interface Overview {
  readonly cluster: string;
  readonly hosts: readonly Host[];
  readonly services: readonly Service[];
  readonly tasks: readonly Task[];
}

type Ecs = Client<'Ecs'>;

const DESCRIBE_AT_ONCE = { services: 10, tasks: 100, hosts: 100 } as const;
/** A page of a browser is no place for more; the command line lists all. */
const SHOWN_AT_MOST = 500;

/** One cluster's hosts, services and tasks. @throws BerthError as the api does */
export async function readOverview(
  ecs: Ecs,
  cluster: string,
  signal: AbortSignal,
): Promise<Overview> {
  const options = { signal };
  const [hostArns, serviceArns, taskArns] = await Promise.all([
    collect(async (nextToken) => {
      const page = await ecs.ListHosts({ cluster, maxResults: 100, nextToken }, options);
      return { arns: page.containerInstanceArns, nextToken: page.nextToken };
    }),
    collect(async (nextToken) => {
      const page = await ecs.ListServices({ cluster, maxResults: 100, nextToken }, options);
      return { arns: page.serviceArns, nextToken: page.nextToken };
    }),
    collect(async (nextToken) => {
      const page = await ecs.ListTasks({ cluster, maxResults: 100, nextToken }, options);
      return { arns: page.taskArns, nextToken: page.nextToken };
    }),
  ]);
  const [hosts, services, tasks] = await Promise.all([
    inBatches(hostArns, DESCRIBE_AT_ONCE.hosts, async (arns) => {
      return (await ecs.DescribeHosts({ cluster, hosts: arns }, options)).hosts;
    }),
    inBatches(serviceArns, DESCRIBE_AT_ONCE.services, async (arns) => {
      return (await ecs.DescribeServices({ cluster, services: arns }, options)).services;
    }),
    inBatches(taskArns, DESCRIBE_AT_ONCE.tasks, async (arns) => {
      return (await ecs.DescribeTasks({ cluster, tasks: arns }, options)).tasks;
    }),
  ]);
  return { cluster, hosts, services, tasks };
}

interface Page {
  readonly arns: readonly string[];
  readonly nextToken?: string | undefined;
}

async function collect(
  readPage: (nextToken: string | undefined) => Promise<Page>,
): Promise<string[]> {
  const arns: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await readPage(nextToken);
    arns.push(...page.arns);
    nextToken = page.nextToken;
  } while (nextToken !== undefined && arns.length < SHOWN_AT_MOST);
  return arns.slice(0, SHOWN_AT_MOST);
}

async function inBatches<T>(
  arns: readonly string[],
  size: number,
  describe: (arns: readonly string[]) => Promise<readonly T[]>,
): Promise<T[]> {
  const found: T[] = [];
  for (let start = 0; start < arns.length; start += size) {
    found.push(...(await describe(arns.slice(start, start + size))));
  }
  return found;
}
