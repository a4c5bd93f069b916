// Who may call, over the wire as it is: signatures, the protocol's own errors, policies; and what one replica of the api acknowledges
// and another shows. Source: ECS reference, sections 1.2 to 1.4 and 12.
import { ECS } from '@aws-sdk/client-ecs';
import { GetSessionTokenCommand } from '@aws-sdk/client-sts';
import assert from 'node:assert/strict';

import { type Case, conformance, settingsFor } from './cases.ts';
import { ANY } from './match.ts';
import { type Raw, raw } from './raw.ts';

const ARN = 'arn:aws:ecs:us-east-1:000000000000';

const fault = (
  name: string,
  how: Raw,
  code: string,
  message: RegExp | string,
  status = 400,
): Case => ({
  name,
  call: (on) => raw(on, how),
  gives: {
    status,
    type: 'application/x-amz-json-1.1',
    id: /^[0-9a-f-]{36}$/,
    date: ANY,
    body: { __type: code, message },
  },
});

const MINUTE = 60_000;
const BAD = 'InvalidSignatureException';

conformance('ECS over raw HTTP', [
  {
    name: 'a call that is signed',
    call: (on) => raw(on, {}),
    gives: { status: 200, type: 'application/x-amz-json-1.1', body: { clusterArns: [] } },
  },
  {
    name: 'a member that nobody knows is left alone',
    call: (on) => raw(on, { body: '{"future":{"a":[1]}}' }),
    gives: { status: 200 },
  },
  {
    name: 'times are seconds, not texts',
    call: async (on) => {
      const body = JSON.stringify({
        family: 'times',
        containerDefinitions: [{ name: 'a', image: 'a', memory: 16 }],
      });
      const answer = await raw(on, { operation: 'RegisterTaskDefinition', body });
      const { registeredAt } = answer.body['taskDefinition'] as Record<string, unknown>;
      return Math.abs(Number(registeredAt) * 1000 - Date.now()) < MINUTE;
    },
    gives: true,
  },
  fault(
    'another secret',
    { key: { secretAccessKey: 'wrong' } },
    BAD,
    /^The request signature we calculated does not match the signature you provided\./,
  ),
  fault(
    'a body that was altered',
    { sent: '{"maxResults":1}', change: (of) => delete of['x-amz-content-sha256'] },
    BAD,
    /./,
  ),
  fault(
    'another region',
    { region: 'eu-west-1' },
    BAD,
    "Credential should be scoped to a valid region, not 'eu-west-1'.",
  ),
  fault(
    'another service',
    { service: 's3' },
    BAD,
    "Credential should be scoped to correct service: 'ecs'.",
  ),
  fault(
    'a clock that is six minutes late',
    { at: new Date(Date.now() - 6 * MINUTE) },
    BAD,
    /^Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)$/,
  ),
  fault(
    'a clock that is an hour ahead',
    { at: new Date(Date.now() + 60 * MINUTE) },
    BAD,
    /^Signature not yet current: /,
  ),
  fault(
    'a key that there is not',
    { key: { accessKeyId: 'AKIAAAAAAAAAAAAAAAAA' } },
    'UnrecognizedClientException',
    'The security token included in the request is invalid.',
  ),
  fault(
    'a session token that is not the key’s',
    { key: { sessionToken: 'made up' } },
    'UnrecognizedClientException',
    'The security token included in the request is invalid.',
  ),
  fault(
    'no signature',
    { change: (of) => delete of['authorization'] },
    'MissingAuthenticationTokenException',
    'Missing Authentication Token',
  ),
  fault(
    'an Authorization without a credential',
    { change: (of) => (of['authorization'] = 'AWS4-HMAC-SHA256 SignedHeaders=host, Signature=00') },
    'IncompleteSignatureException',
    /^Authorization header requires 'Credential' parameter\./,
  ),
  fault(
    'an Authorization of another algorithm',
    { change: (of) => (of['authorization'] = 'Bearer abc') },
    'IncompleteSignatureException',
    /AWS4-HMAC-SHA256/,
  ),
  fault(
    'a target that was not signed',
    {
      change: (of) =>
        (of['authorization'] = (of['authorization'] ?? '').replace(';x-amz-target', '')),
    },
    BAD,
    /x-amz-target/,
  ),
  fault(
    'an operation that nobody knows',
    { operation: 'MakeCoffee' },
    'UnknownOperationException',
    /MakeCoffee/,
  ),
  fault(
    'an operation that is left out',
    { operation: 'CreateDaemon' },
    'UnsupportedFeatureException',
    /^CreateDaemon is not supported by Berth\./,
  ),
  fault('what is no JSON', { body: '{"a":' }, 'SerializationException', /JSON/),
  fault('JSON that is no object', { body: '[]' }, 'SerializationException', /START_ARRAY/),
  fault(
    'a number where a text has to be',
    { operation: 'DeleteCluster', body: '{"cluster":1}' },
    'SerializationException',
    /String/,
  ),
  fault(
    'a fraction where a whole number has to be',
    { body: '{"maxResults":1.5}' },
    'SerializationException',
    /Integer/,
  ),
  fault(
    'nesting without end',
    { body: `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}` },
    'SerializationException',
    /nested/,
  ),
  {
    name: 'temporary credentials',
    call: async (on) => {
      const { Credentials } = await on.sts.send(new GetSessionTokenCommand({}));
      const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
      const key = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey };
      const [whole, bare] = await Promise.all([
        raw(on, { key: { ...key, sessionToken: SessionToken } }),
        raw(on, { key }),
      ]);
      return [whole.status, bare.body];
    },
    gives: [200, { __type: 'UnrecognizedClientException' }],
  },
]);

