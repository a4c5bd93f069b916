import assert from 'node:assert/strict';

import {
  CreateServiceCommand,
  DescribeClustersCommand,
  DescribeTasksCommand,
  ECSClient,
  ListClustersCommand,
  RunTaskCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import {
  DescribeTagsCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { BerthError } from '@berth/model/errors.ts';
import fc from 'fast-check';

import { ecs, elbv2, scaling, sts } from '../models/services.ts';
import {
  isWellFormed,
  PRINCIPAL,
  send,
  startEndpoint,
  type SeenCall,
  type TestEndpoint,
} from '../testing/endpoint.ts';

const ECS = 'AmazonEC2ContainerServiceV20141113';

describe('the AWS endpoint', () => {
  const clients: { destroy(): void }[] = [];
  let endpoint: TestEndpoint;
  let client: ECSClient;

  before(async () => {
    endpoint = await startEndpoint({
      ListClusters: ({ nextToken }) => {
        if (nextToken === 'bug') throw new TypeError('a secret of the inside');
        if (nextToken === 'busy') throw new BerthError('Unavailable', 'etcd does not answer');
        if (nextToken === 'denied') throw new BerthError('AccessDeniedException', 'User: x is not');
        if (nextToken === 'other') throw new BerthError('TargetGroupNotFound', 'not ECS’s own');
        return { clusterArns: ['arn:a'], nextToken: 'more' };
      },
      DescribeTasks: {
        tasks: [
          {
            taskArn: 'arn:t',
            lastStatus: 'RUNNING',
            createdAt: 1712345678123,
            hostName: 'h',
            startedBy: '',
          },
        ],
      },
      RunTask: () => {
        throw new BerthError('ConflictException', 'token', {
          details: { resourceIds: 'arn:a,arn:b' },
        });
      },
      DescribeTags: ({ resourceArns }) => ({
        tagDescriptions: (resourceArns as string[]).map((resourceArn) => ({
          resourceArn,
          tags: [{ key: resourceArn, value: '' }],
        })),
      }),
      GetCallerIdentity: {
        arn: PRINCIPAL.arn,
        userId: PRINCIPAL.uniqueId,
        account: '000000000000',
      },
    });
    client = new ECSClient(endpoint.settings);
    clients.push(client);
  });

  after(async () => {
    for (const one of clients) one.destroy();
    await endpoint.stop();
  });

  const fails = async (call: Promise<unknown>, name: string, message?: RegExp): Promise<void> => {
    await assert.rejects(call, (error: Error) => {
      assert.equal(error.name, name, error.message);
      if (message) assert.match(error.message, message);
      return true;
    });
  };

  it('hands the request on in the shape of the message, with who calls and from where', async () => {
    endpoint.seen.length = 0;
    await client.send(
      new UpdateServiceCommand({
        service: 's',
        loadBalancers: [],
        placementStrategy: [{ type: 'binpack', field: 'MEMORY' }],
      }),
    );
    const [{ method, request, call }] = endpoint.seen as [SeenCall];
    assert.equal(method, 'UpdateService');
    assert.equal(request['service'], 's');
    assert.deepEqual(request['loadBalancers'], { items: [] });
    assert.deepEqual(request['placementStrategy'], {
      items: [{ type: 'binpack', field: 'memory' }],
    });
    assert.equal(request['placementConstraints'], undefined);
    assert.deepEqual(call.identity, {
      role: 'user',
      name: 'ada',
      principal: PRINCIPAL,
      secure: false,
    });
    assert.match(call.peer ?? '', /^127\.0\.0\.1:\d+$/);
    assert.match(call.metadata.get('user-agent') ?? '', /^aws-sdk-js/);
  });

  it('answers with times in seconds, lists that are always there, and nothing that ECS does not know', async () => {
    const { tasks } = await client.send(new DescribeTasksCommand({ tasks: ['a'] }));
    const [task] = tasks ?? [];
    assert.equal(task?.createdAt?.getTime(), 1712345678123);
    assert.deepEqual([task?.containers, task?.attachments, task?.tags], [[], [], []]);
    assert.equal('hostName' in (task ?? {}), false);
    assert.equal('startedBy' in (task ?? {}), false);
  });

  it('gives each answer a request id, the time and its type', async () => {
    const good = await send(endpoint, {
      service: 'ecs',
      target: `${ECS}.ListClusters`,
      body: '{}',
    });
    const bad = await send(endpoint, { service: 'ecs', target: `${ECS}.ListClusters`, body: '{' });
    for (const { headers } of [good, bad]) {
      assert.match(headers.get('x-amzn-requestid') ?? '', /^[0-9a-f-]{36}$/);
      assert.ok(Number.isFinite(Date.parse(headers.get('date') ?? '')));
      assert.equal(headers.get('content-type'), 'application/x-amz-json-1.1');
    }
    assert.equal(good.text, '{"clusterArns":["arn:a"],"nextToken":"more"}');
    assert.equal(bad.status, 400);
    assert.equal(bad.headers.get('x-amzn-errortype'), 'SerializationException');
  });

  it('gives errors the names and the statuses of their service', async () => {
    const list = (nextToken: string): Promise<unknown> =>
      client.send(new ListClustersCommand({ nextToken }));
    await fails(list('busy'), 'ServerException', /^etcd does not answer/);
    await fails(list('denied'), 'AccessDeniedException', /^User: x/);
    await fails(list('other'), 'InvalidParameterException', /not ECS/);
    await assert.rejects(
      client.send(new RunTaskCommand({ taskDefinition: 't' })),
      (error: object) => {
        assert.deepEqual((error as { resourceIds?: string[] }).resourceIds, ['arn:a', 'arn:b']);
        return true;
      },
    );
  });

  it('keeps what went wrong inside to the log', async () => {
    await assert.rejects(
      client.send(new ListClustersCommand({ nextToken: 'bug' })),
      (error: Error) => {
        assert.equal(error.name, 'ServerException');
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
    assert.ok(
      endpoint.logger.lines.some(
        ({ level, message }) => level === 'error' && message.includes('unexpectedly'),
      ),
    );
  });

  it('checks inputs by the model before anything is called', async () => {
    endpoint.seen.length = 0;
    const create = (more: object): Promise<unknown> =>
      client.send(new CreateServiceCommand({ serviceName: 's', ...more }));
    await fails(
      create({ launchType: 'LAMBDA' }),
      'InvalidParameterException',
      /LAMBDA.*EC2, EXTERNAL, FARGATE/,
    );
    await fails(
      create({ serviceName: undefined }),
      'InvalidParameterException',
      /^ServiceName can not be blank\.$/,
    );
    await fails(
      create({ serviceRegistries: [{ registryArn: 'a' }] }),
      'InvalidParameterException',
      /^serviceRegistries is not supported/,
    );
    await fails(
      create({ capacityProviderStrategy: [{ capacityProvider: 'a', weight: 1_001 }] }),
      'InvalidParameterException',
      /capacityProviderStrategy\[0\]\.weight/,
    );
    await fails(
      client.send(new DescribeClustersCommand({ include: ['SECRETS' as 'TAGS'] })),
      'InvalidParameterException',
      /include\[0\]/,
    );
    assert.deepEqual(endpoint.seen, []);
  });

  it('speaks the Query protocol with XML that clients read back, whatever the texts are', async () => {
    const elb = new ElasticLoadBalancingV2Client(endpoint.settings);
    clients.push(elb);
    const arns = ['<a>&amp;"\'', ' spaces\n\tkept ', 'ü€🚢', ']]>', 'arn:aws:x'];
    const { TagDescriptions } = await elb.send(new DescribeTagsCommand({ ResourceArns: arns }));
    assert.deepEqual(
      TagDescriptions,
      arns.map((ResourceArn) => ({ ResourceArn, Tags: [{ Key: ResourceArn, Value: '' }] })),
    );
    await assert.rejects(
      elb.send(new DescribeTagsCommand({ ResourceArns: undefined })),
      (error: Error) => {
        assert.equal(error.name, 'ValidationError');
        assert.equal(
          error.message,
          "1 validation error detected: Value null at 'resourceArns' failed to satisfy constraint: Member must not be null",
        );
        return true;
      },
    );
  });

  it('answers a Query call by GET as one by POST', async () => {
    const query = { Action: 'DescribeTags', Version: '2015-12-01', 'ResourceArns.member.1': 'a b' };
    const { status, text } = await send(endpoint, {
      service: 'elasticloadbalancing',
      method: 'GET',
      query,
      body: '',
    });
    assert.equal(status, 200);
    assert.match(text, /<ResourceArn>a b<\/ResourceArn>/);
  });

  it('tells who calls', async () => {
    const client = new STSClient(endpoint.settings);
    clients.push(client);
    const { Arn, UserId, Account } = await client.send(new GetCallerIdentityCommand({}));
    assert.deepEqual([Arn, UserId, Account], [PRINCIPAL.arn, PRINCIPAL.uniqueId, '000000000000']);
  });

  it('names an operation or an API that there is not', async () => {
    const ask = (target: string, body = '{}') => send(endpoint, { service: 'ecs', target, body });
    for (const target of [
      `${ECS}.Fly`,
      `${ECS}.__proto__`,
      `${ECS}.constructor`,
      `${ECS}.`,
      'X.Y',
      '',
      '.',
    ]) {
      const { status, text } = await ask(target);
      assert.equal(status, 400);
      assert.match(text, /"__type":"UnknownOperationException"/, target);
    }
    const query = (body: string) => send(endpoint, { service: 'elasticloadbalancing', body });
    assert.match((await query('')).text, /<Code>MissingAction</);
    assert.match((await query('Action=Fly&Version=2015-12-01')).text, /<Code>InvalidAction</);
    assert.match(
      (await query('Action=DescribeTags&Version=2012-06-01')).text,
      /<Code>InvalidAction</,
    );
    assert.match((await query('Action=toString&Version=2015-12-01')).text, /<Code>InvalidAction</);
  });

  it('refuses who is nobody, in the words of the protocol', async () => {
    const target = { 'x-amz-target': `${ECS}.ListClusters` };
    const json = await fetch(endpoint.url, { method: 'POST', headers: target, body: '{}' });
    assert.equal(json.headers.get('x-amzn-errortype'), 'MissingAuthenticationTokenException');
    const body = new URLSearchParams({ Action: 'DescribeTags', Version: '2015-12-01' });
    const query = await fetch(endpoint.url, { method: 'POST', body });
    assert.equal(query.status, 403);
    assert.match(await query.text(), /<Code>MissingAuthenticationToken</);
  });

  it('tells the audit log of calls that came to no handler, and of no other', async () => {
    endpoint.recorded.length = 0;
    await client.send(new DescribeTasksCommand({ tasks: ['a'] }));
    assert.equal(endpoint.recorded.length, 0);
    await send(endpoint, { service: 'ecs', target: `${ECS}.ExecuteCommand`, body: '{}' });
    const stranger = new ECSClient({
      ...endpoint.settings,
      credentials: { accessKeyId: 'AKIANOBODYNOBODYNOBO', secretAccessKey: 'x' },
    });
    clients.push(stranger);
    await fails(stranger.send(new ListClustersCommand({})), 'UnrecognizedClientException');
    const [known, unknown] = endpoint.recorded;
    assert.equal(known?.operation, 'ExecuteCommand');
    assert.equal(known.identity?.name, 'ada');
    assert.equal(known.error?.code, 'InvalidParameterException');
    assert.equal(unknown?.identity, undefined);
    assert.equal(unknown?.accessKeyId, 'AKIANOBODYNOBODYNOBO');
    assert.equal(unknown.error?.code, 'UnrecognizedClientException');
  });

  it('answers anything that is signed in the form of its protocol', async function () {
    this.timeout(60_000);
    const json = [ecs, scaling].flatMap((model) =>
      Object.keys(model.operations).map((name) => ({
        service: model === ecs ? 'ecs' : 'application-autoscaling',
        target: `${model.target ?? ''}.${name}`,
      })),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...json),
        fc.oneof(fc.json(), fc.string()),
        async (how, body) => {
          const { status, text } = await send(endpoint, { ...how, body });
          const value = JSON.parse(text) as { __type?: unknown; message?: unknown };
          if (status === 200) return;
          assert.equal(typeof value.__type, 'string');
          assert.equal(typeof value.message, 'string');
          assert.ok(status < 500, text);
        },
      ),
      { numRuns: 150 },
    );
    const query = [elbv2, sts].flatMap((model) =>
      Object.keys(model.operations).map((Action) => ({
        service: model === elbv2 ? 'elasticloadbalancing' : 'sts',
        Action,
        Version: model.version,
      })),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...query),
        fc.dictionary(fc.string(), fc.string({ unit: 'binary' }), { noNullPrototype: true }),
        async ({ service, ...asked }, more) => {
          const body = new URLSearchParams({ ...more, ...asked }).toString();
          const { status, text } = await send(endpoint, { service, body });
          assert.ok(isWellFormed(text), text);
          if (status !== 200) assert.match(text, /<Code>\w+<\/Code>/);
          assert.ok(status < 500, text);
        },
      ),
      { numRuns: 150 },
    );
  });
});
