// How tasks look: in a table, and one in full.
import type { ContainerStatus, Task } from '@berth/model/generated/messages.ts';

import type { Context } from '../context.ts';
import { facts, table } from '../output/table.ts';
import { absolute, age, lastOf, shortener } from '../output/text.ts';

/** Status with what a pending task waits for: "PENDING pulling". */
export function statusOf(task: Task): string {
  return task.phase && task.lastStatus === 'PENDING'
    ? `${task.lastStatus} ${task.phase.toLowerCase()}`
    : task.lastStatus;
}

/** The host ports of a task, "20001>8080". */
export function portsOf(task: Task): string {
  return task.containers
    .flatMap(({ networkBindings }) => networkBindings)
    .map(({ hostPort, containerPort }) => `${hostPort}>${containerPort}`)
    .join(' ');
}

export function taskTable(tasks: readonly Task[], context: Context): string[] {
  const { width, color } = context.terminal;
  const now = context.clock.now();
  const short = shortener(tasks.map(({ taskArn }) => lastOf(taskArn)));
  return table<Task>(
    [
      { title: 'TASK', value: ({ taskArn }) => short(lastOf(taskArn)), style: 'accent' },
      { title: 'DEFINITION', value: (row) => lastOf(row.taskDefinitionArn), shrinksTo: 10 },
      { title: 'STATUS', value: statusOf, style: 'status' },
      { title: 'HEALTH', value: ({ healthStatus }) => healthStatus, style: 'status' },
      { title: 'HOST', value: ({ hostName }) => hostName, shrinksTo: 6 },
      { title: 'AGE', value: ({ createdAt }) => age(now - createdAt), align: 'right' },
      {
        title: 'PORTS',
        value: (row) => (row.lastStatus === 'STOPPED' ? (row.stoppedReason ?? '') : portsOf(row)),
        shrinksTo: 14,
      },
    ],
    tasks,
    { width, color },
  );
}

/** Everything that a person asks about one task. */
export function taskLines(task: Task, context: Context): string[] {
  const { color, width } = context.terminal;
  const now = context.clock.now();
  const when = (at: number | undefined): string | undefined =>
    at === undefined ? undefined : `${age(now - at)} ago (${absolute(at)})`;
  const lines = facts(
    [
      ['Task', lastOf(task.taskArn)],
      ['Definition', lastOf(task.taskDefinitionArn)],
      ['Group', task.group],
      ['Host', `${task.hostName} (${lastOf(task.containerInstanceArn)})`],
      ['Status', statusOf(task)],
      ['Wanted', task.desiredStatus],
      ['Health', task.healthStatus],
      ['CPU', task.cpu],
      ['Memory', task.memory && `${task.memory} MiB`],
      ['Started by', task.startedBy],
      ['Created', when(task.createdAt)],
      ['Started', when(task.startedAt)],
      ['Stopping', when(task.stoppingAt)],
      ['Stopped', when(task.stoppedAt)],
      ['Stop code', task.stopCode],
      ['Reason', task.stoppedReason],
    ],
    color,
  );
  lines.push(
    '',
    ...table<ContainerStatus>(
      [
        { title: 'CONTAINER', value: ({ name }) => name, shrinksTo: 10 },
        { title: 'STATUS', value: ({ lastStatus }) => lastStatus, style: 'status' },
        { title: 'HEALTH', value: ({ healthStatus }) => healthStatus, style: 'status' },
        { title: 'EXIT', value: ({ exitCode }) => exitCode ?? '', align: 'right' },
        {
          title: 'PORTS',
          value: ({ networkBindings }) =>
            networkBindings
              .map(({ hostPort, containerPort }) => `${hostPort}>${containerPort}`)
              .join(' '),
          shrinksTo: 12,
        },
        { title: 'IMAGE', value: ({ image }) => image, shrinksTo: 12 },
      ],
      task.containers,
      { width, color },
    ),
  );
  for (const { name, reason, healthOutput } of task.containers) {
    if (reason) lines.push('', `${name}: ${reason}`);
    if (healthOutput)
      lines.push(
        '',
        `${name}, last health check:`,
        ...healthOutput
          .trimEnd()
          .split('\n')
          .map((text) => `  ${text}`),
      );
  }
  return lines;
}
