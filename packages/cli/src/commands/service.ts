import type {
  CreateServiceRequest,
  Service,
  Task,
  UpdateServiceRequest,
} from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';

import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { registerWithImages } from '../image.ts';
import { readMessage } from '../json-file.ts';
import { say } from '../output/terminal.ts';
import { count, duration, lastOf } from '../output/text.ts';
import { placementOf } from '../placement-flags.ts';
import { DEFAULT_TIMEOUT_MS, followDeployment } from '../progress/follow.ts';
import { describeService, listServices, listTasks } from '../queries.ts';
import { loadBalancersOf, rolloutOf } from '../rollout-flags.ts';
import { serviceLines, serviceTable } from './service-view.ts';

const COUNT = { min: 0, max: 100_000 };
const DELETE_POLL_MS = 500;

/** Without members that are undefined, so that they do not hide those of a file. */
function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as Partial<T>;
}

async function createRequest(context: Context): Promise<Input<CreateServiceRequest>> {
  const { flags } = context;
  const path = flags.text('file');
  const file = path === undefined ? {} : await readMessage('CreateServiceRequest', path);
  const placement = placementOf(flags);
  const daemon = flags.on('daemon') || file.schedulingStrategy === 'DAEMON';
  const request: Input<CreateServiceRequest> = {
    ...file,
    ...defined({
      serviceName: context.positionals[0],
      taskDefinition: flags.text('task-definition'),
      desiredCount: flags.integer('count', COUNT) ?? file.desiredCount ?? (daemon ? undefined : 1),
      schedulingStrategy: flags.on('daemon') ? ('DAEMON' as const) : undefined,
      deploymentController: flags.on('external') ? { type: 'EXTERNAL' as const } : undefined,
      loadBalancers: loadBalancersOf(flags),
      healthCheckGracePeriodSeconds: flags.integer('grace-period', { min: 0, max: 2_147_483_647 }),
      tags: flags.texts('tag').length > 0 ? flags.pairs('tag') : undefined,
      ...placement,
    }),
    cluster: flags.text('cluster') ?? file.cluster ?? context.cluster,
    deploymentConfiguration: rolloutOf(flags, file.deploymentConfiguration),
  };
  if (!request.serviceName) throw flags.wrong('Missing NAME, or serviceName in the file');
  const external = request.deploymentController?.type === 'EXTERNAL';
  if (!request.taskDefinition && !external) {
    throw flags.wrong('Missing --task-definition, or taskDefinition in the file');
  }
  return request;
}

async function updateRequest(context: Context): Promise<Input<UpdateServiceRequest>> {
  const { flags } = context;
  const path = flags.text('file');
  const file = path === undefined ? {} : await readMessage('UpdateServiceRequest', path);
  const { placementConstraints, placementStrategy } = placementOf(flags);
  const loadBalancers = loadBalancersOf(flags);
  return {
    ...file,
    ...defined({
      desiredCount: flags.integer('count', COUNT),
      taskDefinition: flags.text('task-definition'),
      placementConstraints: placementConstraints && { items: placementConstraints },
      placementStrategy: placementStrategy && { items: placementStrategy },
      loadBalancers: loadBalancers && { items: loadBalancers },
      healthCheckGracePeriodSeconds: flags.integer('grace-period', { min: 0, max: 2_147_483_647 }),
      forceNewDeployment: flags.on('force-new-deployment') ? true : undefined,
    }),
    service: argument(context, 0),
    cluster: flags.text('cluster') ?? file.cluster ?? context.cluster,
    deploymentConfiguration: rolloutOf(flags, file.deploymentConfiguration),
  };
}

/** Send the update; follow what it starts. */
async function update(
  context: Context,
  request: Input<UpdateServiceRequest> & { readonly cluster: string; readonly service: string },
): Promise<number | undefined> {
  const { ecs } = await context.api();
  const before = await describeService(ecs, request.cluster, request.service);
  const answer = await ecs.UpdateService(request);
  if (!answer.service) throw new Error('UpdateService answered without a service');
  return await follow(context, answer.service, before);
}

/** Follow a service's newest deployment, unless --detach is given. */
async function follow(
  context: Context,
  service: Service,
  before: Service | undefined,
): Promise<number | undefined> {
  const { flags, terminal } = context;
  const { ecs } = await context.api();
  const cluster = lastOf(service.clusterArn);
  const [primary] = service.deployments;
  if (flags.on('detach') || !primary) {
    if (!printedAsJson(context, { service })) say(terminal, startedText(service, before));
    return undefined;
  }
  const { title, done } = wordsFor(service, before);
  const code = await followDeployment(context, {
    cluster,
    service: service.serviceName,
    deploymentId: primary.id,
    title,
    done,
    timeoutMs: flags.duration('timeout') ?? DEFAULT_TIMEOUT_MS,
  });
  if (flags.on('json')) {
    printedAsJson(context, { service: await describeService(ecs, cluster, service.serviceName) });
  }
  return code;
}

