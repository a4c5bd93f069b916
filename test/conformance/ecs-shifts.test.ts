// Deployments that shift traffic: their settings, and one of each kind from its begin to its end, with a proxy that runs and hooks
// that are asked. Source: ECS reference, sections 2.6, 6.7 and 6.8.
import type {
  AdvancedConfiguration,
  CreateServiceCommandInput,
  DeploymentConfiguration,
  ServiceDeployment,
} from '@aws-sdk/client-ecs';
import {
  DescribeRulesCommand,
  ModifyTargetGroupAttributesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { freePort } from '@berth/store/testing/etcd.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { eventually } from '../e2e/cluster.ts';
import { type Case, conformance, type Ground } from './cases.ts';
import { balancer, group, kept, listener, rule } from './elbv2-kit.ts';
import { ABSENT, ANY } from './match.ts';

const INVALID = 'InvalidParameterException';
/** Of the scripted hosts, and of what their tasks would serve. */
const HERE = '127.0.0.1';
const PROXY = '127.0.0.79';
const TURN_MS = 30_000;

const BLUE_GREEN: DeploymentConfiguration = { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 0 };
const HOOK = { hookTargetArn: 'http://127.0.0.1:9/', lifecycleStages: ['POST_SCALE_UP'] } as const;

/** Two groups, a rule for production and one for tests; all kept under short names. */
async function routes(on: Ground, port: number): Promise<void> {
  const load = await balancer(on, 'web');
  const more = { HealthCheckIntervalSeconds: 5, HealthCheckTimeoutSeconds: 2 } as const;
  for (const name of ['blue', 'green', 'other']) {
    const arn = await group(on, name, { TargetType: 'instance', ...more });
    const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '0' }];
    await on.elbv2.send(
      new ModifyTargetGroupAttributesCommand({ TargetGroupArn: arn, Attributes }),
    );
  }
  const to = (name: string) => [{ Type: 'forward' as const, TargetGroupArn: kept(on, name) }];
  const web = await listener(on, load, port, { DefaultActions: to('other') });
  await rule(on, web, 1, { Actions: to('blue') });
  await rule(on, web, 2, { Actions: to('blue') });
  await rule(on, web, 3);
}

function service(
  on: Ground,
  deploymentConfiguration: DeploymentConfiguration,
  advanced: Partial<AdvancedConfiguration> | null = {},
): CreateServiceCommandInput {
  const complete = {
    alternateTargetGroupArn: kept(on, 'green'),
    productionListenerRule: kept(on, 'rule 1'),
    testListenerRule: kept(on, 'rule 2'),
    roleArn: 'arn:aws:iam::000000000000:role/traffic',
    ...advanced,
  };
  return {
    serviceName: 'web',
    taskDefinition: 'web:1',
    desiredCount: 1,
    deploymentConfiguration,
    loadBalancers: [
      {
        targetGroupArn: kept(on, 'blue'),
        containerName: 'main',
        containerPort: 80,
        ...(advanced ? { advancedConfiguration: complete } : {}),
      },
    ],
  };
}

const refused = (
  what: string,
  configuration: DeploymentConfiguration,
  message: RegExp,
  advanced: Partial<AdvancedConfiguration> | null = {},
): Case => ({
  name: `CreateService ${what}`,
  call: (on) => on.ecs.createService(service(on, configuration, advanced)),
  fails: INVALID,
  message,
});

const linear = (stepPercent: number, stepBakeTimeInMinutes = 0): DeploymentConfiguration => ({
  strategy: 'LINEAR',
  linearConfiguration: { stepPercent, stepBakeTimeInMinutes },
});
const canary = (canaryPercent: number, canaryBakeTimeInMinutes = 0): DeploymentConfiguration => ({
  strategy: 'CANARY',
  canaryConfiguration: { canaryPercent, canaryBakeTimeInMinutes },
});
const hooked = (hook: object): DeploymentConfiguration => ({
  ...BLUE_GREEN,
  lifecycleHooks: [{ ...HOOK, ...hook } as never],
});

