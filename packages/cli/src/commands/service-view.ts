// How services look: in a table, and one in full.
import type { Deployment, Service, Task } from '@berth/model/generated/messages.ts';

import type { Context } from '../context.ts';
import { facts, table } from '../output/table.ts';
import { age, lastOf } from '../output/text.ts';
import { progressRows, strategyText } from './deployment-view.ts';
import { lastEvents } from './event-view.ts';
import { taskTable } from './task-view.ts';

/** One word for how a service fares. */
export function stateOf({ status, deployments, runningCount, desiredCount }: Service): string {
  const [primary] = deployments;
  if (status !== 'ACTIVE') return status.toLowerCase();
  if (primary?.rolloutState === 'FAILED') return 'failed';
  if (deployments.length > 1 || primary?.rolloutState === 'IN_PROGRESS') return 'deploying';
  return runningCount === desiredCount ? 'steady' : 'recovering';
}

export function serviceTable(services: readonly Service[], context: Context): string[] {
  const { width, color } = context.terminal;
  const now = context.clock.now();
  return table<Service>(
    [
      { title: 'SERVICE', value: ({ serviceName }) => serviceName, style: 'accent', shrinksTo: 12 },
      { title: 'STATE', value: stateOf },
      { title: 'DESIRED', value: ({ desiredCount }) => desiredCount, align: 'right' },
      { title: 'RUNNING', value: ({ runningCount }) => runningCount, align: 'right' },
      { title: 'PENDING', value: ({ pendingCount }) => pendingCount, align: 'right' },
      { title: 'DEFINITION', value: (row) => lastOf(row.taskDefinition), shrinksTo: 12 },
      { title: 'AGE', value: ({ createdAt }) => age(now - createdAt), align: 'right' },
    ],
    services,
    { width, color },
  );
}

export function serviceLines(service: Service, tasks: readonly Task[], context: Context): string[] {
  const { color, width } = context.terminal;
  const now = context.clock.now();
  const settings = service.deploymentConfiguration;
  const breaker = settings?.deploymentCircuitBreaker;
  return [
    ...facts(
      [
        ['Service', service.serviceName],
        ['State', stateOf(service)],
        ['Status', service.status],
        ['Definition', lastOf(service.taskDefinition)],
        [
          'Tasks',
          `${service.desiredCount} desired, ${service.runningCount} running, ${service.pendingCount} pending`,
        ],
        [
          'Rollout',
          `${strategyText(settings)}, circuit breaker ${breaker?.enable ? (breaker.rollback ? 'rollback' : 'on') : 'off'}`,
        ],
        ...progressRows(service.deployments[0]?.progress, now),
        [
          'Targets',
          service.loadBalancers
            .map(
              (one) =>
                `${groupName(one.targetGroupArn)} (${one.containerName}:${one.containerPort})`,
            )
            .join(', '),
        ],
        [
          'Placement',
          [
            ...service.placementStrategy.map(({ type, field }) =>
              field ? `${type} ${field}` : type,
            ),
            ...service.placementConstraints.map(({ type, expression }) => expression ?? type),
          ].join(', '),
        ],
        ['Created', `${age(now - service.createdAt)} ago by ${lastOf(service.createdBy)}`],
        ['ARN', service.serviceArn],
      ],
      color,
    ),
    '',
    ...table<Deployment>(
      [
        { title: 'DEPLOYMENT', value: ({ id }) => id },
        { title: 'STATUS', value: ({ status }) => status },
        { title: 'ROLLOUT', value: ({ rolloutState }) => rolloutState, style: 'status' },
        { title: 'DEFINITION', value: (row) => lastOf(row.taskDefinition), shrinksTo: 8 },
        { title: 'RUN', value: (row) => `${row.runningCount}/${row.desiredCount}`, align: 'right' },
        { title: 'FAILED', value: ({ failedTasks }) => failedTasks, align: 'right' },
      ],
      service.deployments,
      { width, color },
    ),
    '',
    ...taskTable(tasks, context),
    ...lastEvents(service.events, context),
  ];
}

function groupName(arn: string): string {
  return /targetgroup\/([^/]+)/.exec(arn)?.[1] ?? arn;
}
