import type { Task } from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { say } from '../output/terminal.ts';
import { count, duration, lastOf } from '../output/text.ts';
import { placementOf } from '../placement-flags.ts';
import { describeTask, listTasks, refuseFailures } from '../queries.ts';
import { taskLines, taskTable } from './task-view.ts';

const WAIT_POLL_MS = 500;

export const handlers: Handlers = {
  'task run': async (context) => {
    const { flags, terminal } = context;
    const { ecs } = await context.api();
    const taskDefinition = argument(context, 0);
    const { tasks, failures } = await ecs.RunTask({
      cluster: context.cluster,
      taskDefinition,
      count: flags.integer('count', { min: 1, max: 10 }),
      overrides: await overridesOf(context, taskDefinition),
      ...placementOf(flags),
      group: flags.text('group'),
      startedBy: flags.text('started-by'),
      tags: flags.pairs('tag'),
    });
    const ids = tasks.map(({ taskArn }) => lastOf(taskArn));
    if (!flags.on('wait')) {
      if (!printedAsJson(context, { tasks, failures })) for (const id of ids) say(terminal, id);
      refuseFailures(failures, `${count(failures.length, 'task')} could not be placed`);
      return undefined;
    }
    if (!flags.on('json')) for (const id of ids) say(terminal, `started task ${id}`);
    refuseFailures(failures, `${count(failures.length, 'task')} could not be placed`);
    return await waitForEnd(context, ids);
  },

  'task list': async (context) => {
    const { flags } = context;
    const { ecs } = await context.api();
    const filter = {
      serviceName: flags.text('service'),
      family: flags.text('family'),
      containerInstance: flags.text('host'),
      startedBy: flags.text('started-by'),
      desiredStatus: flags.on('stopped') ? 'STOPPED' : 'RUNNING',
    } as const;
    return show(
      context,
      async () => ({ tasks: await listTasks(ecs, context.cluster, filter) }),
      ({ tasks }) => taskTable(tasks, context),
    );
  },

  'task show': async (context) => {
    const { ecs } = await context.api();
    const task = await describeTask(ecs, context.cluster, argument(context, 0));
    if (printedAsJson(context, { tasks: [task] })) return undefined;
    for (const line of taskLines(task, context)) say(context.terminal, line);
    return undefined;
  },

  'task protect': async (context) => {
    const { ecs } = await context.api();
    const { flags, terminal, cluster } = context;
    const ids: string[] = [];
    for (const id of context.positionals) {
      ids.push(lastOf((await describeTask(ecs, cluster, id)).taskArn));
    }
    const answer = await ecs.UpdateTaskProtection({
      cluster,
      tasks: ids,
      protectionEnabled: !flags.on('off'),
      expiresInMinutes: flags.integer('minutes', { min: 1, max: 2880 }),
    });
    const { protectedTasks, failures } = answer;
    if (!printedAsJson(context, answer)) {
      for (const { taskArn, expirationDate } of protectedTasks) {
        const until =
          expirationDate === undefined
            ? 'not protected'
            : `protected for ${duration(expirationDate - context.clock.now())}`;
        say(terminal, `task ${lastOf(taskArn)} is ${until}`);
      }
    }
    const [failure] = failures;
    if (!failure) return undefined;
    throw new CommandError(
      exitCodes.refused,
      `${count(failures.length, 'task')} can't be protected: ${lastOf(failure.arn ?? '')} ${WHY[failure.reason] ?? failure.reason}`,
    );
  },

  'task stop': async (context) => {
    const { ecs } = await context.api();
    const named: Task[] = [];
    for (const id of context.positionals) named.push(await describeTask(ecs, context.cluster, id));
    await confirm(context, `Stop ${count(named.length, 'task')}?`);
    const stopped: unknown[] = [];
    for (const { taskArn } of named) {
      const id = lastOf(taskArn);
      const { task } = await ecs.StopTask({
        cluster: context.cluster,
        task: id,
        reason: context.flags.text('reason'),
      });
      stopped.push(task);
      if (!context.flags.on('json')) say(context.terminal, `stopping task ${id}`);
    }
    printedAsJson(context, { tasks: stopped });
    return undefined;
  },
};

/** Reasons of ECS in words. */
const WHY: Readonly<Record<string, string>> = {
  TASK_NOT_VALID: 'is no running task of a service',
  DEPLOYMENT_BLOCKED: 'stands in the way of the deployment that is under way',
};

/** The command after `--` and --env, for the container that --container names or else the first. */
async function overridesOf(context: Context, taskDefinition: string): Promise<object | undefined> {
  const { flags, rest } = context;
  const environment = flags.pairs('env').map(({ key, value }) => ({ name: key, value }));
  if (rest.length === 0 && environment.length === 0) return undefined;
  let name = flags.text('container');
  if (name === undefined) {
    const { ecs } = await context.api();
    const answer = await ecs.DescribeTaskDefinition({ taskDefinition });
    name = answer.taskDefinition?.containerDefinitions[0]?.name ?? '';
  }
  return { containerOverrides: [{ name, command: rest, environment }] };
}

/** Wait until the tasks have stopped. @returns the exit code of the first container that failed, else 0 */
async function waitForEnd(context: Context, ids: readonly string[]): Promise<number> {
  const { clock, terminal, signal } = context;
  const { ecs } = await context.api();
  const limit = context.flags.duration('timeout');
  const begin = clock.monotonic();
  for (;;) {
    const { tasks } = await ecs.DescribeTasks({ cluster: context.cluster, tasks: ids });
    if (tasks.every(({ lastStatus }) => lastStatus === 'STOPPED')) {
      if (!printedAsJson(context, { tasks })) {
        const took = duration(clock.monotonic() - begin);
        for (const task of tasks) say(terminal, `${endOf(task)} (${took})`);
      }
      return tasks.map(exitCodeOf).find((code) => code !== 0) ?? exitCodes.ok;
    }
    if (limit !== undefined && clock.monotonic() - begin > limit) {
      throw new CommandError(
        exitCodes.failed,
        `after ${duration(limit)} these tasks still run: ${ids.join(', ')}`,
        { next: `berth task show ${ids[0] ?? ''}` },
      );
    }
    await clock.sleep(WAIT_POLL_MS, signal);
  }
}

/** 0 for a task that ended as it should; a container's exit code, or 1 where none is known. */
function exitCodeOf(task: Task): number {
  const codes = task.containers.map(({ exitCode }) => exitCode);
  const bad = codes.find((code) => code !== undefined && code !== 0);
  if (bad !== undefined) return bad;
  return task.stopCode === 'TaskFailedToStart' || codes.includes(undefined) ? exitCodes.failed : 0;
}

function endOf(task: Task): string {
  const codes = task.containers
    .map(({ name, exitCode }) => `${name} exit code ${exitCode ?? 'unknown'}`)
    .join(', ');
  return `task ${lastOf(task.taskArn)} stopped: ${task.stoppedReason ?? ''} (${codes})`;
}