conformance('ECS over the SDK: settings of shifts', [
  {
    name: 'CreateService CANARY without its settings: ECS’s defaults',
    call: async (on) => {
      await on.ecs.createCluster({});
      await routes(on, 8080);
      await on.ecs.registerTaskDefinition({
        family: 'web',
        containerDefinitions: [
          { name: 'main', image: 'web', memory: 16, portMappings: [{ containerPort: 80 }] },
        ],
      });
      const created = await on.ecs.createService(service(on, { strategy: 'CANARY' }));
      return created.service;
    },
    gives: {
      deploymentConfiguration: {
        strategy: 'CANARY',
        canaryConfiguration: { canaryPercent: 5, canaryBakeTimeInMinutes: 10 },
        linearConfiguration: ABSENT,
      },
      loadBalancers: [
        {
          targetGroupArn: /targetgroup\/blue\//,
          advancedConfiguration: {
            alternateTargetGroupArn: /targetgroup\/green\//,
            productionListenerRule: /:listener-rule\/app\/web\//,
            testListenerRule: /:listener-rule\/app\/web\//,
            roleArn: 'arn:aws:iam::000000000000:role/traffic',
          },
        },
      ],
    },
  },
  {
    name: 'CreateService with rules that another service shifts traffic by',
    call: (on) => on.ecs.createService({ ...service(on, BLUE_GREEN), serviceName: 'second' }),
    fails: INVALID,
    message: /belongs to service web/,
  },
  {
    name: 'UpdateService to LINEAR without its settings: ECS’s defaults, no canary left',
    call: async (on) => {
      const deploymentConfiguration = { strategy: 'LINEAR' } as const;
      const updated = await on.ecs.updateService({ service: 'web', deploymentConfiguration });
      return updated.service?.deploymentConfiguration;
    },
    gives: {
      strategy: 'LINEAR',
      linearConfiguration: { stepPercent: 10, stepBakeTimeInMinutes: 6 },
      canaryConfiguration: ABSENT,
    },
  },
  {
    name: 'UpdateService with hooks shows them',
    call: async (on) => {
      const hook = { ...HOOK, targetType: 'AWS_LAMBDA' as const, hookDetails: { a: [1, null] } };
      const timeoutConfiguration = { timeoutInMinutes: 20_160, action: 'CONTINUE' } as const;
      const pause = { targetType: 'PAUSE', lifecycleStages: ['POST_SCALE_UP'] } as const;
      const updated = await on.ecs.updateService({
        service: 'web',
        deploymentConfiguration: {
          ...linear(33.3, 1440),
          lifecycleHooks: [
            { ...hook, lifecycleStages: ['POST_SCALE_UP'] },
            { ...pause, lifecycleStages: ['POST_SCALE_UP'], timeoutConfiguration },
          ],
        },
      });
      return updated.service?.deploymentConfiguration;
    },
    gives: {
      linearConfiguration: { stepPercent: 33.3, stepBakeTimeInMinutes: 1440 },
      lifecycleHooks: [
        { ...HOOK, targetType: 'AWS_LAMBDA', hookDetails: { a: [1, null] } },
        { targetType: 'PAUSE', timeoutConfiguration: { timeoutInMinutes: 20_160 } },
      ],
    },
  },
  {
    name: 'UpdateService back to ROLLING drops what belongs to shifts',
    call: async (on) => {
      const deploymentConfiguration = { strategy: 'ROLLING' } as const;
      const updated = await on.ecs.updateService({ service: 'web', deploymentConfiguration });
      await on.ecs.deleteService({ service: 'web', force: true });
      return updated.service?.deploymentConfiguration;
    },
    gives: { strategy: 'ROLLING', linearConfiguration: ABSENT, lifecycleHooks: ABSENT },
  },
  refused('BLUE_GREEN without a bake time', { strategy: 'BLUE_GREEN' }, /bakeTimeInMinutes/),
  refused('with a bake time of 1441', { ...BLUE_GREEN, bakeTimeInMinutes: 1441 }, /0 to 1440/),
  refused('in steps of 2.9 percent', linear(2.9), /from 3 to 100/),
  refused('in steps of 100.1 percent', linear(100.1), /from 3 to 100/),
  refused('with a step time of 1441', linear(10, 1441), /0 to 1440/),
  refused('with a canary of 0 percent', canary(0), /from 0\.1 to 100/),
  refused('with a canary of 0.05 percent', canary(0.05), /from 0\.1 to 100/),
  refused('with a canary time of -1', canary(5, -1), /0 to 1440/),
  refused('ROLLING with a canary', { ...canary(5), strategy: 'ROLLING' }, /strategy CANARY/),
  refused('with a strategy that there is not', { strategy: 'SIDEWAYS' as never }, /SIDEWAYS/),
  refused('with a hook at BAKE_TIME', hooked({ lifecycleStages: ['BAKE_TIME'] }), /BAKE_TIME/),
  refused('with a hook without a target', hooked({ hookTargetArn: undefined }), /hookTargetArn/),
  refused(
    'with a Lambda function for a hook',
    hooked({ hookTargetArn: 'arn:aws:lambda:us-east-1:000000000000:function:f' }),
    /there are no Lambda functions here/,
  ),
  refused(
    'with a hook that waits for no time',
    hooked({ timeoutConfiguration: { timeoutInMinutes: 0 } }),
    /1 to 20160/,
  ),
  refused(
    'with a pause while traffic moves',
    hooked({
      targetType: 'PAUSE',
      hookTargetArn: undefined,
      lifecycleStages: ['PRODUCTION_TRAFFIC_SHIFT'],
    }),
    /TEST_TRAFFIC_SHIFT and PRODUCTION_TRAFFIC_SHIFT/,
  ),
  refused(
    'with eleven hooks',
    { ...BLUE_GREEN, lifecycleHooks: Array.from({ length: 11 }, () => HOOK as never) },
    /at most 10/,
  ),
  refused('without a second group', BLUE_GREEN, /advancedConfiguration is missing/, null),
  {
    name: 'CreateService with one group for both revisions',
    call: (on) =>
      on.ecs.createService(service(on, BLUE_GREEN, { alternateTargetGroupArn: kept(on, 'blue') })),
    fails: INVALID,
    message: /another target group/,
  },
  {
    name: 'CreateService with one rule for production and tests',
    call: (on) =>
      on.ecs.createService(service(on, BLUE_GREEN, { testListenerRule: kept(on, 'rule 1') })),
    fails: INVALID,
    message: /another rule/,
  },
  {
    name: 'CreateService with a rule that forwards to no group',
    call: (on) =>
      on.ecs.createService(service(on, BLUE_GREEN, { productionListenerRule: kept(on, 'rule 3') })),
    fails: INVALID,
    message: /forwards to no target group/,
  },
  {
    name: 'CreateService with a rule that there is not',
    call: (on) => {
      const productionListenerRule = kept(on, 'rule 1').replace(/[0-9a-f]{16}$/, '0'.repeat(16));
      return on.ecs.createService(service(on, BLUE_GREEN, { productionListenerRule }));
    },
    fails: INVALID,
    message: /listener rule does not exist/,
  },
]);

