import type { TaskDefinition } from '@berth/model/generated/messages.ts';

import { type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { readMessage } from '../json-file.ts';
import { table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { age } from '../output/text.ts';
import { listTaskDefinitions } from '../queries.ts';

export const handlers: Handlers = {
  'task-definition register': async (context) => {
    const request = await readMessage('RegisterTaskDefinitionRequest', argument(context, 0));
    const { ecs } = await context.api();
    const answer = await ecs.RegisterTaskDefinition(request);
    if (!printedAsJson(context, answer)) {
      const { taskDefinition } = answer;
      say(
        context.terminal,
        `registered ${taskDefinition?.family ?? ''}:${taskDefinition?.revision ?? ''}`,
      );
    }
    return undefined;
  },

  'task-definition list': async (context) => {
    const { ecs } = await context.api();
    const { flags, terminal, clock } = context;
    const filter = {
      familyPrefix: flags.text('family'),
      status: flags.word('status', ['ACTIVE', 'INACTIVE']) ?? 'ACTIVE',
    } as const;
    return show(
      context,
      async () => ({ taskDefinitions: await listTaskDefinitions(ecs, filter) }),
      ({ taskDefinitions }) =>
        table<TaskDefinition>(
          [
            {
              title: 'TASK DEFINITION',
              value: ({ family, revision }) => `${family}:${revision}`,
              style: 'accent',
            },
            { title: 'STATUS', value: ({ status }) => status, style: 'status' },
            { title: 'CPU', value: cpuOf, align: 'right' },
            { title: 'MIB', value: memoryOf, align: 'right' },
            {
              title: 'AGE',
              value: ({ registeredAt }) => age(clock.now() - registeredAt),
              align: 'right',
            },
            {
              title: 'IMAGES',
              value: ({ containerDefinitions }) =>
                containerDefinitions.map(({ image }) => image).join(' '),
              shrinksTo: 12,
            },
          ],
          taskDefinitions,
          terminal,
        ),
    );
  },

  'task-definition show': async (context) => {
    const { ecs } = await context.api();
    const answer = await ecs.DescribeTaskDefinition({ taskDefinition: argument(context, 0) });
    if (printedAsJson(context, answer)) return undefined;
    say(context.terminal, JSON.stringify(answer.taskDefinition, undefined, 2));
    return undefined;
  },

  'task-definition deregister': async (context) => {
    const { ecs } = await context.api();
    await confirm(context, `Deregister ${context.positionals.join(', ')}?`);
    const done: unknown[] = [];
    for (const name of context.positionals) {
      const { taskDefinition } = await ecs.DeregisterTaskDefinition({ taskDefinition: name });
      done.push(taskDefinition);
      if (!context.flags.on('json')) say(context.terminal, `deregistered ${name}`);
    }
    printedAsJson(context, { taskDefinitions: done });
    return undefined;
  },
};

function cpuOf({ cpu, containerDefinitions }: TaskDefinition): string {
  return cpu ?? String(containerDefinitions.reduce((sum, one) => sum + one.cpu, 0));
}

function memoryOf({ memory, containerDefinitions }: TaskDefinition): string {
  const sum = containerDefinitions.reduce(
    (total, one) => total + (one.memoryReservation ?? one.memory ?? 0),
    0,
  );
  return memory ?? String(sum);
}