const DEVELOPER = [
  { Effect: 'Allow', Action: ['ecs:Describe*', 'ecs:List*'], Resource: '*' },
  {
    Effect: 'Allow',
    Action: ['ecs:CreateService', 'ecs:UpdateService'],
    Resource: `${ARN}:service/blue/*`,
    Condition: { ArnEquals: { 'ecs:cluster': `${ARN}:cluster/blue` } },
  },
  { Effect: 'Allow', Action: 'ecs:RegisterTaskDefinition', Resource: '*' },
  {
    Effect: 'Allow',
    Action: 'ecs:RunTask',
    Resource: `${ARN}:task-definition/web:*`,
    Condition: { StringEquals: { 'aws:RequestTag/team': 'a' } },
  },
  {
    Effect: 'Allow',
    Action: 'ecs:TagResource',
    Resource: '*',
    Condition: { StringEquals: { 'ecs:CreateAction': 'RunTask' } },
  },
  { Effect: 'Deny', Action: 'ecs:ListAccountSettings', Resource: '*' },
  {
    Effect: 'Allow',
    Action: 'ecs:DeleteCluster',
    Resource: '*',
    Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
  },
];

let developer: ECS | undefined;

/** Calls as the developer, whom the first case makes. */
const asDeveloper = (call: (ecs: ECS) => Promise<unknown>) => (): Promise<unknown> => {
  assert.ok(developer);
  return call(developer);
};

const denied = (name: string, call: (ecs: ECS) => Promise<unknown>, message: RegExp): Case => ({
  name,
  call: asDeveloper(call),
  fails: 'AccessDeniedException',
  message,
});

const NOT_AUTHORIZED =
  'User: arn:aws:iam::000000000000:user/developer is not authorized to perform:';