const newest = async ({ ecs }: Ground): Promise<ServiceDeployment> => {
  const { services = [] } = await ecs.describeServices({ services: ['web'] });
  const arn = services[0]?.currentServiceDeployment ?? '';
  const { serviceDeployments = [] } = await ecs.describeServiceDeployments({
    serviceDeploymentArns: [arn],
  });
  const [deployment] = serviceDeployments;
  assert.ok(deployment);
  return deployment;
};

/** The newest deployment, once it is so far. */
const reached = (on: Ground, what: string, is: (deployment: ServiceDeployment) => boolean) =>
  eventually(`a deployment ${what}`, TURN_MS, async () => {
    const found = await newest(on);
    return is(found) ? found : undefined;
  });

const ended = (on: Ground, status: string) =>
  reached(on, `that is ${status}`, (deployment) => deployment.status === status);

const weightsOf = async (on: Ground, name: string): Promise<Record<string, number>> => {
  const { Rules = [] } = await on.elbv2.send(
    new DescribeRulesCommand({ RuleArns: [kept(on, name)] }),
  );
  const groups = Rules[0]?.Actions?.[0]?.ForwardConfig?.TargetGroups ?? [];
  return Object.fromEntries(
    groups.map(({ TargetGroupArn = '', Weight = 0 }): [string, number] => [
      TargetGroupArn.split('/')[1] ?? '',
      Weight,
    ]),
  );
};

