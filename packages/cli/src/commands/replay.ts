import type { HostRecord, ReplayPlacementResponse } from '@berth/model/generated/messages.ts';

import { argument, type Context, type Handlers, printedAsJson } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { type Column, facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { absolute, count } from '../output/text.ts';
import { refusalsText } from './explain-placement.ts';

export const handlers: Handlers = {
  replay: async (context) => {
    const { cluster, signal, terminal } = context;
    const { operations } = await context.api();
    const decision = argument(context, 0);
    const answer = await operations.ReplayPlacement({ cluster, decision }, { signal });
    if (!printedAsJson(context, answer))
      for (const line of replay(answer, context)) say(terminal, line);
    const { impossible, same } = answer;
    if (impossible !== undefined) throw new CommandError(exitCodes.notFound, impossible);
    if (same) return undefined;
    throw new CommandError(
      exitCodes.failed,
      'what comes out is not what was recorded: was it made by another version?',
    );
  },
};

function replay(answer: ReplayPlacementResponse, { terminal }: Context): string[] {
  const { decision, hostIds, hosts, impossible, same, unplaced } = answer;
  if (!decision) return [];
  const { color, width } = terminal;
  const known =
    decision.ownRevision === 0
      ? `revision ${decision.viewRevision}`
      : `revision ${decision.viewRevision}, and own tasks until ${decision.ownRevision}`;
  const about = facts(
    [
      ['Decision', decision.id],
      ['At', absolute(decision.createdAt)],
      ['For', decision.service === undefined ? decision.group : `service ${decision.service}`],
      ['Definition', decision.taskDefinition],
      ['Made from', known],
      ['Seed', decision.seed],
      ['Placed', `${decision.placed} of ${count(decision.count, 'task')}`],
    ],
    color,
  );
  if (impossible !== undefined) return about;
  const tally = new Map<string, number>();
  for (const id of hostIds) tally.set(id, (tally.get(id) ?? 0) + 1);
  const rows = hosts.map((host) => ({ host, tasks: tally.get(host.id) ?? 0 }));
  return [
    ...about,
    ...(rows.length > 0 ? ['', ...table(COLUMNS, rows, { width, color })] : []),
    ...(unplaced
      ? ['', `${count(unplaced.count, 'task')} found no host: ${refusalsText(unplaced)}`]
      : []),
    '',
    ...(same ? ['Made again, it is the same.'] : []),
  ];
}

const COLUMNS: readonly Column<{ readonly host: HostRecord; readonly tasks: number }>[] = [
  { title: 'HOST', value: ({ host }) => host.name, shrinksTo: 16 },
  { title: 'ZONE', value: ({ host }) => zone(host) },
  { title: 'TASKS', value: ({ tasks }) => tasks, align: 'right' },
];

function zone({ attributes }: HostRecord): string {
  return attributes.find(({ name }) => name === 'ecs.availability-zone')?.value ?? '-';
}
