// What commands print, from answers of an api: the texts are in golden files, none wider than a terminal of 80.
import assert from 'node:assert/strict';

import { BerthError } from '@berth/model/errors.ts';
import { complete } from '@berth/rpc/codec.ts';

import type { Context, Handlers } from '../context.ts';
import { lastOf } from '../output/text.ts';
import { matchesGolden } from '../testing/golden.ts';
import {
  NOW,
  type TestTerminal,
  testContext,
  testDeployment,
  testService,
  testTask,
} from '../testing/context.ts';
import { certificateSection } from './deployment-certificate-view.ts';

const id = (digit: string): string => digit.repeat(32);
const tasks = [
  testTask('a1'.repeat(16), {
    containers: [
      {
        name: 'hello',
        image: 'berth/hello:1',
        lastStatus: 'RUNNING',
        healthStatus: 'HEALTHY',
        networkBindings: [{ hostPort: 20_001, containerPort: 8080, protocol: 'tcp' }],
      },
    ],
  }),
  testTask('a2'.repeat(16), { lastStatus: 'PENDING', phase: 'PULLING', healthStatus: 'UNKNOWN' }),
  testTask('a3'.repeat(16), {
    lastStatus: 'STOPPED',
    healthStatus: 'UNHEALTHY',
    stopCode: 'EssentialContainerExited',
    stoppedReason: 'Essential container in task exited',
    stoppedAt: NOW - 5000,
    containers: [
      {
        name: 'hello',
        image: 'registry.example.com/team/a-rather-long-image-name:2026-01-31',
        lastStatus: 'STOPPED',
        exitCode: 137,
        reason: 'OutOfMemoryError: Container killed due to memory usage',
        healthStatus: 'UNHEALTHY',
        healthOutput: 'wget: server returned error: HTTP/1.1 503 sick',
      },
    ],
  }),
];
const DEPLOYMENTS = 'arn:aws:ecs:us-east-1:000000000000:service-deployment/default/hello';
const REVISIONS = 'arn:aws:ecs:us-east-1:000000000000:service-revision/default/hello';
const service = testService({
  currentServiceDeployment: `${DEPLOYMENTS}/kQ3v_9xTb0LmN2pRs4uWy`,
  deployments: [
    testDeployment('ecs-svc/1234567890123456789', {
      rolloutState: 'IN_PROGRESS',
      runningCount: 1,
      progress: {
        phase: 'ROLLING',
        since: NOW - 60_000,
        waitsFor: 'healthy tasks: 1 of 2 (1 starting)',
        secondsLeft: 60,
      },
    }),
    testDeployment('ecs-svc/9876543210987654321', { status: 'ACTIVE' }),
  ],
  loadBalancers: [
    {
      targetGroupArn: 'arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/hello/0123',
      containerName: 'hello',
      containerPort: 8080,
    },
  ],
  placementStrategy: [{ type: 'spread', field: 'attribute:ecs.availability-zone' }],
  placementConstraints: [{ type: 'distinctInstance' }],
  events: [
    {
      id: '1',
      createdAt: NOW - 4000,
      message: `(service hello) has started 1 tasks: (task ${id('a')}).`,
    },
  ],
});
const hooked = {
  hookId: 'ecs-pause-00000000deadbeef',
  targetType: 'PAUSE',
  status: 'AWAITING_ACTION',
  lifecycleStage: 'POST_TEST_TRAFFIC_SHIFT',
  expiresAt: NOW + 3_600_000,
  timeoutAction: 'ROLLBACK',
};
const shifting = complete('ServiceDeployment', {
  serviceDeploymentArn: `${DEPLOYMENTS}/kQ3v_9xTb0LmN2pRs4uWy`,
  serviceArn: service.serviceArn,
  createdAt: NOW - 95_000,
  startedAt: NOW - 94_000,
  status: 'IN_PROGRESS',
  deploymentConfiguration: {
    strategy: 'CANARY',
    bakeTimeInMinutes: 5,
    canaryConfiguration: { canaryPercent: 2.5, canaryBakeTimeInSeconds: 90 },
    progressDeadlineInSeconds: 300,
  },
  deploymentCircuitBreaker: { status: 'MONITORING', failureCount: 1, threshold: 3 },
  targetServiceRevision: {
    arn: `${REVISIONS}/7000000000000000002`,
    requestedTaskCount: 2,
    runningTaskCount: 2,
    requestedProductionTrafficWeight: 0,
    requestedTestTrafficWeight: 100,
  },
  sourceServiceRevisions: [
    {
      arn: `${REVISIONS}/7000000000000000001`,
      runningTaskCount: 2,
      requestedProductionTrafficWeight: 100,
      requestedTestTrafficWeight: 0,
    },
  ],
  lifecycleStage: 'POST_TEST_TRAFFIC_SHIFT',
  lifecycleHookDetails: [
    {
      ...hooked,
      hookId: 'ecs-hook-00000000cafebabe',
      targetType: 'AWS_LAMBDA',
      targetArn: 'https://hooks.example.com/smoke',
      status: 'SUCCEEDED',
      lifecycleStage: 'POST_SCALE_UP',
    },
    hooked,
  ],
});
const rolledBack = complete('ServiceDeployment', {
  ...shifting,
  serviceDeploymentArn: `${DEPLOYMENTS}/aaaa_9xTb0LmN2pRs4uWy`,
  createdAt: NOW - 7_200_000,
  startedAt: NOW - 7_200_000,
  finishedAt: NOW - 7_080_000,
  status: 'ROLLBACK_SUCCESSFUL',
  statusReason: 'ECS deployment was stopped by a user.',
  lifecycleHookDetails: [],
});
const phase = (name: string, from: number, to: number, ...waits: object[]): object => ({
  name,
  from: rolledBack.createdAt + from,
  to: rolledBack.createdAt + to,
  waits,
});
const deploymentCertificate = complete('DeploymentCertificateRecord', {
  cluster: 'default',
  service: 'hello',
  id: 'aaaa_9xTb0LmN2pRs4uWy',
  deploymentId: 'ecs-svc/7000000000000000002',
  status: 'ROLLBACK_SUCCESSFUL',
  begunAt: rolledBack.createdAt,
  countedFrom: rolledBack.createdAt + 12,
  endedAt: rolledBack.finishedAt,
  requests: 4812,
  failed: 1,
  revisions: [
    {
      deploymentId: 'ecs-svc/7000000000000000001',
      taskDefinition: 'hello:1',
      requests: 4800,
      targetErrors: 3,
      targets: ['a1', 'a2'].map((task, index) => ({
        group: 'hello',
        target: `host-${index + 1}:20001`,
        taskId: task.repeat(16),
        requests: 2400,
        targetErrors: 3 * index,
      })),
    },
    {
      deploymentId: 'ecs-svc/7000000000000000002',
      taskDefinition: 'hello:2',
      requests: 11,
      failed: 1,
      targets: [
        {
          group: 'hello-green',
          target: 'host-3:20007',
          taskId: 'a3'.repeat(16),
          requests: 11,
          failed: 1,
        },
      ],
    },
  ],
  untaken: [{ group: 'hello-green', requests: 1, failedOtherwise: 1 }],
  failedOtherwise: 1,
  failures: [
    {
      requestId: '1-697df2c0-000000000000000000000001',
      at: rolledBack.createdAt + 71_000,
      target: 'host-3:20007',
      status: 502,
      reason: 'the target closed the connection before it answered',
      ofChange: true,
    },
    {
      requestId: '1-697df2c0-000000000000000000000002',
      at: rolledBack.createdAt + 72_000,
      status: 503,
      reason: 'there is no target',
    },
  ],
  latency: {
    beforeRequests: 90_000,
    beforeP99: 8.25,
    duringP99: 12.5,
    addedP99: 4.25,
    worst: {
      requestId: '1-697df2c0-000000000000000000000003',
      at: rolledBack.createdAt + 70_000,
      milliseconds: 412,
      target: 'host-3:20007',
    },
  },
  phases: [
    phase(
      'SCALE_UP',
      0,
      9000,
      { waitsFor: 'tasks to start', milliseconds: 6000 },
      { waitsFor: 'tasks to pass their checks', milliseconds: 3000 },
    ),
    phase('PRODUCTION_TRAFFIC_SHIFT', 9000, 90_000, {
      waitsFor: 'a bake time',
      milliseconds: 81_000,
    }),
    phase('ROLLBACK', 90_000, 120_000),
  ],
  targetGroups: ['hello', 'hello-green'],
});
const host = complete('Host', {
  hostId: id('c'),
  name: 'host-with-a-name-of-some-length',
  address: '10.0.0.7',
  status: 'ACTIVE',
  agentConnected: true,
  runningTasksCount: 12,
  registeredResources: { cpu: 65_536, memory: 262_144 },
  remainingResources: { cpu: 1024, memory: 100_000, ports: [22, 20_001] },
  attributes: [{ name: 'ecs.capability.container-ordering' }, { name: 'zone', value: 'a' }],
  agentVersion: '0.1.0',
  engineVersion: '20.10.24',
  registeredAt: NOW - 90_000_000,
});
const targets = [
  { address: '10.0.0.7', port: 20_001, taskId: 'a1'.repeat(16), state: 'healthy' },
  { address: '10.0.0.9', port: 8080, taskId: '', state: 'initial' },
  {
    address: '10.0.0.8',
    port: 20_002,
    taskId: 'a2'.repeat(16),
    state: 'unhealthy',
    reason: 'Target.ResponseCodeMismatch',
    description: 'Health checks failed with these codes: [503]',
  },
];
const listener = complete('Listener', {
  listenerArn: 'arn:x/listener/1',
  listenerId: '0123456789abcdef',
  port: 8080,
  protocol: 'HTTPS',
  loadBalancerArn: 'arn:aws:elasticloadbalancing:us-east-1:0:loadbalancer/app/main/0123',
  sslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
  certificates: [{ certificateArn: 'file:example' }],
  mutualAuthentication: {
    mode: 'verify',
    trustStore: 'arn:aws:elasticloadbalancing:us-east-1:0:truststore/ours/0123',
  },
  defaultActions: [{ type: 'fixed-response', fixedResponse: { statusCode: '404' } }],
});
const rules = [
  {
    ruleId: 'd0'.repeat(8),
    ruleArn: 'arn:rule/1',
    listenerArn: listener.listenerArn,
    priority: 'default',
    isDefault: true,
    actions: listener.defaultActions,
  },
  {
    ruleId: 'd1'.repeat(8),
    ruleArn: 'arn:rule/2',
    listenerArn: listener.listenerArn,
    priority: '20',
    conditions: [
      { field: 'host-header', values: ['www.example.com'] },
      { field: 'query-string', queryString: [{ key: 'beta', value: '1' }, { value: 'x*' }] },
    ],
    actions: [
      { type: 'redirect', redirect: { protocol: 'HTTPS', port: '443', statusCode: 'HTTP_301' } },
    ],
  },
  {
    ruleId: 'd2'.repeat(8),
    ruleArn: 'arn:rule/3',
    listenerArn: listener.listenerArn,
    priority: '10',
    conditions: [
      { field: 'path-pattern', regexValues: ['^/api/v\\d+/'] },
      { field: 'http-header', httpHeaderName: 'x-beta', values: ['1', '2'] },
    ],
    transforms: [{ type: 'url-rewrite', rewrites: [{ regex: '^/api', replace: '' }] }],
    attributes: { 'berth.rate_limit.requests_per_second': '100' },
    actions: [
      {
        type: 'forward',
        forward: {
          targetGroups: [
            { targetGroupArn: 'blue', weight: 90 },
            { targetGroupArn: 'green', weight: 10 },
          ],
          targetGroupStickinessConfig: { enabled: true, durationSeconds: 60 },
        },
      },
    ],
  },
].map((rule) => complete('Rule', rule));
const targetGroup = complete('TargetGroup', {
  targetGroupName: 'hello',
  targetGroupArn: 'arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/hello/0123',
  targetType: 'instance',
  createdAt: NOW - 3_600_000,
  healthCheck: {
    protocol: 'HTTP',
    port: 'traffic-port',
    path: '/hello/health',
    intervalSeconds: 5,
    matcher: '200',
  },
  attributes: { 'deregistration_delay.timeout_seconds': '10' },
});
const loadBalancer = complete('ElasticLoadBalancer', {
  loadBalancerName: 'main',
  loadBalancerArn: listener.loadBalancerArn,
  dnsName: 'main-291.us-east-1.elb.berth',
  type: 'application',
  scheme: 'internet-facing',
  createdAt: NOW - 3_600_000,
});
const certificate = complete('Certificate', {
  certificateArn: 'arn:aws:acm:us-east-1:0:certificate/9b2c',
  certificateId: '9b2c1d5e-0000-4000-8000-000000000000',
  source: 'imported',
  status: 'ISSUED',
  domainNames: ['example.com', '*.example.com'],
  notBefore: NOW - 86_400_000,
  notAfter: NOW + 30 * 86_400_000,
  keyAlgorithm: 'EC_prime256v1',
  inUseBy: [listener.listenerArn],
});
const waiting = complete('Certificate', {
  certificateArn: 'arn:aws:acm:us-east-1:0:certificate/77aa',
  certificateId: '77aa0000-0000-4000-8000-000000000000',
  source: 'acme',
  status: 'PENDING_VALIDATION',
  statusReason:
    'The certificate authority could not verify app.example.com: 10.0.0.7: Connection refused',
  domainNames: ['app.example.com'],
  createdAt: NOW - 600_000,
  failedAttempts: 3,
  nextAttemptAt: NOW + 240_000,
});
const trustStore = complete('TrustStore', {
  name: 'ours',
  trustStoreArn: 'arn:aws:elasticloadbalancing:us-east-1:0:truststore/ours/0123',
  numberOfCaCertificates: 2,
  totalRevokedEntries: 1234,
  createdAt: NOW - 3_600_000,
});
const route = complete('TestRouteResponse', {
  listener,
  rule: rules[2],
  passed: [
    {
      ruleArn: 'arn:rule/2',
      priority: '5',
      failed: { condition: 'host www.example.com', compared: 'host "localhost"' },
    },
  ],
  rulesPassed: 3,
  conditions: [{ condition: 'path ~^/api/', holds: true, compared: 'path "/api/v1/x"' }],
  authentication: 'jwt-validation',
  action: 'forward to blue 90 %, green 10 %',
  transformed: 'localhost/v1/x',
  targetGroups: [
    {
      targetGroupArn: 'arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/blue/0123',
      weight: 90,
      healthyTargets: 1,
      registeredTargets: 2,
    },
  ],
});
const taskDefinition = complete('TaskDefinition', {
  family: 'hello',
  revision: 12,
  status: 'ACTIVE',
  registeredAt: NOW - 1000,
  containerDefinitions: [
    { name: 'a', image: 'registry.example.com/team/an-image:1', cpu: 64, memory: 128 },
    { name: 'b', image: 'registry.example.com/team/another:2', memoryReservation: 64 },
  ],
});