conformance('ECS over the SDK: what policies allow', [
  {
    name: 'a user with a narrow policy',
    call: async ({ ecs, plane }) => {
      for (const clusterName of ['blue', 'green']) await ecs.createCluster({ clusterName });
      await ecs.registerTaskDefinition({
        family: 'web',
        containerDefinitions: [{ name: 'main', image: 'web', memory: 16 }],
      });
      await plane.host({ cluster: 'blue' });
      const key = await plane.user('developer', DEVELOPER);
      developer = new ECS(settingsFor({ ...key, endpoint: plane.endpoint }));
      return developer.listClusters({});
    },
    gives: { clusterArns: [`${ARN}:cluster/blue`, `${ARN}:cluster/green`] },
  },
  denied(
    'what nothing allows is denied with action and resource',
    (ecs) => ecs.createCluster({ clusterName: 'mine' }),
    new RegExp(
      `^${NOT_AUTHORIZED} ecs:CreateCluster on resource: \\* because no identity-based policy allows the ecs:CreateCluster action$`,
    ),
  ),
  denied(
    'a resource that the policy does not name',
    (ecs) =>
      ecs.createService({
        cluster: 'green',
        serviceName: 'web',
        taskDefinition: 'web',
        desiredCount: 0,
      }),
    new RegExp(
      `^${NOT_AUTHORIZED} ecs:CreateService on resource: ${ARN}:service/green/web because`,
    ),
  ),
  {
    name: 'a resource that it names',
    call: asDeveloper((ecs) =>
      ecs.createService({
        cluster: 'blue',
        serviceName: 'web',
        taskDefinition: 'web',
        desiredCount: 0,
      }),
    ),
    gives: { service: { createdBy: 'arn:aws:iam::000000000000:user/developer' } },
  },
  denied(
    'tags at creation need a permission of their own',
    (ecs) =>
      ecs.createService({
        cluster: 'blue',
        serviceName: 'tagged',
        taskDefinition: 'web',
        desiredCount: 0,
        tags: [{ key: 'a', value: 'b' }],
      }),
    /ecs:TagResource on resource: .*service\/blue\/tagged/,
  ),
  denied(
    'a deny wins over the allow of a wildcard',
    (ecs) => ecs.listAccountSettings({}),
    /^User: .* is not authorized to perform: ecs:ListAccountSettings on resource: \* with an explicit deny in an identity-based policy$/,
  ),
  denied(
    'a condition on tags that does not hold',
    (ecs) => ecs.runTask({ cluster: 'blue', taskDefinition: 'web' }),
    /ecs:RunTask on resource: .*:task-definition\/web:1 because/,
  ),
  {
    name: 'a condition on tags that holds',
    call: asDeveloper((ecs) =>
      ecs.runTask({
        cluster: 'blue',
        taskDefinition: 'web',
        tags: [{ key: 'team', value: 'a' }],
      }),
    ),
    gives: { tasks: [{ taskArn: ANY }], failures: [] },
  },
  denied(
    'a condition on the address of the caller',
    (ecs) => ecs.deleteCluster({ cluster: 'green' }),
    /ecs:DeleteCluster on resource: .*:cluster\/green/,
  ),
  denied(
    'a role can’t be given to tasks without iam:PassRole',
    (ecs) =>
      ecs.registerTaskDefinition({
        family: 'web',
        taskRoleArn: 'arn:aws:iam::000000000000:role/powerful',
        containerDefinitions: [{ name: 'main', image: 'web', memory: 16 }],
      }),
    /iam:PassRole on resource: arn:aws:iam::000000000000:role\/powerful/,
  ),
  {
    name: 'nothing of what was denied has been done',
    call: async ({ ecs }) => {
      const [clusters, services, definitions] = await Promise.all([
        ecs.listClusters({}),
        ecs.listServices({ cluster: 'green' }),
        ecs.listTaskDefinitions({}),
      ]);
      developer?.destroy();
      return [clusters.clusterArns, services.serviceArns, definitions.taskDefinitionArns];
    },
    gives: [[`${ARN}:cluster/blue`, `${ARN}:cluster/green`], [], [`${ARN}:task-definition/web:1`]],
  },
]);

let second: ECS | undefined;
let secondEndpoint = '';

const onSecond = (): ECS => {
  assert.ok(second);
  return second;
};

const ROUNDS = 25;

