import type {
  PredictedHost,
  PredictedService,
  PredictedTask,
  PredictPlacementRequest,
  PredictPlacementResponse,
} from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';

import { argument, type Context, type Handler, type Handlers, printedAsJson } from '../context.ts';
import { paint } from '../output/style.ts';
import { type Column, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { count } from '../output/text.ts';
import { refusalsText } from './explain-placement.ts';

type Wish = Pick<
  Input<PredictPlacementRequest>,
  'drain' | 'lose' | 'scale' | 'deploy' | 'rebalance'
>;

/** @param ask what to predict, and how to call it */
function predicting(ask: (context: Context) => readonly [Wish, title: string]): Handler {
  return async (context) => {
    const { cluster, signal, terminal } = context;
    const [wish, title] = ask(context);
    const { operations } = await context.api();
    const answer = await operations.PredictPlacement({ cluster, ...wish }, { signal });
    if (printedAsJson(context, answer)) return undefined;
    for (const line of prediction(title, answer, context)) say(terminal, line);
    return undefined;
  };
}

export const handlers: Handlers = {
  'whatif drain': predicting((context) => {
    const drain = argument(context, 0);
    return [{ drain }, `If host ${drain} were drained`];
  }),
  'whatif host-loss': predicting((context) => {
    const lose = context.positionals;
    const [noun, verb] = lose.length === 1 ? ['host', 'was'] : ['hosts', 'were'];
    return [{ lose }, `If ${noun} ${lose.join(', ')} ${verb} lost`];
  }),
  'whatif scale': predicting((context) => {
    const [service, desiredCount] = [argument(context, 0), countOf(context)];
    return [
      { scale: { service, desiredCount } },
      `If ${service} were scaled to ${count(desiredCount, 'task')}`,
    ];
  }),
  'whatif deploy': predicting((context) => {
    const [service, taskDefinition] = [argument(context, 0), argument(context, 1)];
    return [{ deploy: { service, taskDefinition } }, `If ${service} ran ${taskDefinition}`];
  }),
  'whatif rebalance': predicting((context) => {
    const [service] = context.positionals;
    const ontoHosts = context.flags.on('onto-hosts');
    const where = ontoHosts ? 'zones and hosts' : 'zones';
    const what = service ?? 'services that ask for it';
    return [{ rebalance: { service, ontoHosts } }, `If ${what} were balanced over ${where}`];
  }),
};

function countOf(context: Context): number {
  const text = argument(context, 1);
  const number = Number(text);
  if (/^\d+$/.test(text) && number <= 100_000) return number;
  throw context.flags.wrong(`COUNT must be a whole number from 0 to 100000, found "${text}"`);
}

function prediction(
  title: string,
  answer: PredictPlacementResponse,
  { terminal }: Context,
): string[] {
  const { color, width } = terminal;
  const look = { color, width };
  const { services, hosts, revision } = answer;
  const lines = [paint(color, 'strong', `${title} (by revision ${revision}; nothing is changed):`)];
  if (answer.tasks.length === 0) lines.push('', 'No task starts or stops.');
  if (services.length > 0) lines.push('', ...table(SERVICES, services, look));
  for (const { service, unplaced } of services) {
    if (!unplaced) continue;
    lines.push(
      `${service}: ${count(unplaced.count, 'task')} would find no host: ${refusalsText(unplaced)}`,
    );
  }
  if (answer.tasks.length > 0) lines.push('', ...table(MOVES, movesOf(answer.tasks), look));
  if (hosts.length > 0) lines.push('', ...table(HOSTS, hosts, look));
  lines.push('', ...notes(answer));
  return lines;
}

function notes({ exact, settled, staying, leftOut }: PredictPlacementResponse): string[] {
  const lines: string[] = [];
  if (staying > 0) {
    lines.push(
      `${count(staying, 'task')} outside of services would stay until somebody stops ${staying === 1 ? 'it' : 'them'}.`,
    );
  }
  if (!settled) lines.push('It did not come to rest: these are its first steps.');
  lines.push(
    exact
      ? 'Exact, as long as nothing else changes.'
      : 'Which host a task gets depends on which service is served first: this is one of the possible outcomes.',
  );
  if (leftOut.length > 0) {
    lines.push(`Left out, as if all went well and at once: ${leftOut.join(', ')}.`);
  }
  return lines;
}

const SERVICES: readonly Column<PredictedService>[] = [
  { title: 'SERVICE', value: ({ service }) => service, shrinksTo: 16 },
  { title: 'WANTED', value: ({ desiredCount }) => desiredCount, align: 'right' },
  { title: 'RUN NOW', value: ({ runningBefore }) => runningBefore, align: 'right' },
  { title: 'AT LEAST', value: ({ runningLeast }) => runningLeast, align: 'right' },
  { title: 'AFTER', value: ({ runningAfter }) => runningAfter, align: 'right' },
];

interface Move extends Omit<PredictedTask, 'taskId'> {
  readonly tasks: number;
}

/** Tasks of one step that do the same on one host are one line. */
function movesOf(tasks: readonly PredictedTask[]): Move[] {
  const moves = new Map<string, Move>();
  for (const task of tasks) {
    const { step, change, service = '', taskDefinition, hostId } = task;
    const key = [step, change, service, taskDefinition, hostId].join(' ');
    moves.set(key, { ...task, tasks: (moves.get(key)?.tasks ?? 0) + 1 });
  }
  return [...moves.values()];
}

const CHANGES = { START: 'start', STOP: 'stop', LOST: 'lost' } as const;

const MOVES: readonly Column<Move>[] = [
  { title: 'STEP', value: ({ step }) => step, align: 'right' },
  { title: 'CHANGE', value: ({ change }) => CHANGES[change] },
  { title: 'TASKS', value: ({ tasks }) => tasks, align: 'right' },
  { title: 'SERVICE', value: ({ service }) => service ?? '-', shrinksTo: 16 },
  { title: 'DEFINITION', value: ({ taskDefinition }) => taskDefinition, shrinksTo: 16 },
  { title: 'HOST', value: ({ hostName }) => hostName, shrinksTo: 16 },
  { title: 'ZONE', value: ({ zone }) => zone ?? '-', shrinksTo: 8 },
];

const HOSTS: readonly Column<PredictedHost>[] = [
  { title: 'HOST', value: ({ hostName }) => hostName, shrinksTo: 16 },
  { title: 'ZONE', value: ({ zone }) => zone ?? '-', shrinksTo: 8 },
  { title: 'TASKS', value: (host) => change(host.tasksBefore, host.tasksAfter) },
  { title: 'CPU FREE', value: (host) => change(host.cpuFreeBefore, host.cpuFreeAfter) },
  { title: 'MEMORY FREE', value: (host) => change(host.memoryFreeBefore, host.memoryFreeAfter) },
];

function change(before: number, after: number): string {
  return before === after ? String(before) : `${before} → ${after}`;
}
