import type { LogChunk } from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { paint, paintName } from '../output/style.ts';
import { parseDuration } from '../output/text.ts';

const TASK_ID = /^[0-9a-f]{4,32}$/;
const SHOWN = 8;
const LINES_MAX = 100_000;

export const handlers: Handlers = {
  logs: async (context) => {
    const { flags, terminal, signal } = context;
    const { operations } = await context.api();
    const subject = await subjectOf(context, argument(context, 0));
    const stream = operations.StreamLogs(
      {
        cluster: context.cluster,
        ...subject,
        container: flags.text('container'),
        follow: flags.on('follow'),
        tail: flags.integer('tail', { min: 0, max: LINES_MAX }),
        since: sinceOf(context),
        timestamps: flags.on('timestamps'),
      },
      { signal },
    );
    const single = 'task' in subject;
    for await (const chunk of stream) {
      terminal.write(
        flags.on('json') ? `${JSON.stringify(chunk)}\n` : textOf(chunk, single, context),
      );
      await terminal.drained();
    }
    return undefined;
  },
};

/** A chunk's lines, each with the name of its task and container; the container alone for a single task. */
function textOf(
  { taskId, container, stream, lines }: LogChunk,
  single: boolean,
  context: Context,
): string {
  const { color } = context.terminal;
  const name = single ? container : `${taskId.slice(0, SHOWN)} ${container}`;
  const prefix = paintName(color, name, `${name} |`);
  return lines
    .map((line) => `${prefix} ${stream === 'stderr' ? paint(color, 'warn', line) : line}\n`)
    .join('');
}

/** A service of that name, else the task whose id begins so. @throws CommandError when there is neither */
async function subjectOf(
  context: Context,
  name: string,
): Promise<{ task: string } | { service: string }> {
  const { ecs } = await context.api();
  const { cluster } = context;
  const found = await ecs.DescribeServices({ cluster, services: [name] });
  if (found.services.some(({ status }) => status !== 'INACTIVE')) return { service: name };
  if (name.startsWith('arn:') || TASK_ID.test(name)) {
    const { tasks, failures } = await ecs.DescribeTasks({ cluster, tasks: [name] });
    if (tasks.length > 0) return { task: name };
    if (failures[0]?.detail) {
      throw new CommandError(exitCodes.notFound, failures[0].detail, { next: 'berth task list' });
    }
  }
  throw new CommandError(
    exitCodes.notFound,
    `there is neither a service nor a task "${name}" in cluster "${cluster}"`,
    { next: 'berth service list; berth task list' },
  );
}

function sinceOf({ flags, clock }: Context): number | undefined {
  const text = flags.text('since');
  if (text === undefined) return undefined;
  const ago = parseDuration(text);
  const at = ago === undefined ? Date.parse(text) : clock.now() - ago;
  if (Number.isFinite(at)) return Math.round(at);
  throw flags.wrong(
    `--since must be a duration such as 10m or a time such as 2026-01-31T12:00:00Z, found "${text}"`,
  );
}
