import { isBerthError } from '@berth/model/errors.ts';
import type {
  ExplainPlacementResponse,
  HostVerdict,
  PlacementConstraint,
  PlacementStrategy,
  Resources,
  Service,
  ServiceProgress,
  TaskProgress,
  UnplacedTask,
} from '@berth/model/generated/messages.ts';

import { argument, type Context, type Handlers, printedAsJson } from '../context.ts';
import { paint } from '../output/style.ts';
import { type Column, facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { absolute, count, lastOf } from '../output/text.ts';
import { placementOf } from '../placement-flags.ts';
import { describeService } from '../queries.ts';

export const handlers: Handlers = {
  'explain service': async (context) => {
    const { cluster, signal, terminal } = context;
    const service = argument(context, 0);
    const { ecs, operations } = await context.api();
    const answer = await operations.ExplainPlacement({ cluster, service }, { signal });
    if (printedAsJson(context, answer)) return undefined;
    const described = await describeService(ecs, cluster, service);
    const waitsFor = waitingFor(described, await progressNow(context, service));
    const title = `One more task of service ${described.serviceName}`;
    for (const line of [...explanation(title, answer, context), '', ...waitsFor]) {
      say(terminal, line);
    }
    return undefined;
  },

  'explain task': async (context) => {
    const answer = await askAboutTask(context);
    if (printedAsJson(context, answer)) return undefined;
    const { task } = answer;
    const title = task ? `Task ${lastOf(task.taskArn)}, placed anew` : 'A task, started now';
    for (const line of explanation(title, answer, context)) say(context.terminal, line);
    return undefined;
  },
};

const TASK_ID = /^([0-9a-f]{1,32}|arn:[^:]*:ecs:[^:]*:[^:]*:task\/.*)$/;

/** What may be the beginning of an id is first looked for among tasks, unless flags say how it would be started. */
async function askAboutTask(context: Context): Promise<ExplainPlacementResponse> {
  const { cluster, flags, signal } = context;
  const { operations } = await context.api();
  const text = argument(context, 0);
  const how = { ...placementOf(flags), group: flags.text('group') };
  const started = Object.values(how).some((value) => value !== undefined);
  if (!started && TASK_ID.test(text)) {
    try {
      return await operations.ExplainPlacement({ cluster, task: text }, { signal });
    } catch (error) {
      const unknown =
        isBerthError(error, 'InvalidParameterException') && error.message.includes('not found');
      if (!unknown) throw error;
    }
  }
  const run = { cluster, taskDefinition: text, ...how };
  return operations.ExplainPlacement({ cluster, run }, { signal });
}

function explanation(title: string, answer: ExplainPlacementResponse, context: Context): string[] {
  const { color, width } = context.terminal;
  const { hosts, servedHostIds, remedy, decision } = answer;
  const verdicts = hosts.length > 0 ? ['', ...table(COLUMNS, hosts, { width, color })] : [];
  const served = servedHostIds.length;
  return [
    paint(color, 'strong', title),
    ...facts(
      [
        ['Definition', answer.taskDefinition],
        ['Asks for', asked(answer.asked)],
        ['Constraints', constraintsText(answer)],
        ['Strategy', strategyText(answer.placementStrategy, answer.group)],
        ['Runs on', whereIs(answer)],
        [
          'Placed by',
          decision &&
            `decision ${decision.id} at ${absolute(decision.createdAt)} (berth replay ${decision.id})`,
        ],
      ],
      color,
    ),
    ...verdicts,
    '',
    ...(served > 0
      ? [`${count(served, 'host')} ${served === 1 ? 'has its' : 'have their'} task already.`]
      : []),
    ...(hosts.length === 0 && served > 0 ? [] : [outcome(answer)]),
    ...(remedy ? [`Smallest change: ${remedy.text}`] : []),
  ];
}

const COLUMNS: readonly Column<HostVerdict>[] = [
  { title: 'HOST', value: ({ hostName }) => hostName, shrinksTo: 16 },
  { title: 'VERDICT', value: ({ fits, reason }) => (fits ? 'fits' : (reason ?? '?')) },
  { title: 'WHY', value: ({ detail }) => detail ?? '' },
];

function asked(resources: Resources | undefined): string {
  const { cpu = 0, memory = 0, ports = [], portsUdp = [], gpus = 0 } = resources ?? {};
  const fixed = [...ports.map((port) => `${port}/tcp`), ...portsUdp.map((port) => `${port}/udp`)];
  return [
    `${cpu} CPU units`,
    `${memory} MiB`,
    ...(gpus > 0 ? [count(gpus, 'GPU')] : []),
    ...(fixed.length > 0 ? [`host ports ${fixed.join(', ')}`] : []),
  ].join(', ');
}

function constraintsText(answer: ExplainPlacementResponse): string {
  const texts = answer.placementConstraints.map(constraintText);
  if (answer.rulesForgotten) texts.push('those of the call that started it are not known any more');
  return texts.length > 0 ? texts.join('; ') : 'none';
}

function constraintText({ type, expression }: PlacementConstraint): string {
  return expression === undefined || expression === '' ? type : `${type} ${expression}`;
}

function strategyText(strategies: readonly PlacementStrategy[], group: string): string {
  if (strategies.length > 0) {
    return strategies
      .map(({ type, field }) => (field ? `${type}(${field})` : type))
      .join(', then ');
  }
  return group.startsWith('service:')
    ? 'spread over zones, then over hosts (default of services)'
    : 'random (default)';
}

function whereIs({ task, hosts }: ExplainPlacementResponse): string | undefined {
  if (!task) return undefined;
  const id = lastOf(task.containerInstanceArn);
  const verdict = hosts.find(({ hostId }) => hostId === id);
  const again = verdict === undefined ? '' : verdict.fits ? '' : ', which would not take it now';
  return `${task.hostName} (${task.lastStatus})${again}`;
}

function outcome({ hosts, unplaced }: ExplainPlacementResponse): string {
  if (hosts.length === 0) return 'There is no host.';
  const fitting = hosts.filter(({ fits }) => fits).length;
  if (fitting > 0) return `${fitting} of ${count(hosts.length, 'host')} would take it.`;
  return `No host would take it: ${refusalsText(unplaced)}.`;
}

/** "2 hosts MEMBER_OF, 1 host DRAINING" */
export function refusalsText(unplaced: UnplacedTask | undefined): string {
  const refusals = unplaced?.refusals ?? [];
  if (refusals.length === 0) return 'there is none';
  return refusals.map(({ reason, hosts }) => `${count(hosts, 'host')} ${reason}`).join(', ');
}

async function progressNow(
  context: Context,
  service: string,
): Promise<ServiceProgress | undefined> {
  const { cluster, signal } = context;
  const { operations } = await context.api();
  for await (const progress of operations.WatchService({ cluster, service }, { signal })) {
    return progress;
  }
  return undefined;
}

const STEPS: readonly (readonly [TaskProgress['step'], one: string, many: string])[] = [
  ['pull', 'fetches its image', 'fetch their images'],
  ['start', 'starts', 'start'],
  ['health', 'is not healthy yet', 'are not healthy yet'],
  ['drain', 'finishes its requests', 'finish their requests'],
  ['stop', 'stops', 'stop'],
];

/** The state of the newest deployment, and what it waits for. */
function waitingFor(service: Service, progress: ServiceProgress | undefined): string[] {
  const [primary] = service.deployments;
  if (!primary) return ['No deployment has begun.'];
  const { id, rolloutState, runningCount, desiredCount } = primary;
  const lines = [
    `Deployment ${id} is ${rolloutState}: ${runningCount} of ${count(desiredCount, 'task')} run.`,
  ];
  const tasks = progress?.tasks ?? [];
  for (const [step, one, many] of STEPS) {
    const there = tasks.filter((task) => task.step === step);
    if (there.length === 0) continue;
    const detail = there.map((task) => task.detail).find((text) => text);
    const verb = there.length === 1 ? one : many;
    lines.push(
      `  ${count(there.length, 'task')} ${verb}${detail === undefined ? '' : `: ${detail}`}`,
    );
  }
  const known = tasks.filter(
    ({ step, deploymentId }) => deploymentId === id && !['drain', 'stop', 'stopped'].includes(step),
  );
  const missing = desiredCount - known.length;
  if (missing > 0) {
    const [event] = service.events.filter(({ message }) => message.includes('unable to place'));
    lines.push(`  ${count(missing, 'task')} ${missing === 1 ? 'has' : 'have'} no host yet`);
    if (event) lines.push(`  last said: ${event.message}`);
  }
  return lines;
}
