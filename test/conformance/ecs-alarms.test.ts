// Alarms that end deployments, told by the webhook for Alertmanager. Source: ECS reference, section 6.6.
import assert from 'node:assert/strict';

import type { ServiceDeployment } from '@aws-sdk/client-ecs';

import { eventually } from '../e2e/cluster.ts';
import { type Case, type Ground, conformance, kept } from './cases.ts';
import { ABSENT } from './match.ts';

const ALARMS = { alarmNames: ['Errors', 'Latency'], enable: true, rollback: true };
const INVALID = 'InvalidParameterException';

async function ground({ ecs, plane }: Ground): Promise<void> {
  for (const image of ['web:1', 'web:2', 'web:3']) {
    await ecs.registerTaskDefinition({
      family: 'web',
      containerDefinitions: [
        { name: 'main', image, memory: 16, healthCheck: { command: ['CMD', 'true'] } },
      ],
    });
  }
  await plane.host();
}

async function alert(
  { plane }: Ground,
  status: 'firing' | 'resolved',
  name = 'Errors',
): Promise<void> {
  const key = `${plane.accessKeyId}:${plane.secretAccessKey}`;
  const response = await fetch(`${plane.endpoint}/webhooks/alertmanager`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(key).toString('base64')}` },
    body: JSON.stringify({
      version: '4',
      receiver: 'berth',
      alerts: [
        {
          status,
          labels: { alertname: name },
          annotations: { summary: '5 % of requests fail' },
          fingerprint: 'f1',
        },
      ],
    }),
  });
  assert.deepEqual([response.status, await response.json()], [200, { alarms: 1 }]);
}

async function newest({ ecs }: Ground): Promise<ServiceDeployment | undefined> {
  const { serviceDeployments: briefs = [] } = await ecs.listServiceDeployments({ service: 'shop' });
  const arns = briefs.flatMap(({ serviceDeploymentArn: arn }) => (arn ? [arn] : []));
  const found = await ecs.describeServiceDeployments({ serviceDeploymentArns: arns.slice(0, 1) });
  return found.serviceDeployments?.[0];
}

const ended = (on: Ground, status: string): Promise<ServiceDeployment> =>
  eventually(`a deployment that is ${status}`, 30_000, async () => {
    const found = await newest(on);
    return found?.status === status ? found : undefined;
  });

const refused = (what: string, deploymentConfiguration: object, message: RegExp): Case => ({
  name: `CreateService ${what}`,
  call: ({ ecs }) =>
    ecs.createService({
      serviceName: 'x',
      taskDefinition: 'web',
      desiredCount: 0,
      deploymentConfiguration,
    }),
  fails: INVALID,
  message,
});

conformance('ECS over the SDK: deployment alarms', [
  {
    name: 'CreateService with alarms that nobody has told of yet, and a bake time',
    call: async (on) => {
      await ground(on);
      return on.ecs.createService({
        serviceName: 'shop',
        taskDefinition: 'web:1',
        desiredCount: 1,
        deploymentConfiguration: { alarms: ALARMS, maximumPercent: 300 },
      });
    },
    gives: { service: { deploymentConfiguration: { alarms: ALARMS } } },
  },
  {
    name: 'a deployment during which none goes into ALARM is SUCCESSFUL',
    call: (on) => ended(on, 'SUCCESSFUL'),
    gives: {
      alarms: {
        status: 'MONITORING_COMPLETE',
        alarmNames: ['Errors', 'Latency'],
        triggeredAlarmNames: ABSENT,
      },
    },
  },
  {
    name: 'one that goes into ALARM while the deployment bakes takes it back',
    call: async (on) => {
      await on.ecs.updateService({
        service: 'shop',
        taskDefinition: 'web:2',
        deploymentConfiguration: { bakeTimeInMinutes: 10 },
      });
      await eventually('the new task to run', 30_000, async () => {
        const { services } = await on.ecs.describeServices({ services: ['shop'] });
        const [first] = services?.[0]?.deployments ?? [];
        return first?.runningCount === 1 && services?.[0]?.runningCount === 1 ? first : undefined;
      });
      await alert(on, 'firing');
      return ended(on, 'ROLLBACK_SUCCESSFUL');
    },
    gives: {
      statusReason: 'ECS deployment failed: alarm detected.',
      alarms: { status: 'TRIGGERED', triggeredAlarmNames: ['Errors'] },
      rollback: { reason: /^ECS deployment failed: alarm detected: rolling back to deploymentId / },
    },
  },
  {
    name: 'the service says so in the words of ECS, and runs what it ran',
    call: async ({ ecs }) => {
      const { services } = await ecs.describeServices({ services: ['shop'] });
      const { events = [], taskDefinition } = services?.[0] ?? {};
      const said = events.find(({ message = '' }) => message.includes('alarm detected'));
      return { said: said?.message, taskDefinition };
    },
    gives: {
      said: /^\(service shop\) \(deployment ecs-svc\/\d+\) deployment failed: alarm detected\. \(alarm Errors\) 5 % of requests fail$/,
      taskDefinition: /web:1$/,
    },
  },
  {
    name: 'one that is in ALARM at the begin is passed over, and all others with it',
    call: async (on) => {
      await on.ecs.updateService({
        service: 'shop',
        taskDefinition: 'web:3',
        deploymentConfiguration: { bakeTimeInMinutes: 0 },
      });
      await alert(on, 'firing', 'Latency');
      return ended(on, 'SUCCESSFUL');
    },
    gives: { alarms: { status: 'DISABLED', triggeredAlarmNames: ABSENT } },
  },
  {
    name: 'DescribeServices shows alarms that are switched off',
    call: async (on) => {
      await alert(on, 'resolved');
      await on.ecs.updateService({
        service: 'shop',
        deploymentConfiguration: { alarms: { ...ALARMS, enable: false } },
      });
      on.kept['done'] = 'yes';
      return on.ecs.describeServices({ services: ['shop'] });
    },
    gives: { services: [{ deploymentConfiguration: { alarms: { enable: false } } }] },
  },
  {
    name: 'a key whose user may not set alarms is refused',
    call: async (on) => {
      assert.ok(kept(on, 'done'));
      const reader = await on.plane.user('reader', [
        { Effect: 'Allow', Action: 'ecs:*', Resource: '*' },
      ]);
      const key = `${reader.accessKeyId}:${reader.secretAccessKey}`;
      const response = await fetch(`${on.plane.endpoint}/webhooks/alertmanager`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(key).toString('base64')}` },
        body: JSON.stringify({
          version: '4',
          alerts: [{ status: 'firing', labels: { alertname: 'Other' } }],
        }),
      });
      return { status: response.status, answer: await response.json() };
    },
    gives: { status: 403, answer: { error: /^AccessDeniedException: .*berth:SetAlarmStates/ } },
  },
  refused(
    'with alarms and no name',
    { alarms: { ...ALARMS, alarmNames: [] } },
    /alarmNames is missing/,
  ),
  refused(
    'with 101 alarms',
    { alarms: { ...ALARMS, alarmNames: Array.from({ length: 101 }, (_, at) => `a${at}`) } },
    /alarmNames has 101 names; expected at most 100/,
  ),
  refused(
    'with an alarm twice',
    { alarms: { ...ALARMS, alarmNames: ['a', 'a'] } },
    /more than once/,
  ),
  refused('without enable', { alarms: { alarmNames: ['a'], rollback: true } }, /enable/i),
  refused('with a bake time and no alarms', { bakeTimeInMinutes: 5 }, /bakeTimeInMinutes/),
]);