interface Arns {
  readonly serviceDeploymentArns: readonly string[];
}

/** The older deployment of `hello` has a certificate, which is closed; the one under way has none yet. */
function certificateOf({ deployment = '' }: { deployment?: string }): Promise<object> {
  if (lastOf(deployment) === deploymentCertificate.id)
    return Promise.resolve(deploymentCertificate);
  const none = new BerthError('ServiceDeploymentNotFoundException', 'There is no certificate');
  return Promise.reject(none);
}

const answer = (value: object) => () => Promise.resolve(value);
const api = {
  ecs: {
    ListClusters: answer({ clusterArns: ['x'] }),
    DescribeClusters: answer({
      clusters: [
        complete('Cluster', {
          clusterName: 'default',
          status: 'ACTIVE',
          registeredContainerInstancesCount: 3,
          runningTasksCount: 12,
          activeServicesCount: 2,
        }),
      ],
      failures: [],
    }),
    ListServices: answer({ serviceArns: ['x'] }),
    ListServiceDeployments: answer({ serviceDeployments: [shifting, rolledBack] }),
    DescribeServiceDeployments: ({ serviceDeploymentArns: arns }: Arns) =>
      Promise.resolve({
        serviceDeployments: [shifting, rolledBack].filter(({ serviceDeploymentArn: arn }) =>
          arns.includes(arn),
        ),
        failures: [],
      }),
    ContinueServiceDeployment: (request: object) => Promise.resolve(request),
    StopServiceDeployment: (request: object) => Promise.resolve(request),
    DescribeServices: answer({ services: [service], failures: [] }),
    ListTasks: answer({ taskArns: ['x'] }),
    DescribeTasks: (request: { tasks: string[] }) =>
      Promise.resolve({ tasks: request.tasks[0] === 'a3' ? [tasks[2]] : tasks, failures: [] }),
    ListHosts: answer({ containerInstanceArns: ['x'] }),
    DescribeHosts: answer({ hosts: [host], failures: [] }),
    ListTaskDefinitions: answer({ taskDefinitionArns: ['x'] }),
    DescribeTaskDefinition: answer({ taskDefinition, tags: [] }),
  },
  loadBalancing: {
    DescribeTargetGroups: answer({ targetGroups: [targetGroup] }),
    DescribeTargetHealth: answer({
      targets,
      traffic: { requests: 12_345, failed: 0, targetErrors: 2, active: 1 },
    }),
    DescribeListeners: answer({ listeners: [listener] }),
    DescribeRules: () => Promise.resolve({ rules: [...rules] }),
    DescribeListenerCertificates: answer({
      certificates: [
        { certificateArn: 'file:example', isDefault: true },
        { certificateArn: certificate.certificateArn, isDefault: false },
      ],
    }),
    DescribeLoadBalancers: answer({ loadBalancers: [loadBalancer] }),
    DescribeLoadBalancerAttributes: answer({
      attributes: { 'idle_timeout.timeout_seconds': '60', 'access_logs.s3.bucket': '' },
    }),
    DescribeCertificates: ({ certificates = [] }: { certificates?: readonly string[] }) => {
      const all = [certificate, waiting];
      const [name] = certificates;
      return Promise.resolve({
        certificates: all.filter((one) => name === undefined || one.domainNames.includes(name)),
      });
    },
    DescribeAcmeSettings: answer({
      settings: {
        directoryUrl: 'https://acme.example/directory',
        email: 'ops@example.com',
        challenge: 'http-01',
        agreedAt: NOW - 86_400_000,
      },
    }),
    DescribeTrustStores: answer({ trustStores: [trustStore] }),
    DescribeTrustStoreAssociations: answer({ resourceArns: [listener.listenerArn] }),
    DescribeTrustStoreRevocations: answer({
      revocations: [{ revocationId: 77, numberOfRevokedEntries: 1234 }],
    }),
    DescribeTags: answer({
      tagDescriptions: [
        {
          resourceArn: listener.loadBalancerArn,
          tags: [{ key: 'team', value: 'web' }],
        },
      ],
    }),
    TestRoute: answer(route),
    FindRouteProblems: answer({
      problems: [
        {
          port: 8080,
          priority: '20',
          ruleArn: 'arn:rule/2',
          problem: 'unreachable: priority 10 takes all of its requests',
        },
      ],
    }),
  },
  operations: {
    GetDeploymentCertificate: certificateOf,
    GetInfo: answer(
      complete('GetInfoResponse', {
        version: '0.1.0',
        replica: '127.0.0.1:7400',
        leaders: [{ role: 'scheduler', holder: 'vm:1' }],
        proxies: [{ id: 'edge-1' }],
      }),
    ),
    GetState: answer({ key: '/berth/v1/x', json: '{"a":1}', modRevision: 7 }),
    ListState: answer({ keys: ['/berth/v1/a', '/berth/v1/b'], truncated: true }),
    WatchEvents: async function* () {
      yield await Promise.resolve({ ...service.events[0], kind: 'service' });
    },
    StreamLogs: async function* () {
      yield await Promise.resolve({
        taskId: 'a1'.repeat(16),
        container: 'hello',
        stream: 'stdout',
        lines: ['one', 'two'],
      });
    },
  },
};