conformance('ECS over two replicas: what one acknowledges, the other shows', [
  {
    name: 'a second replica serves what the first has made',
    call: async ({ ecs, plane }) => {
      await ecs.createCluster({});
      secondEndpoint = await plane.replica();
      second = new ECS(settingsFor({ ...plane, endpoint: secondEndpoint }));
      return second.describeClusters({});
    },
    gives: { clusters: [{ clusterName: 'default', status: 'ACTIVE' }], failures: [] },
  },
  {
    name: 'task definitions: register here, describe there, and the numbers go on',
    call: async ({ ecs }) => {
      for (let round = 1; round <= ROUNDS; round += 1) {
        const [writer, reader] = round % 2 === 0 ? [ecs, onSecond()] : [onSecond(), ecs];
        const { taskDefinition } = await writer.registerTaskDefinition({
          family: 'web',
          containerDefinitions: [{ name: 'main', image: 'web', memory: 16 }],
        });
        assert.equal(taskDefinition?.revision, round);
        const found = await reader.describeTaskDefinition({ taskDefinition: 'web' });
        assert.equal(found.taskDefinition?.revision, round);
      }
      return (await onSecond().listTaskDefinitions({})).taskDefinitionArns?.length;
    },
    gives: ROUNDS,
  },
  {
    name: 'services: update here, describe there',
    call: async ({ ecs }) => {
      await ecs.createService({ serviceName: 'web', taskDefinition: 'web', desiredCount: 0 });
      for (let round = 1; round <= ROUNDS; round += 1) {
        const [writer, reader] = round % 2 === 0 ? [ecs, onSecond()] : [onSecond(), ecs];
        await writer.updateService({ service: 'web', desiredCount: round });
        const { services } = await reader.describeServices({ services: ['web'] });
        assert.equal(services?.[0]?.desiredCount, round);
      }
      await onSecond().deleteService({ service: 'web', force: true });
      return (await ecs.listServices({})).serviceArns;
    },
    gives: [],
  },
  {
    name: 'tasks: run here, describe and stop there',
    call: async ({ ecs, plane }) => {
      await plane.host();
      for (let round = 1; round <= ROUNDS; round += 1) {
        const [writer, reader] = round % 2 === 0 ? [ecs, onSecond()] : [onSecond(), ecs];
        const { tasks = [] } = await writer.runTask({ taskDefinition: 'web' });
        const task = tasks[0]?.taskArn ?? '';
        const shown = await reader.describeTasks({ tasks: [task] });
        assert.equal(shown.tasks?.[0]?.desiredStatus, 'RUNNING');
        await reader.stopTask({ task });
        const stopped = await writer.describeTasks({ tasks: [task] });
        assert.equal(stopped.tasks?.[0]?.desiredStatus, 'STOPPED');
      }
      return (await ecs.listTasks({})).taskArns;
    },
    gives: [],
  },
  {
    name: 'a client token is known to both',
    call: async ({ ecs }) => {
      const input = { taskDefinition: 'web', clientToken: 'both' };
      const [one, other] = [await ecs.runTask(input), await onSecond().runTask(input)];
      return one.tasks?.[0]?.taskArn === other.tasks?.[0]?.taskArn;
    },
    gives: true,
  },
  {
    name: 'a token of pages given by one is taken by the other',
    call: async ({ ecs }) => {
      const first = await ecs.listTaskDefinitions({ maxResults: 10 });
      const next = await onSecond().listTaskDefinitions({
        maxResults: 10,
        nextToken: first.nextToken,
      });
      return next.taskDefinitionArns?.[0];
    },
    gives: `${ARN}:task-definition/web:11`,
  },
  {
    name: 'a key that is made here is known there, and its policy holds',
    call: async ({ plane }) => {
      const key = await plane.user('reader', [
        { Effect: 'Allow', Action: 'ecs:ListClusters', Resource: '*' },
      ]);
      const reader = new ECS(settingsFor({ ...key, endpoint: secondEndpoint }));
      const answer = await reader.listClusters({});
      reader.destroy();
      onSecond().destroy();
      return answer.clusterArns;
    },
    gives: [`${ARN}:cluster/default`],
  },
]);