describe('ECS over the SDK: shifts of traffic', () => {
  const served: Server[] = [];
  const asked: Record<string, unknown>[] = [];
  let answers = 'SUCCEEDED';
  let hook: Server;

  const portOf = (server: Server): number => (server.address() as AddressInfo).port;
  const open = async (server: Server): Promise<Server> => {
    server.listen(0, HERE);
    await once(server, 'listening');
    return server;
  };

  before(async () => {
    for (const text of ['one', 'two']) {
      served.push(await open(createServer((_request, response) => response.end(text))));
    }
    hook = await open(
      createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          asked.push(JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>);
          response.end(JSON.stringify({ hookStatus: answers, reason: 'as told' }));
        });
      }),
    );
  });

  after(() => {
    for (const server of [...served, hook]) server.close();
  });

  const configuration = (more: DeploymentConfiguration = BLUE_GREEN): DeploymentConfiguration => ({
    ...more,
    lifecycleHooks: [
      {
        hookTargetArn: `http://${HERE}:${portOf(hook)}/smoke`,
        lifecycleStages: ['POST_SCALE_UP'],
        hookDetails: { suite: 'smoke' },
      },
      { targetType: 'PAUSE', lifecycleStages: ['POST_TEST_TRAFFIC_SHIFT'] },
    ],
  });
  const answer = (on: Ground, action: 'CONTINUE' | 'ROLLBACK', hookId = kept(on, 'hook')) =>
    on.ecs.continueServiceDeployment({
      serviceDeploymentArn: kept(on, 'deployment'),
      hookId,
      action,
    });

  conformance('from begin to end', [
    {
      name: 'the first deployment has nothing to shift from',
      call: async (on) => {
        on.kept['port'] = String(await freePort());
        await routes(on, Number(kept(on, 'port')));
        for (const server of served) {
          // A host has each port but once.
          await on.plane.host();
          await on.ecs.registerTaskDefinition({
            family: 'web',
            containerDefinitions: [
              {
                name: 'main',
                image: 'web',
                memory: 16,
                portMappings: [{ containerPort: 80, hostPort: portOf(server) }],
              },
            ],
          });
        }
        await on.plane.proxy(PROXY);
        await on.ecs.createService(service(on, configuration()));
        return ended(on, 'SUCCESSFUL');
      },
      gives: { lifecycleStage: ABSENT, lifecycleHookDetails: ABSENT },
    },
    {
      name: 'a deployment waits where a hook of type PAUSE says so, with the test traffic',
      call: async (on) => {
        await on.ecs.updateService({ service: 'web', taskDefinition: 'web:2' });
        const waiting = await reached(on, 'that waits', ({ lifecycleHookDetails = [] }) =>
          lifecycleHookDetails.some(({ status }) => status === 'AWAITING_ACTION'),
        );
        on.kept['deployment'] = waiting.serviceDeploymentArn ?? '';
        on.kept['hook'] = waiting.lifecycleHookDetails?.at(-1)?.hookId ?? '';
        return waiting;
      },
      gives: {
        status: 'IN_PROGRESS',
        lifecycleStage: 'POST_TEST_TRAFFIC_SHIFT',
        targetServiceRevision: {
          runningTaskCount: 1,
          requestedTestTrafficWeight: 100,
          requestedProductionTrafficWeight: 0,
        },
        sourceServiceRevisions: [
          {
            runningTaskCount: 1,
            requestedTestTrafficWeight: 0,
            requestedProductionTrafficWeight: 100,
          },
        ],
        lifecycleHookDetails: [
          { hookId: /^ecs-hook-/, targetType: 'AWS_LAMBDA', status: 'SUCCEEDED' },
          {
            hookId: /^ecs-pause-/,
            targetType: 'PAUSE',
            targetArn: ABSENT,
            expiresAt: ANY,
            timeoutAction: 'ROLLBACK',
          },
        ],
      },
    },
    {
      name: 'rules show whom they lead to, and requests go there',
      call: async (on) => {
        const at = `http://${PROXY}:${kept(on, 'port')}`;
        const texts = await Promise.all(
          ['/1', '/2'].map(async (path) => (await fetch(at + path)).text()),
        );
        return { texts, rules: [await weightsOf(on, 'rule 1'), await weightsOf(on, 'rule 2')] };
      },
      gives: {
        texts: ['one', 'two'],
        rules: [
          { blue: 100, green: 0 },
          { blue: 0, green: 100 },
        ],
      },
    },
    {
      name: 'a hook was asked once, with the payload of ECS and its details',
      call: () => Promise.resolve(asked),
      gives: [
        {
          serviceArn: /:service\/default\/web$/,
          targetServiceRevisionArn: /:service-revision\/default\/web\//,
          productionTrafficWeights: ANY,
          testTrafficWeights: ANY,
          lifecycleStage: 'POST_SCALE_UP',
          hookDetails: { suite: 'smoke' },
        },
      ],
    },
    {
      name: 'ContinueServiceDeployment with a hook that there is not',
      call: (on) => answer(on, 'CONTINUE', 'ecs-pause-0000000000000000'),
      fails: INVALID,
      message: /expected ecs-pause-/,
    },
    {
      name: 'ContinueServiceDeployment with a hook that is asked by HTTP',
      call: async (on) => {
        const { lifecycleHookDetails = [] } = await newest(on);
        return answer(on, 'CONTINUE', lifecycleHookDetails[0]?.hookId);
      },
      fails: INVALID,
      message: /is no hook of type PAUSE/,
    },
    {
      name: 'ContinueServiceDeployment with an action that there is not',
      call: (on) => answer(on, 'SKIP' as never),
      fails: INVALID,
      message: /SKIP/,
    },
    {
      name: 'ContinueServiceDeployment of a deployment that there is not',
      call: (on) =>
        on.ecs.continueServiceDeployment({
          serviceDeploymentArn: kept(on, 'deployment').replace(/.$/, '~').replace('~', '-'),
          hookId: kept(on, 'hook'),
        }),
      fails: 'ServiceDeploymentNotFoundException',
    },
    {
      name: 'UpdateService of the load balancers while traffic is shifted',
      call: (on) => {
        const { loadBalancers } = service(on, BLUE_GREEN, { testListenerRule: undefined });
        return on.ecs.updateService({ service: 'web', loadBalancers });
      },
      fails: INVALID,
      message: /is shifting the traffic/,
    },
    {
      name: 'ContinueServiceDeployment lets it go on, to its end',
      call: async (on) => {
        const { serviceDeploymentArn } = await answer(on, 'CONTINUE');
        const done = await ended(on, 'SUCCESSFUL');
        return {
          same: serviceDeploymentArn === done.serviceDeploymentArn,
          done,
          rules: [await weightsOf(on, 'rule 1'), await weightsOf(on, 'rule 2')],
          text: await (await fetch(`http://${PROXY}:${kept(on, 'port')}/1`)).text(),
        };
      },
      gives: {
        same: true,
        done: {
          targetServiceRevision: { requestedProductionTrafficWeight: 100, runningTaskCount: 1 },
          lifecycleStage: 'CLEAN_UP',
          rollback: ABSENT,
          finishedAt: ANY,
        },
        rules: [
          { blue: 0, green: 100 },
          { blue: 0, green: 100 },
        ],
        text: 'two',
      },
    },
    {
      name: 'ContinueServiceDeployment again with the same answer, and with the other',
      call: async (on) => {
        await answer(on, 'CONTINUE');
        return answer(on, 'ROLLBACK');
      },
      fails: 'ConflictException',
      message: /answered with CONTINUE already/,
    },
    {
      name: 'DescribeServiceRevisions shows in which group its tasks are',
      call: async (on) => {
        const { targetServiceRevision } = await newest(on);
        const { serviceRevisions = [] } = await on.ecs.describeServiceRevisions({
          serviceRevisionArns: [targetServiceRevision?.arn ?? ''],
        });
        return serviceRevisions[0];
      },
      gives: {
        taskDefinition: /task-definition\/web:2$/,
        resolvedConfiguration: {
          loadBalancers: [
            {
              targetGroupArn: /targetgroup\/green\//,
              productionListenerRule: /:listener-rule\//,
            },
          ],
        },
      },
    },
    {
      name: 'a hook that fails undoes the deployment, and says why',
      call: async (on) => {
        answers = 'FAILED';
        await on.ecs.updateService({ service: 'web', taskDefinition: 'web:1' });
        const back = await ended(on, 'ROLLBACK_SUCCESSFUL');
        return { back, rule: await weightsOf(on, 'rule 1') };
      },
      gives: {
        back: {
          statusReason: /POST_SCALE_UP FAILED: it said FAILED: as told/,
          rollback: { reason: /rolling back/, serviceRevisionArn: ANY, startedAt: ANY },
        },
        rule: { blue: 0, green: 100 },
      },
    },
    {
      name: 'StopServiceDeployment of a CANARY takes its traffic back',
      call: async (on) => {
        await on.ecs.updateService({
          service: 'web',
          taskDefinition: 'web:1',
          deploymentConfiguration: { ...canary(25, 10), lifecycleHooks: [] },
        });
        const { serviceDeploymentArn } = await reached(
          on,
          'that has a part of the traffic',
          ({ targetServiceRevision: target }) => target?.requestedProductionTrafficWeight === 25,
        );
        const during = await eventually('the weights of the canary', TURN_MS, async () => {
          const weights = await weightsOf(on, 'rule 1');
          return weights['blue'] === 25 ? weights : undefined;
        });
        await on.ecs.stopServiceDeployment({ serviceDeploymentArn, stopType: 'ROLLBACK' });
        const back = await ended(on, 'ROLLBACK_SUCCESSFUL');
        return { during, back, after: await weightsOf(on, 'rule 1') };
      },
      gives: {
        during: { blue: 25, green: 75 },
        back: { statusReason: /stopped by a user/, lifecycleStage: 'CLEAN_UP' },
        after: { blue: 0, green: 100 },
      },
    },
    {
      name: 'a LINEAR deployment whose steps take no time goes through all of them',
      call: async (on) => {
        await on.ecs.updateService({
          service: 'web',
          taskDefinition: 'web:1',
          deploymentConfiguration: { ...linear(40), lifecycleHooks: [] },
        });
        const done = await ended(on, 'SUCCESSFUL');
        const { services = [] } = await on.ecs.describeServices({ services: ['web'] });
        const said = (services[0]?.events ?? []).flatMap(
          ({ message = '' }) => /gets (\d+) percent of the production/.exec(message)?.[1] ?? [],
        );
        return { done, steps: said.slice(0, 3).reverse(), rule: await weightsOf(on, 'rule 1') };
      },
      gives: {
        done: { targetServiceRevision: { requestedProductionTrafficWeight: 100 } },
        steps: ['40', '80', '100'],
        rule: { blue: 100, green: 0 },
      },
    },
  ]);
});