async function outputOf(args: readonly string[]): Promise<TestTerminal> {
  const context: Context & { terminal: TestTerminal } = testContext(args, api);
  const { handlers } = (await import(`./${moduleOf(args)}.ts`)) as { handlers: Handlers };
  const handler = handlers[args.slice(0, 2).join(' ')] ?? handlers[args[0] ?? ''];
  assert.ok(handler, args.join(' '));
  assert.equal((await handler(context)) ?? 0, 0);
  return context.terminal;
}

function moduleOf(args: readonly string[]): string {
  const [first = '', second] = args;
  return second === 'certificate' ? `${first}-certificate` : first;
}

const shown: readonly (readonly string[])[] = [
  ['status'],
  ['cluster', 'list'],
  ['cluster', 'show', 'default'],
  ['host', 'list'],
  ['host', 'show', 'x'],
  ['service', 'list'],
  ['service', 'show', 'hello'],
  ['deployment', 'list', 'hello'],
  ['deployment', 'show', 'hello', 'kQ3v'],
  ['deployment', 'show', 'hello', 'aaaa'],
  ['deployment', 'certificate', 'hello', 'aaaa_9xTb0LmN2pRs4uWy'],
  ['deployment', 'continue', 'hello'],
  ['deployment', 'rollback', 'hello', '--hook', 'ecs-pause-00000000deadbeef'],
  ['deployment', 'stop', 'hello'],
  ['task', 'list'],
  ['task', 'show', 'a3'],
  ['task-definition', 'list'],
  ['target-group', 'list'],
  ['target-group', 'show', 'hello'],
  ['target-group', 'health', 'hello'],
  ['load-balancer', 'list'],
  ['load-balancer', 'show', 'main'],
  ['listener', 'list'],
  ['listener', 'show', '8080'],
  ['rule', 'list'],
  ['rule', 'show', 'd2'],
  ['route', 'test', 'get', 'https://localhost:8080/api/v1/x', '-H', 'x-beta: 1'],
  ['route', 'problems'],
  ['tls-certificate', 'list'],
  ['tls-certificate', 'show', 'example.com'],
  ['tls-certificate', 'show', 'app.example.com'],
  ['acme', 'show'],
  ['trust-store', 'list'],
  ['trust-store', 'show', 'ours'],
  ['tag', 'list', 'arn:x'],
  ['events'],
  ['logs', 'hello'],
  ['state', 'get', 'x'],
  ['state', 'ls'],
];