function startedText(service: Service, before: Service | undefined): string {
  const verb = before ? 'updating' : 'creating';
  const what = service.taskDefinition === '' ? 'task sets' : lastOf(service.taskDefinition);
  return `${verb} service ${service.serviceName} (${what}, ${count(service.desiredCount, 'task')})`;
}

function wordsFor(
  service: Service,
  before: Service | undefined,
): { readonly title: string; readonly done: string } {
  const now = lastOf(service.taskDefinition);
  const [primary] = service.deployments;
  if (!before) {
    return {
      title: `${count(service.desiredCount, 'task')} of ${now}`,
      done: `created ${service.serviceName} with ${count(service.desiredCount, 'task')} of ${now}`,
    };
  }
  if (primary?.id !== before.deployments[0]?.id) {
    const former = lastOf(before.taskDefinition);
    const title = former === now ? `every task of ${now} anew` : `${former} -> ${now}`;
    return { title, done: `deployed ${now}` };
  }
  const size = count(service.desiredCount, 'task');
  return before.desiredCount === service.desiredCount
    ? { title: `${size} of ${now}`, done: `${service.serviceName} is steady` }
    : { title: `${before.desiredCount} -> ${size}`, done: `scaled to ${size}` };
}

export const handlers: Handlers = {
  'service create': async (context) => {
    const request = await createRequest(context);
    const { ecs } = await context.api();
    const { service } = await ecs.CreateService(request);
    if (!service) throw new Error('CreateService answered without a service');
    return await follow(context, service, undefined);
  },

  'service update': async (context) => {
    const request = await updateRequest(context);
    const cluster = request.cluster ?? context.cluster;
    const service = argument(context, 0);
    const images = context.flags.texts('image');
    const taskDefinition =
      images.length > 0
        ? await registerWithImages(context, {
            cluster,
            service,
            from: request.taskDefinition,
            images,
          })
        : request.taskDefinition;
    return await update(context, { ...request, cluster, service, taskDefinition });
  },

  'service scale': async (context) => {
    const text = argument(context, 1);
    const desiredCount = Number(text);
    if (!/^\d+$/.test(text) || desiredCount > COUNT.max) {
      throw context.flags.wrong(
        `COUNT must be a whole number from 0 to ${COUNT.max}, found "${text}"`,
      );
    }
    return await update(context, {
      cluster: context.cluster,
      service: argument(context, 0),
      desiredCount,
    });
  },

  'service list': async (context) => {
    const { ecs } = await context.api();
    return show(
      context,
      async () => ({ services: await listServices(ecs, context.cluster) }),
      ({ services }) => serviceTable(services, context),
    );
  },

  'service show': async (context) => {
    const { ecs } = await context.api();
    const { cluster } = context;
    const name = argument(context, 0);
    const read = async (): Promise<{ services: Service[]; tasks: Task[] }> => {
      const service = await describeService(ecs, cluster, name);
      const tasks = await listTasks(ecs, cluster, { serviceName: service.serviceName });
      return { services: [service], tasks };
    };
    return show(context, read, ({ services, tasks }) =>
      services.flatMap((service) => serviceLines(service, tasks, context)),
    );
  },

  'service delete': async (context) => {
    const { ecs } = await context.api();
    const { cluster, flags, terminal } = context;
    const name = argument(context, 0);
    const before = await describeService(ecs, cluster, name);
    await confirm(
      context,
      `Delete service ${before.serviceName} and stop its ${count(before.runningCount, 'task')}?`,
    );
    const answer = await ecs.DeleteService({ cluster, service: name, force: flags.on('force') });
    if (flags.on('detach')) {
      if (!printedAsJson(context, answer)) say(terminal, `deleting service ${name}`);
      return undefined;
    }
    const service = await waitUntilGone(context, before.serviceName);
    if (!printedAsJson(context, { service })) say(terminal, `deleted service ${name}`);
    return undefined;
  },
};

/** Wait until the service's tasks have stopped. @throws CommandError after --timeout */
async function waitUntilGone(context: Context, name: string): Promise<Service | undefined> {
  const { clock, flags, signal } = context;
  const { ecs } = await context.api();
  const begin = clock.monotonic();
  const limit = flags.duration('timeout') ?? DEFAULT_TIMEOUT_MS;
  for (;;) {
    const { services } = await ecs.DescribeServices({ cluster: context.cluster, services: [name] });
    const [service] = services;
    if (!service || service.status === 'INACTIVE') return service;
    if (clock.monotonic() - begin > limit) {
      throw new CommandError(
        exitCodes.failed,
        `after ${duration(limit)} ${count(service.runningCount, 'task')} of ${name} still run`,
        { next: `berth task list --service ${name} --stopped` },
      );
    }
    await clock.sleep(DELETE_POLL_MS, signal);
  }
}
