// Commands that look into a lab, and `berth lab down`.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

import { type Context, type Handlers, argument, printedAsJson } from '../context.ts';
import { exitCodes } from '../failure.ts';
import { takeDown } from '../lab/down.ts';
import { type Lab, type NodeStatus, attachLab, nodeEnvironment } from '../lab/lab.ts';
import { asNode } from '../lab/namespace.ts';
import { DEFAULT_OPTIONS, type NodePlan } from '../lab/plan.ts';
import { needRoot } from '../lab/root.ts';
import { slownessText } from '../lab/slow.ts';
import { type Column, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { duration } from '../output/text.ts';
import { quoted } from './env.ts';

const TAIL_MAX = 1_000_000;
const TAIL = 50;

export const handlers: Handlers = {
  'lab ps': async (context) => {
    const lab = labOf(context);
    const status = await lab.status();
    if (printedAsJson(context, status.map(statusJson))) return undefined;
    for (const line of statusLines(status, context.terminal)) say(context.terminal, line);
    return undefined;
  },

  'lab shell': async (context) => {
    const lab = labOf(context);
    const node = lab.node(argument(context, 0));
    const shell = context.environment['SHELL'] ?? '/bin/sh';
    const command = context.rest.length > 0 ? context.rest : [shell];
    if (context.rest.length === 0) {
      say(context.terminal, `${node.name} at ${node.address}; exit leaves it`);
    }
    return await attached([...asNode(node.namespace, node.name), ...command], {
      ...lab.environment,
      ...nodeEnvironment(node),
    });
  },

  'lab logs': async (context) => {
    const lab = labOf(context);
    const { flags } = context;
    const node = lab.node(argument(context, 0));
    const wanted = flags.text('process');
    const names = node.processes.map(({ name }) => name);
    const files = names
      .filter((name) => wanted === undefined || name === wanted)
      .map((name) => lab.logFile(node.name, name));
    if (files.length === 0) {
      throw flags.wrong(`${node.name} has no ${wanted ?? ''}: it has ${names.join(', ')}`);
    }
    const lines = flags.integer('tail', { min: 0, max: TAIL_MAX }) ?? TAIL;
    const follow = flags.on('follow') ? ['-F'] : [];
    return await attached(['tail', '-n', String(lines), ...follow, ...files], {});
  },

  'lab env': (context) => {
    const { environment } = labOf(context);
    if (printedAsJson(context, environment)) return Promise.resolve(undefined);
    for (const [name, value] of Object.entries(environment)) {
      say(context.terminal, `export ${name}=${quoted(value)}`);
    }
    say(context.terminal, 'unset AWS_SESSION_TOKEN DOCKER_HOST');
    return Promise.resolve(undefined);
  },

  'lab down': async (context) => {
    const { terminal, clock } = context;
    const name = labName(context);
    needRoot();
    const begin = clock.monotonic();
    const { existed, problems } = await takeDown(name, clock);
    for (const problem of problems) terminal.complain(`could not be removed: ${problem}`);
    if (problems.length > 0) return exitCodes.failed;
    say(
      terminal,
      existed
        ? `lab "${name}" is taken down (${duration(clock.monotonic() - begin)})`
        : `there was no lab "${name}"`,
    );
    return undefined;
  },
};

export function labName({ flags }: Context): string {
  return flags.text('name') ?? DEFAULT_OPTIONS.name;
}

/** @throws CommandError when it is not up */
export function labOf(context: Context): Lab {
  return attachLab(labName(context), context.clock);
}

/** Run a program that has our terminal. @returns its exit code, that of a shell where a signal ended it */
async function attached(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** One line of `berth lab ps`: a node, and where it has several processes, one for each. */
interface Row {
  readonly status: NodeStatus;
  readonly process: NodeStatus['processes'][number];
  readonly first: boolean;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'NODE', value: ({ status, first }) => (first ? status.node.name : '') },
  { title: 'ADDRESS', value: ({ status, first }) => (first ? status.node.address : '') },
  { title: 'ZONE', value: ({ status, first }) => (first ? status.node.zone : '') },
  { title: 'TYPE', value: ({ status, first }) => (first ? (status.node.instanceType ?? '') : '') },
  { title: 'PROCESS', value: ({ process }) => process.name },
  { title: 'PID', value: ({ process }) => process.pid ?? '-', align: 'right' },
  { title: 'STATE', value: ({ process }) => process.state, style: 'status' },
  { title: 'TROUBLE', value: ({ status, first }) => (first ? trouble(status).join('; ') : '') },
];

/** The table of `berth lab ps`. Pure. */
export function statusLines(
  statuses: readonly NodeStatus[],
  options: { readonly width: number; readonly color: boolean },
): string[] {
  const rows = statuses.flatMap((status) =>
    status.processes.map((process, index) => ({ status, process, first: index === 0 })),
  );
  return table(COLUMNS, rows, options);
}

function trouble({ deafTo, slow, diskFull }: NodeStatus): string[] {
  return [
    ...(deafTo.length > 0 ? [`hears nothing from ${deafTo.join(' ')}`] : []),
    ...(slow ? [`slow: ${slownessText(slow)}`] : []),
    ...(diskFull ? ['disk full'] : []),
  ];
}

function statusJson({ node, processes, containers, deafTo, slow, diskFull }: NodeStatus): object {
  const { name, kind, address, zone, namespace }: NodePlan = node;
  const type = node.instanceType === undefined ? {} : { instanceType: node.instanceType };
  const engine = node.dockerHost === undefined ? {} : { dockerHost: node.dockerHost };
  const admin = node.admin === undefined ? {} : { admin: `http://${node.admin}` };
  return {
    ...{ name, kind, address, zone, namespace, ...type, ...engine, ...admin },
    ...{ processes, containers, deafTo, slow, diskFull },
  };
}