describe('what commands print', () => {
  it('reads as it should', async () => {
    let all = '';
    for (const args of shown) {
      all += `$ berth ${args.join(' ')}\n${(await outputOf(args)).output()}\n`;
    }
    matchesGolden('commands.txt', all);
  });

  for (const args of shown.filter(([, verb]) => verb === 'list' || verb === 'health')) {
    it(`keeps to 80 columns: berth ${args.join(' ')}`, async () => {
      for (const line of (await outputOf(args)).output().split('\n')) {
        assert.ok(line.length < 80, line);
      }
    });
  }

  for (const args of shown) {
    it(`is JSON with --json: berth ${args.join(' ')}`, async () => {
      const text = (await outputOf([...args, '--json'])).output();
      const value = JSON.parse(text) as object;
      assert.equal(typeof value, 'object');
    });
  }

  it('is the api’s own JSON, with absolute times', async () => {
    const text = (await outputOf(['service', 'show', 'hello', '--json'])).output();
    const { services } = JSON.parse(text) as { services: { createdAt: number }[] };
    assert.equal(services[0]?.createdAt, NOW - 3_600_000);
  });

  it('names the deployments that a name could mean, or that there is none', async () => {
    await assert.rejects(outputOf(['deployment', 'show', 'hello', 'zz']), /no deployment "zz"/);
    const both = outputOf(['deployment', 'stop', 'default/hello/']);
    await assert.rejects(both, /2 deployments of service hello begin with ""/);
  });

  it('says of a deployment that goes on since when its certificate counts', () => {
    const open = { ...deploymentCertificate, status: 'OPEN', endedAt: undefined };
    assert.deepEqual(certificateSection({ certificate: open }, testContext(['version'])), [
      '',
      'Certificate: not yet; requests are counted since 2026-01-31 10:00:00Z',
    ]);
  });

  it('shows a deployment to who may see it but not its certificate', async () => {
    const message = 'User: ada is not authorized to perform: berth:GetDeploymentCertificate';
    const denied = new BerthError('AccessDeniedException', message);
    const operations = { GetDeploymentCertificate: () => Promise.reject(denied) };
    const context = testContext(['deployment', 'show', 'hello'], { ...api, operations });
    const { handlers } = await import('./deployment.ts');
    await handlers['deployment show']?.(context);
    assert.ok(context.terminal.output().endsWith(`\nCertificate: ${message}\n`));
  });

  it('has the certificate in the JSON of a deployment', async () => {
    const text = (await outputOf(['deployment', 'show', 'hello', 'aaaa', '--json'])).output();
    const { certificate } = JSON.parse(text) as { certificate: object };
    const alone = ['deployment', 'certificate', 'hello', deploymentCertificate.id, '--json'];
    assert.deepEqual(certificate, JSON.parse((await outputOf(alone)).output()));
  });

  it('says when more was left out', async () => {
    assert.deepEqual((await outputOf(['state', 'ls'])).complaints(), [
      'only the first 2 keys are shown; --limit shows more',
    ]);
  });
});
