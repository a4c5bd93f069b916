// What users may do, and what the audit log says of it.
import assert from 'node:assert/strict';

import { isBerthError } from '@berth/model/errors.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { methodsOf } from '@berth/rpc/load.ts';
import { collections } from '@berth/store/keys.ts';

import { type GuardedService, RULES } from './guard.ts';
import { redacted } from './redact.ts';
import { AccessBench } from './testing.ts';

const ARN = 'arn:aws:ecs:us-east-1:000000000000';
const ELB = 'arn:aws:elasticloadbalancing:us-east-1:000000000000';
const SCALING = 'arn:aws:application-autoscaling:us-east-1:000000000000';
const TASK = 'ab'.repeat(16);
const HOST = 'cd'.repeat(16);

describe('guard', () => {
  let bench: AccessBench;

  beforeEach(async () => {
    bench = await AccessBench.start();
    const tags = [{ key: 'env', value: 'prod' }];
    await bench.put(collections.clusters, ['prod'], { name: 'prod', status: 'ACTIVE', tags });
    await bench.put(collections.services, ['prod', 'web'], { cluster: 'prod', name: 'web', tags });
    await bench.put(collections.tasks, ['prod', TASK], { id: TASK, cluster: 'prod', tags });
    await bench.put(collections.hosts, ['prod', HOST], { id: HOST, cluster: 'prod', name: 'h1' });
    await bench.put(collections.taskDefinitionFamilies, ['app'], { latestRevision: 2 });
    for (const revision of [1, 2]) {
      await bench.put(collections.taskDefinitions, ['app', String(revision)], {
        family: 'app',
        revision,
        status: 'ACTIVE',
      });
    }
    const balancer = { name: 'edge', id: '00000000000000ed', type: 'application' } as const;
    await bench.put(collections.loadBalancers, ['edge'], balancer);
    const first = { ...balancer, name: 'berth', id: '0000000000000001' };
    await bench.put(collections.loadBalancers, ['berth'], first);
    const listener = { id: '000000000000001f', port: 8080, loadBalancer: 'edge', tags };
    await bench.put(collections.listeners, [listener.id], listener);
    await bench.put(collections.rules, [listener.id, '000000000000007a'], {
      id: '000000000000007a',
      listenerId: listener.id,
    });
    await bench.put(collections.targetGroups, ['web'], { name: 'web', id: '00000000000000aa' });
    const scaled = { cluster: 'prod', service: 'scaled', id: '7a', tags: { team: 'shop' } };
    await bench.put(collections.scalableTargets, ['prod', 'scaled'], scaled);
    bench.sink.lines.splice(0);
  });
  afterEach(() => bench.stop());

  /** The message of the refusal; undefined when the handler was reached. */
  async function asked(
    service: GuardedService,
    method: string,
    request: object,
    call: CallContext,
  ): Promise<string | undefined> {
    try {
      await bench.ask(service, method as never, request, call);
      return undefined;
    } catch (error) {
      assert.ok(isBerthError(error, 'AccessDeniedException'), String(error));
      return error.message;
    }
  }

  it('has a rule for every method of every service that users may call', () => {
    for (const [service, rules] of Object.entries(RULES)) {
      const methods = [...methodsOf(service as GuardedService).keys()].sort();
      assert.deepEqual(Object.keys(rules).sort(), methods, service);
    }
  });

  it('lets users without policies do nothing, and admins everything', async () => {
    const nobody = await bench.user('nobody');
    for (const service of ['Ecs', 'LoadBalancing', 'Scaling', 'Operations'] as const) {
      for (const { name, kind } of methodsOf(service).values()) {
        if (kind !== 'unary' || name === 'CountTraffic') continue;
        assert.match((await asked(service, name, {}, nobody)) ?? '', /is not authorized/, name);
        assert.equal(await asked(service, name, {}, bench.call()), undefined);
      }
    }
  });

  it('speaks of denials as ECS does', async () => {
    const ada = await bench.user('ada', { Effect: 'Allow', Action: 'ecs:List*', Resource: '*' });
    assert.equal(await asked('Ecs', 'ListClusters', {}, ada), undefined);
    assert.equal(
      await asked('Ecs', 'DescribeClusters', { clusters: ['prod'] }, ada),
      `User: arn:aws:iam::000000000000:user/ada is not authorized to perform: ecs:DescribeClusters on resource: ${ARN}:cluster/prod because no identity-based policy allows the ecs:DescribeClusters action`,
    );
    const bob = await bench.user(
      'bob',
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: 'ecs:DeleteCluster', Resource: '*' },
    );
    assert.equal(
      await asked('Ecs', 'DeleteCluster', { cluster: 'prod' }, bob),
      `User: arn:aws:iam::000000000000:user/bob is not authorized to perform: ecs:DeleteCluster on resource: ${ARN}:cluster/prod with an explicit deny in an identity-based policy`,
    );
  });

  interface Case {
    readonly service: GuardedService;
    readonly method: string;
    readonly request: object;
    /** ACTION RESOURCE of each thing that is needed. */
    readonly needs: readonly string[];
  }
  const cases: readonly Case[] = [
    {
      service: 'Ecs',
      method: 'RunTask',
      request: { cluster: 'prod', taskDefinition: 'app' },
      needs: [`ecs:RunTask ${ARN}:task-definition/app:2`],
    },
    {
      service: 'Ecs',
      method: 'RunTask',
      request: {
        taskDefinition: `${ARN}:task-definition/app:1`,
        tags: [{ key: 'a', value: 'b' }],
        overrides: { taskRoleArn: 'arn:aws:iam::000000000000:role/app' },
      },
      needs: [
        `ecs:RunTask ${ARN}:task-definition/app:1`,
        `ecs:TagResource ${ARN}:task/default/*`,
        'iam:PassRole arn:aws:iam::000000000000:role/app',
      ],
    },
    {
      service: 'Ecs',
      method: 'StopTask',
      request: { cluster: 'prod', task: TASK.slice(0, 6) },
      needs: [`ecs:StopTask ${ARN}:task/prod/${TASK}`],
    },
    {
      // A bare id is looked for where the ARN beside it is.
      service: 'Ecs',
      method: 'DescribeTasks',
      request: { tasks: [`${ARN}:task/prod/${'00'.repeat(16)}`, TASK.slice(0, 6)] },
      needs: [
        `ecs:DescribeTasks ${ARN}:task/prod/${'00'.repeat(16)}`,
        `ecs:DescribeTasks ${ARN}:task/prod/${TASK}`,
      ],
    },
    {
      service: 'Ecs',
      method: 'UpdateService',
      request: { service: `${ARN}:service/prod/web` },
      needs: [`ecs:UpdateService ${ARN}:service/prod/web`],
    },
    {
      service: 'Ecs',
      method: 'DescribeHosts',
      request: { cluster: 'prod', hosts: ['h1'] },
      needs: [`ecs:DescribeContainerInstances ${ARN}:container-instance/prod/${HOST}`],
    },
    {
      service: 'Ecs',
      method: 'DeregisterHost',
      request: { host: `${ARN}:container-instance/prod/${HOST}` },
      needs: [`ecs:DeregisterContainerInstance ${ARN}:cluster/prod`],
    },
    {
      service: 'Ecs',
      method: 'RegisterTaskDefinition',
      request: { family: 'new', executionRoleArn: 'exec' },
      needs: [
        `ecs:RegisterTaskDefinition ${ARN}:task-definition/new:*`,
        'iam:PassRole arn:aws:iam::000000000000:role/exec',
      ],
    },
    {
      service: 'Ecs',
      method: 'TagResource',
      request: { resourceArn: `${ARN}:service/prod/web` },
      needs: [`ecs:TagResource ${ARN}:service/prod/web`],
    },
    {
      service: 'LoadBalancing',
      method: 'ModifyListener',
      request: { listener: '8080' },
      needs: [
        `elasticloadbalancing:ModifyListener ${ELB}:listener/app/edge/00000000000000ed/000000000000001f`,
      ],
    },
    {
      service: 'LoadBalancing',
      method: 'DeleteRule',
      request: { rule: '000000000000007a' },
      needs: [
        `elasticloadbalancing:DeleteRule ${ELB}:listener-rule/app/edge/00000000000000ed/000000000000001f/000000000000007a`,
      ],
    },
    {
      // The default rule, by its bare id.
      service: 'LoadBalancing',
      method: 'ModifyRule',
      request: { rule: '000000000000001f' },
      needs: [
        `elasticloadbalancing:ModifyRule ${ELB}:listener-rule/app/edge/00000000000000ed/000000000000001f/000000000000001f`,
      ],
    },
    {
      service: 'LoadBalancing',
      method: 'RegisterTargets',
      request: { targetGroup: 'web' },
      needs: [`elasticloadbalancing:RegisterTargets ${ELB}:targetgroup/web/00000000000000aa`],
    },
    {
      service: 'LoadBalancing',
      method: 'CreateTargetGroup',
      request: { name: 'new', tags: [{ key: 'a', value: 'b' }] },
      needs: [
        `elasticloadbalancing:CreateTargetGroup ${ELB}:targetgroup/new/*`,
        `elasticloadbalancing:AddTags ${ELB}:targetgroup/new/*`,
      ],
    },
    {
      // A target that is left empty is the one of the request, as for the operation.
      service: 'Ecs',
      method: 'PutAttributes',
      request: { cluster: 'prod', host: 'h1', attributes: [{ name: 'a', targetId: '' }] },
      needs: [`ecs:PutAttributes ${ARN}:container-instance/prod/${HOST}`],
    },
    {
      service: 'LoadBalancing',
      method: 'CreateListener',
      request: { loadBalancer: '', tags: [{ key: 'a', value: 'b' }] },
      needs: [
        `elasticloadbalancing:CreateListener ${ELB}:loadbalancer/app/berth/0000000000000001`,
        `elasticloadbalancing:AddTags ${ELB}:listener/app/berth/0000000000000001/*`,
      ],
    },
    {
      service: 'LoadBalancing',
      method: 'CreateRule',
      request: { listener: '8080', tags: [{ key: 'a', value: 'b' }] },
      needs: [
        `elasticloadbalancing:CreateRule ${ELB}:listener/app/edge/00000000000000ed/000000000000001f`,
        `elasticloadbalancing:AddTags ${ELB}:listener-rule/app/edge/00000000000000ed/000000000000001f/*`,
      ],
    },
    {
      // Scaling a service changes it.
      service: 'Scaling',
      method: 'RegisterScalableTarget',
      request: { serviceNamespace: 'ecs', resourceId: 'service/prod/web', tags: { a: 'b' } },
      needs: [
        `application-autoscaling:RegisterScalableTarget ${SCALING}:scalable-target/*`,
        `application-autoscaling:TagResource ${SCALING}:scalable-target/*`,
        `ecs:UpdateService ${ARN}:service/prod/web`,
      ],
    },
    {
      service: 'Scaling',
      method: 'PutScheduledAction',
      request: { serviceNamespace: 'ecs', resourceId: 'service/prod/scaled' },
      needs: [
        `application-autoscaling:PutScheduledAction ${SCALING}:scalable-target/7a`,
        `ecs:UpdateService ${ARN}:service/prod/scaled`,
      ],
    },
    {
      service: 'Scaling',
      method: 'UntagResource',
      request: { resourceArn: `${SCALING}:scalable-target/7a`, tagKeys: ['a'] },
      needs: [`application-autoscaling:UntagResource ${SCALING}:scalable-target/7a`],
    },
    {
      service: 'Access',
      method: 'AttachPolicy',
      request: { policy: 'ReadOnlyAccess', userName: 'nobody' },
      needs: ['iam:AttachUserPolicy arn:aws:iam::000000000000:user/nobody'],
    },
  ];
  for (const { service, method, request, needs } of cases) {
    it(`asks for ${needs.join(' and ')}`, async () => {
      const allow = (all: readonly string[]): object[] =>
        all.map((text) => {
          const [Action, Resource] = text.split(' ');
          return { Effect: 'Allow', Action, Resource };
        });
      const enough = await bench.user('enough', ...allow(needs));
      if (service !== 'Access') {
        assert.equal(await asked(service, method, request, enough), undefined);
      }
      for (const [index, missing] of needs.entries()) {
        const others = needs.filter((_, at) => at !== index);
        const less = await bench.user(`less${index}`, ...allow(others));
        const [action, resource] = missing.split(' ');
        const message = await asked(service, method, request, less);
        assert.ok(
          message?.includes(`is not authorized to perform: ${action} on resource: ${resource} `),
          message,
        );
      }
    });
  }

  it('knows the tags and the cluster of what is asked for, and who asks from where', async () => {
    const conditions = {
      StringEquals: { 'aws:ResourceTag/env': 'prod', 'aws:username': 'ada' },
      ArnEquals: { 'ecs:cluster': `${ARN}:cluster/prod` },
      IpAddress: { 'aws:SourceIp': '10.0.0.0/8' },
      DateLessThan: { 'aws:CurrentTime': '2026-02-01T00:00:00Z' },
    };
    const ada = await bench.user('ada', {
      Effect: 'Allow',
      Action: 'ecs:StopTask',
      Resource: '*',
      Condition: conditions,
    });
    const request = { cluster: 'prod', task: TASK };
    assert.equal(await asked('Ecs', 'StopTask', request, ada), undefined);
    const elsewhere = { ...ada, peer: 'ipv4:192.0.2.1:99' };
    assert.match((await asked('Ecs', 'StopTask', request, elsewhere)) ?? '', /no identity-based/);
    assert.match(
      (await asked('Ecs', 'StopTask', { task: 'f00d' }, ada)) ?? '',
      /task\/default\/f00d/,
    );
  });

  it('asks for tags that a creation gives', async () => {
    const ada = await bench.user(
      'ada',
      { Effect: 'Allow', Action: 'ecs:CreateCluster', Resource: '*' },
      {
        Effect: 'Allow',
        Action: 'ecs:TagResource',
        Resource: '*',
        Condition: {
          StringEquals: {
            'ecs:CreateAction': 'CreateCluster',
            'aws:RequestTag/team': '${aws:username}',
          },
          'ForAllValues:StringEquals': { 'aws:TagKeys': ['team'] },
        },
      },
    );
    const create = (...tags: object[]): Promise<string | undefined> =>
      asked('Ecs', 'CreateCluster', { clusterName: 'new', tags }, ada);
    assert.equal(await create(), undefined);
    assert.equal(await create({ key: 'team', value: 'ada' }), undefined);
    assert.match((await create({ key: 'team', value: 'bob' })) ?? '', /ecs:TagResource/);
    const more = await create({ key: 'team', value: 'ada' }, { key: 'x', value: '' });
    assert.match(more ?? '', /ecs:TagResource on resource: .*cluster\/new/);
  });

  it('takes the policies of the moment, and no key that has been taken back', async () => {
    const ada = await bench.user('ada', { Effect: 'Allow', Action: '*', Resource: '*' });
    assert.equal(await asked('Ecs', 'ListClusters', {}, ada), undefined);
    await bench.ask('Access', 'DetachPolicy', { policy: 'of-ada', userName: 'ada' });
    assert.match((await asked('Ecs', 'ListClusters', {}, ada)) ?? '', /no identity-based policy/);
    await bench.ask('Access', 'AttachPolicy', { policy: 'of-ada', userName: 'ada' });
    const { identity } = ada;
    assert.ok(identity.role === 'user');
    const { accessKeyId } = identity.principal;
    await bench.ask('Access', 'UpdateAccessKey', {
      userName: 'ada',
      accessKeyId,
      status: 'Inactive',
    });
    assert.match((await asked('Ecs', 'ListClusters', {}, ada)) ?? '', /deactivated or deleted/);
  });

  it('lets users see to their own keys, where a policy says so', async () => {
    const own = 'arn:aws:iam::*:user/${aws:username}';
    const ada = await bench.user('ada', {
      Effect: 'Allow',
      Action: 'iam:*AccessKey*',
      Resource: own,
    });
    await bench.user('bob');
    assert.equal(await asked('Access', 'CreateAccessKey', {}, ada), undefined);
    assert.equal(await asked('Access', 'ListAccessKeys', { userName: 'ADA' }, ada), undefined);
    const message = await asked('Access', 'CreateAccessKey', { userName: 'bob' }, ada);
    assert.match(message ?? '', /iam:CreateAccessKey on resource: .*user\/bob/);
    assert.match(
      (await asked('Access', 'ListAccessKeys', { all: true }, ada)) ?? '',
      /resource: \* /,
    );
  });

  it('notes when a key was used, now and then', async () => {
    const ada = await bench.user('ada', { Effect: 'Allow', Action: '*', Resource: '*' });
    const uses = (): number[] =>
      Array.from(bench.cache.list(collections.accessKeyUses), ({ value }) => value.lastUsedAt);
    const { signal } = ada;
    const before = bench.store.revision;
    await asked('Ecs', 'ListClusters', {}, ada);
    await asked('Ecs', 'ListClusters', {}, ada);
    await bench.cache.reached(before + 1, signal);
    assert.deepEqual(uses(), [bench.clock.now()]);
    const { accessKeys } = await bench.ask('Access', 'ListAccessKeys', { all: true });
    assert.deepEqual(
      accessKeys.map(({ lastUsedAt, lastUsedService }) => [lastUsedAt, lastUsedService]),
      [[bench.clock.now(), 'ecs']],
    );
    assert.equal(bench.store.revision, before + 1);
  });

  describe('audit log', () => {
    it('says who did what, from where, and what came of it', async () => {
      const ada = await bench.user('ada', {
        Effect: 'Allow',
        Action: 'ecs:StopTask',
        Resource: '*',
      });
      bench.sink.lines.splice(0);
      await asked('Ecs', 'StopTask', { cluster: 'prod', task: TASK, reason: 'tired' }, ada);
      await asked('Ecs', 'DeleteCluster', { cluster: 'prod' }, ada);
      await asked('Ecs', 'ListClusters', {}, bench.call());
      const [stopped, denied, listed] = bench.sink.lines;
      assert.deepEqual(
        { ...stopped, durationMs: 0, userIdentity: undefined },
        {
          eventVersion: '1.11',
          eventTime: '2026-01-31T12:00:00.000Z',
          eventSource: 'ecs.amazonaws.com',
          eventName: 'StopTask',
          awsRegion: 'us-east-1',
          recipientAccountId: '000000000000',
          sourceIPAddress: '10.1.2.3',
          userIdentity: undefined,
          readOnly: false,
          requestID: 'r1',
          requestParameters: { cluster: 'prod', task: TASK, reason: 'tired' },
          resources: [{ ARN: `${ARN}:task/prod/${TASK}` }],
          durationMs: 0,
        },
      );
      const who = stopped?.['userIdentity'] as Record<string, unknown>;
      assert.deepEqual([who['type'], who['userName']], ['IAMUser', 'ada']);
      assert.match(String(who['accessKeyId']), /^AKIA/);
      assert.equal(denied?.['errorCode'], 'AccessDeniedException');
      assert.match(
        String(denied?.['errorMessage']),
        /not authorized to perform: ecs:DeleteCluster/,
      );
      assert.deepEqual(
        [listed?.['readOnly'], listed?.['userIdentity']],
        [true, { type: 'BerthCertificate', principalId: 'admin/tester' }],
      );
    });

    it('keeps long user agents and messages short: nobody can push the lines of others out with them', async () => {
      const call = bench.call();
      const metadata = new Map([['user-agent', 'x'.repeat(30_000)]]);
      await asked('Ecs', 'ListClusters', {}, { ...call, metadata });
      const agent = bench.sink.lines.at(-1)?.['userAgent'];
      assert.equal(String(agent).length, 1024);
      const { record } = bench.access.door;
      const error = { code: 'ValidationError', message: 'y'.repeat(100_000) };
      await record({
        ...{ service: 'ecs', operation: 'X', readOnly: false, identity: undefined },
        ...{ peer: '', requestId: '', resources: [], durationMs: 0, error },
      });
      assert.ok(JSON.stringify(bench.sink.lines.at(-1)).length < 5_000);
    });

    it('that can not be written stops nobody; the line goes to the log of the process', async () => {
      bench.sink.broken = true;
      assert.equal(
        await asked('Ecs', 'DeleteCluster', { cluster: 'prod' }, bench.call()),
        undefined,
      );
      const [line] = bench.logger.lines.filter(({ level }) => level === 'error');
      assert.equal(line?.message, 'an audit line could not be written');
      const entry = line?.fields['audit'] as Record<string, unknown>;
      assert.equal(entry['eventName'], 'DeleteCluster');
    });

    it('holds no secrets', () => {
      assert.deepEqual(
        redacted({
          family: 'web',
          containerDefinitions: [
            { name: 'a', environment: [{ name: 'PASSWORD', value: 'hunter2' }], links: [] },
          ],
          keyPem: 'x',
          actions: [{ authenticateOidc: { clientSecret: 'y', clientId: 'z' } }],
          chainPem: '-----',
          stdin: Buffer.from('typed'),
        }),
        {
          family: 'web',
          containerDefinitions: [
            { name: 'a', environment: [{ name: 'PASSWORD', value: '[hidden]' }] },
          ],
          keyPem: '[hidden]',
          actions: [{ authenticateOidc: { clientSecret: '[hidden]', clientId: 'z' } }],
          chainPem: '[PEM]',
          stdin: '[hidden]',
        },
      );
    });

    it('is closed in the end', async () => {
      const other = await AccessBench.start();
      await other.stop();
      assert.ok(other.sink.closed);
    });
  });
});
