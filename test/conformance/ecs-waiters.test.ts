// The SDK's waiters where they fail, operations that are left out, and who calls. Where waiters succeed stands with the services.
// Source: ECS reference, sections 2.1 and 2.5; STS API reference.
import {
  waitUntilServicesInactive,
  waitUntilServicesStable,
  waitUntilTasksRunning,
  waitUntilTasksStopped,
} from '@aws-sdk/client-ecs';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { type Case, type Ground, conformance, kept, settingsFor } from './cases.ts';
import { raw } from './raw.ts';

const ARN = 'arn:aws:ecs:us-east-1:000000000000';

const waiting = ({ ecs }: Ground) => ({ client: ecs, maxWaitTime: 20, minDelay: 1, maxDelay: 1 });

/** What a waiter ends with that throws. */
const ending = async (wait: Promise<{ readonly state: unknown }>): Promise<unknown> => {
  try {
    return (await wait).state;
  } catch (error) {
    const { result } = error as { readonly result?: { readonly state?: unknown } };
    const told = error instanceof Error ? error.message : '';
    return result?.state ?? /"state":"(\w+)"/.exec(told)?.[1] ?? told;
  }
};

conformance('ECS over the SDK: waiters', [
  {
    name: 'tasks-running succeeds when all run',
    call: async (on) => {
      for (const image of ['web', 'broken']) {
        await on.ecs.registerTaskDefinition({
          family: image,
          containerDefinitions: [{ name: 'main', image, memory: 16 }],
        });
      }
      await on.plane.host();
      const { tasks = [] } = await on.ecs.runTask({ taskDefinition: 'web', count: 3 });
      on.kept['task'] = tasks[0]?.taskArn ?? '';
      return ending(
        waitUntilTasksRunning(waiting(on), { tasks: tasks.map(({ taskArn = '' }) => taskArn) }),
      );
    },
    gives: 'SUCCESS',
  },
  {
    name: 'tasks-running fails when one of them stops',
    call: async (on) => {
      const { tasks } = await on.ecs.runTask({ taskDefinition: 'broken' });
      const broken = tasks?.[0]?.taskArn ?? '';
      return ending(waitUntilTasksRunning(waiting(on), { tasks: [kept(on, 'task'), broken] }));
    },
    gives: 'FAILURE',
  },
  {
    name: 'tasks-running fails when there is no such task',
    call: (on) => ending(waitUntilTasksRunning(waiting(on), { tasks: ['f'.repeat(32)] })),
    gives: 'FAILURE',
  },
  {
    name: 'tasks-stopped waits for all of them',
    call: async (on) => {
      const { taskArns: tasks = [] } = await on.ecs.listTasks({});
      const stopped = waitUntilTasksStopped(waiting(on), { tasks });
      for (const task of tasks) await on.ecs.stopTask({ task });
      return ending(stopped);
    },
    gives: 'SUCCESS',
  },
  {
    name: 'services-stable fails when there is no such service',
    call: (on) => ending(waitUntilServicesStable(waiting(on), { services: ['none'] })),
    gives: 'FAILURE',
  },
  {
    name: 'services-stable waits for both',
    call: async (on) => {
      for (const serviceName of ['one', 'two']) {
        await on.ecs.createService({ serviceName, taskDefinition: 'web', desiredCount: 2 });
      }
      return ending(waitUntilServicesStable(waiting(on), { services: ['one', 'two'] }));
    },
    gives: 'SUCCESS',
  },
  {
    name: 'services-inactive fails when there is no such service',
    call: (on) => ending(waitUntilServicesInactive(waiting(on), { services: ['none'] })),
    gives: 'FAILURE',
  },
  {
    name: 'services-inactive succeeds after a deletion by force, services-stable then fails',
    call: async (on) => {
      await on.ecs.deleteService({ service: 'one', force: true });
      const asked = { services: ['one'] };
      return [
        await ending(waitUntilServicesInactive(waiting(on), asked)),
        await ending(waitUntilServicesStable(waiting(on), asked)),
      ];
    },
    gives: ['SUCCESS', 'FAILURE'],
  },
]);

conformance('STS over the SDK', [
  {
    name: 'GetCallerIdentity of a user',
    call: ({ sts }) => sts.send(new GetCallerIdentityCommand({})),
    gives: {
      Account: '000000000000',
      Arn: 'arn:aws:iam::000000000000:user/tester',
      UserId: /^AIDA[A-Z0-9]+$/,
    },
  },
  {
    name: 'GetCallerIdentity needs no permission',
    call: async ({ plane }) => {
      const key = await plane.user('nobody', [{ Effect: 'Deny', Action: '*', Resource: '*' }]);
      const client = new STSClient(settingsFor({ ...plane, ...key }));
      try {
        return await client.send(new GetCallerIdentityCommand({}));
      } finally {
        client.destroy();
      }
    },
    gives: { Arn: 'arn:aws:iam::000000000000:user/nobody' },
  },
  {
    name: 'GetCallerIdentity with a secret that is not the key’s',
    call: async ({ plane }) => {
      const client = new STSClient(settingsFor({ ...plane, secretAccessKey: 'wrong' }));
      try {
        return await client.send(new GetCallerIdentityCommand({}));
      } finally {
        client.destroy();
      }
    },
    fails: 'SignatureDoesNotMatch',
  },
]);

const LEFT_OUT =
  'AssociateGatewayWithCluster CreateDaemon CreateExpressGatewayService CreateGateway DeleteDaemon DeleteGateway DescribeDaemon DescribeExpressGatewayService DiscoverPollEndpoint ListDaemons ListGateways ListServicesByNamespace RegisterDaemonTaskDefinition SubmitTaskStateChange UpdateContainerAgent';

conformance('ECS over raw HTTP: what is left out', [
  ...LEFT_OUT.split(' ').map((operation): Case => ({
    name: `${operation} is left out by name`,
    call: (on) => raw(on, { operation }),
    gives: {
      status: 400,
      body: {
        __type: 'UnsupportedFeatureException',
        message: new RegExp(`^${operation} is not supported by Berth\\. .`),
      },
    },
  })),
  {
    name: 'every operation of the API is served or left out by name',
    call: async (on) => {
      const file = new URL('../../packages/aws/src/models/generated/ecs.json', import.meta.url);
      const model = JSON.parse(readFileSync(file, 'utf8')) as { readonly operations: object };
      const unknown: string[] = [];
      for (const operation of Object.keys(model.operations)) {
        const { status, body } = await raw(on, { operation });
        assert.ok(status === 200 || status === 400, `${operation} was answered ${status}`);
        if (body['__type'] === 'UnknownOperationException') unknown.push(operation);
      }
      return { count: Object.keys(model.operations).length > 80, unknown };
    },
    gives: { count: true, unknown: [] },
  },
  {
    name: 'ExecuteCommand names the command to use',
    call: ({ ecs }) =>
      ecs.executeCommand({
        task: `${ARN}:task/default/${'0'.repeat(32)}`,
        command: 'sh',
        interactive: true,
      }),
    fails: 'InvalidParameterException',
    message: /berth exec TASK -- COMMAND/,
  },
]);
