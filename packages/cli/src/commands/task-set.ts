import type { TaskSet } from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { age, lastOf } from '../output/text.ts';
import { loadBalancersOf } from '../rollout-flags.ts';

export const handlers: Handlers = {
  'task-set create': async (context) => {
    const { flags } = context;
    const taskDefinition = flags.text('task-definition');
    if (taskDefinition === undefined) throw flags.wrong('Missing --task-definition');
    const { ecs } = await context.api();
    const { taskSet } = await ecs.CreateTaskSet({
      ...of(context),
      taskDefinition,
      scale: scaleOf(context) ?? { value: 0 },
      loadBalancers: loadBalancersOf(flags),
      externalId: flags.text('external-id'),
      tags: flags.pairs('tag'),
    });
    return told(context, taskSet, 'created');
  },

  'task-set list': async (context) => {
    const { ecs } = await context.api();
    return show(
      context,
      () => ecs.DescribeTaskSets(of(context)),
      ({ taskSets }) =>
        table<TaskSet>(
          [
            { title: 'TASK SET', value: ({ id }) => id, style: 'accent' },
            { title: 'STATUS', value: ({ status }) => status },
            { title: 'TASK DEFINITION', value: (set) => lastOf(set.taskDefinition) },
            { title: 'SCALE', value: ({ scale }) => `${scale?.value ?? 0} %`, align: 'right' },
            {
              title: 'TASKS',
              value: (set) => `${set.runningCount}/${set.computedDesiredCount}`,
              align: 'right',
            },
            { title: 'STABILITY', value: (set) => set.stabilityStatus },
            {
              title: 'AGE',
              value: ({ createdAt }) => age(context.clock.now() - createdAt),
              align: 'right',
            },
            { title: 'EXTERNAL ID', value: ({ externalId }) => externalId ?? '', shrinksTo: 12 },
          ],
          taskSets,
          context.terminal,
        ),
    );
  },

  'task-set update': async (context) => {
    const scale = scaleOf(context);
    if (!scale) throw context.flags.wrong('Missing --scale');
    const { ecs } = await context.api();
    const taskSet = await named(context);
    const answer = await ecs.UpdateTaskSet({ ...of(context), taskSet, scale });
    return told(context, answer.taskSet, 'scaled');
  },

  'task-set primary': async (context) => {
    const { ecs } = await context.api();
    const primaryTaskSet = await named(context);
    const answer = await ecs.UpdateServicePrimaryTaskSet({ ...of(context), primaryTaskSet });
    return told(context, answer.taskSet, 'now primary:');
  },

  'task-set delete': async (context) => {
    const { ecs } = await context.api();
    const taskSet = await named(context);
    await confirm(context, `Drain and delete task set ${taskSet}?`);
    const force = context.flags.on('force');
    const answer = await ecs.DeleteTaskSet({ ...of(context), taskSet, force });
    return told(context, answer.taskSet, 'draining');
  },
};

function of(context: Context): { readonly cluster: string; readonly service: string } {
  return { cluster: context.cluster, service: argument(context, 0) };
}

function scaleOf({ flags }: Context): { readonly value: number } | undefined {
  const text = flags.text('scale');
  if (text === undefined) return undefined;
  const value = Number(text.replace(/%$/, ''));
  if (text.trim() === '' || !(value >= 0 && value <= 100)) {
    throw flags.wrong(`--scale must be a number from 0 to 100, found "${text}"`);
  }
  return { value };
}

/** By id, ARN, or the beginning of its digits. @throws CommandError when none is meant, or several */
async function named(context: Context): Promise<string> {
  const text = argument(context, 1);
  if (!/^\d{1,18}$/.test(text)) return /^\d{19}$/.test(text) ? `ecs-svc/${text}` : text;
  const { ecs } = await context.api();
  const { taskSets } = await ecs.DescribeTaskSets(of(context));
  const found = taskSets.filter(({ id }) => lastOf(id).startsWith(text));
  const [set, ...others] = found;
  if (set && others.length === 0) return set.id;
  const service = argument(context, 0);
  const what = set
    ? `${found.length} task sets of service ${service} begin with "${text}"`
    : `service ${service} has no task set "${text}"`;
  throw new CommandError(set ? exitCodes.refused : exitCodes.notFound, what, {
    next: `berth task-set list ${service}`,
  });
}

function told(context: Context, set: TaskSet | undefined, what: string): number | undefined {
  if (!set) throw new Error('the api answered without a task set');
  if (!printedAsJson(context, { taskSet: set })) {
    const { id, computedDesiredCount, taskDefinition } = set;
    say(
      context.terminal,
      `${what} task set ${id} (${lastOf(taskDefinition)}, ${computedDesiredCount} tasks wanted)`,
    );
  }
  return undefined;
}
