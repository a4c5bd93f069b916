// A context without a process: what is written is kept, time is an argument.
import { VirtualClock } from '@berth/control/virtual-clock.ts';
import { complete } from '@berth/rpc/codec.ts';
import type { Service, ServiceProgress, Task } from '@berth/model/generated/messages.ts';

import type { Api } from '../connection.ts';
import type { Context } from '../context.ts';
import { Flags } from '../flags.ts';
import type { Terminal } from '../output/terminal.ts';
import { parse } from '../table/parse.mjs';

export interface TestTerminal extends Terminal {
  /** Everything written to standard output. */
  output(): string;
  /** Lines of standard error. */
  complaints(): readonly string[];
}

export function testTerminal(
  options: { live?: boolean; color?: boolean; width?: number } = {},
): TestTerminal {
  let output = '';
  const complaints: string[] = [];
  return {
    live: options.live ?? false,
    canAsk: false,
    color: options.color ?? false,
    width: options.width ?? 79,
    height: 40,
    write: (text) => {
      output += text;
    },
    drained: () => Promise.resolve(),
    complain: (line) => complaints.push(line),
    ask: () => Promise.resolve(true),
    output: () => output,
    complaints: () => complaints,
  };
}

export const NOW = Date.parse('2026-01-31T12:00:00Z');

/** A context for a command line, with an api that answers as told. */
export function testContext(
  args: readonly string[],
  api: Partial<{ [K in keyof Api]: object }> = {},
  terminal: TestTerminal = testTerminal(),
): Context & { readonly terminal: TestTerminal } {
  const line = parse(args);
  const flags = new Flags(line, {});
  return {
    flags,
    positionals: line.positionals,
    rest: line.rest,
    terminal,
    clock: new VirtualClock(NOW),
    environment: {},
    signal: new AbortController().signal,
    cluster: flags.text('cluster') ?? 'default',
    api: () => Promise.resolve(api as Api),
  };
}

const ARN = 'arn:aws:ecs:us-east-1:000000000000';

export function testService(partial: object = {}): Service {
  return complete('Service', {
    serviceArn: `${ARN}:service/default/hello`,
    serviceName: 'hello',
    clusterArn: `${ARN}:cluster/default`,
    status: 'ACTIVE',
    desiredCount: 2,
    runningCount: 2,
    taskDefinition: `${ARN}:task-definition/hello:2`,
    createdAt: NOW - 3_600_000,
    createdBy: 'admin',
    deploymentConfiguration: { minimumHealthyPercent: 100, maximumPercent: 200 },
    deployments: [testDeployment('ecs-svc/2')],
    ...partial,
  });
}

export function testDeployment(id: string, partial: object = {}): object {
  return {
    id,
    status: 'PRIMARY',
    taskDefinition: `${ARN}:task-definition/hello:2`,
    desiredCount: 2,
    runningCount: 2,
    createdAt: NOW - 60_000,
    updatedAt: NOW - 60_000,
    rolloutState: 'COMPLETED',
    ...partial,
  };
}

export function testTask(id: string, partial: object = {}): Task {
  return complete('Task', {
    taskArn: `${ARN}:task/default/${id}`,
    clusterArn: `${ARN}:cluster/default`,
    taskDefinitionArn: `${ARN}:task-definition/hello:2`,
    containerInstanceArn: `${ARN}:container-instance/default/${'ab'.repeat(16)}`,
    hostName: 'host-1',
    lastStatus: 'RUNNING',
    desiredStatus: 'RUNNING',
    healthStatus: 'HEALTHY',
    createdAt: NOW - 90_000,
    ...partial,
  });
}

/** A ServiceProgress `seconds` after NOW; tasks as [id, deployment, step, partial of Task]. */
export function testProgress(
  seconds: number,
  service: Service,
  tasks: readonly (readonly [string, string, string, object?])[],
  rest: object = {},
): ServiceProgress {
  return complete('ServiceProgress', {
    service,
    at: NOW + seconds * 1000,
    tasks: tasks.map(([id, deploymentId, step, partial]) => ({
      task: testTask(id.repeat(32 / id.length), partial),
      deploymentId,
      step,
      stepSince: NOW + seconds * 1000,
    })),
    ...rest,
  });
}
