// The sample service behind its path rule, brought to where it should be: what is stored already stays as it is.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isBerthError } from '@berth/model/errors.ts';
import type { Listener, Service } from '@berth/model/generated/messages.ts';

import { CHECKOUT } from '../cluster-file.ts';
import type { Api } from '../connection.ts';
import type { Context } from '../context.ts';
import { readMessage } from '../json-file.ts';
import { count } from '../output/text.ts';
import { type ProgressState, advance } from '../progress/model.ts';
import { verdictOf } from '../progress/verdict.ts';

const NAME = 'hello';
const TASKS = 4;
const PATH = '/hello*';
const PORT = 8080;
const STEADY_MS = 180_000;

export interface SampleGround {
  readonly api: Api;
  readonly cluster: string;
  readonly dataDirectory: string;
  readonly httpPort: number;
}

/** The latest revision of the sample; registered if there is none. @returns words for people */
export async function ensureTaskDefinition({ ecs }: Api): Promise<string> {
  const { taskDefinitionArns } = await ecs.ListTaskDefinitions({
    familyPrefix: NAME,
    status: 'ACTIVE',
    sort: 'DESC',
    maxResults: 1,
  });
  const latest = taskDefinitionArns[0]?.split('/').at(-1);
  if (latest !== undefined) return `${latest} is the latest`;
  const request = await readMessage(
    'RegisterTaskDefinitionRequest',
    join(CHECKOUT, 'deploy/sample/hello.json'),
  );
  const { taskDefinition } = await ecs.RegisterTaskDefinition(request);
  return `registered ${NAME}:${taskDefinition?.revision ?? '?'}`;
}

/** Target group, listener and rule. @returns words for people */
export async function ensureRouting(ground: SampleGround): Promise<string> {
  const { loadBalancing } = ground.api;
  await unless(
    () => loadBalancing.DescribeTargetGroups({ targetGroups: [NAME] }),
    ({ targetGroups }) => targetGroups.length > 0,
    () =>
      loadBalancing.CreateTargetGroup({
        name: NAME,
        healthCheck: {
          path: `/${NAME}/health`,
          intervalSeconds: 5,
          timeoutSeconds: 2,
          healthyThresholdCount: 2,
          unhealthyThresholdCount: 2,
        },
        attributes: { 'deregistration_delay.timeout_seconds': '10' },
      }),
  );
  const listener = await ensureListener(ground);
  const { rules } = await loadBalancing.DescribeRules({ listener: listener.listenerId });
  const routed = rules.some(({ conditions }) =>
    conditions.some(({ field, values }) => field === 'path-pattern' && values.includes(PATH)),
  );
  if (!routed) {
    const taken = new Set(rules.map(({ priority }) => priority));
    let priority = 10;
    while (taken.has(String(priority))) priority += 1;
    await loadBalancing.CreateRule({
      listener: listener.listenerId,
      priority,
      conditions: [{ field: 'path-pattern', values: [PATH] }],
      actions: [{ type: 'forward', forward: { targetGroups: [{ targetGroupArn: NAME }] } }],
    });
  }
  return `port ${listener.port} ${PATH} to target group ${NAME}`;
}

/** The listener on the wanted port; the one that an earlier start made moves there. */
export async function ensureListener(ground: SampleGround): Promise<Listener> {
  const { loadBalancing } = ground.api;
  const note = join(ground.dataDirectory, 'listener-id');
  const noted = (await readFile(note, 'utf8').catch(() => '')).trim();
  const { listeners } = await loadBalancing.DescribeListeners({});
  const there = listeners.find(({ port }) => port === ground.httpPort);
  if (there) return there;
  const former = listeners.find(({ listenerId }) => listenerId === noted);
  const { listener } = former
    ? await loadBalancing.ModifyListener({ listener: noted, port: ground.httpPort })
    : await loadBalancing.CreateListener({
        port: ground.httpPort,
        defaultActions: [
          {
            type: 'fixed-response',
            fixedResponse: {
              statusCode: '404',
              contentType: 'text/plain',
              messageBody: 'No rule of this listener matches the request.\n',
            },
          },
        ],
      });
  if (!listener) throw new Error('the api answered without a listener');
  await writeFile(note, `${listener.listenerId}\n`);
  return listener;
}

/** The service; made if there is none. */
export async function ensureService({ api, cluster }: SampleGround): Promise<Service> {
  const { services } = await api.ecs.DescribeServices({ cluster, services: [NAME] });
  const there = services.find(({ status }) => status === 'ACTIVE');
  if (there) return there;
  const { service } = await api.ecs.CreateService({
    cluster,
    serviceName: NAME,
    taskDefinition: NAME,
    desiredCount: TASKS,
    loadBalancers: [{ targetGroupArn: NAME, containerName: NAME, containerPort: PORT }],
  });
  if (!service) throw new Error('the api answered without a service');
  return service;
}

/** Wait until every task of the service serves. @returns words for people, which say so if it does not get there */
export async function untilSteady(
  context: Pick<Context, 'clock' | 'signal'>,
  { api, cluster }: SampleGround,
  service: Service,
): Promise<string> {
  const deploymentId = service.deployments[0]?.id ?? '';
  const limit = AbortSignal.timeout(STEADY_MS);
  const signal = AbortSignal.any([context.signal, limit]);
  let state: ProgressState | undefined;
  const request = { cluster, service: service.serviceName };
  try {
    for await (const progress of api.operations.WatchService(request, { signal })) {
      state = advance(state, deploymentId, progress).state;
      const verdict = verdictOf(state, state.at);
      const tasks = count(state.service.desiredCount, 'task');
      if (verdict.kind === 'done') return `steady: ${tasks} healthy behind the proxy`;
      if (verdict.kind === 'failed') return `NOT healthy: ${verdict.reason}${lastReason(state)}`;
    }
  } catch (error) {
    context.signal.throwIfAborted();
    if (!limit.aborted && !isBerthError(error)) throw error;
  }
  return `NOT healthy after ${STEADY_MS / 1000} s${state ? lastReason(state) : ''}`;
}

function lastReason(state: ProgressState): string {
  const last = [...state.troubles.values()].at(-1);
  const why = last ? `task ${last.taskId.slice(0, 8)}: ${last.reason}` : state.unplaced;
  return why ? `; ${why}` : '';
}

/** Make what is not there. A read that finds nothing may say so with an error. */
async function unless<T>(
  read: () => Promise<T>,
  exists: (found: T) => boolean,
  make: () => Promise<unknown>,
): Promise<void> {
  try {
    if (exists(await read())) return;
  } catch (error) {
    if (!isBerthError(error, 'TargetGroupNotFound')) throw error;
  }
  await make();
}
