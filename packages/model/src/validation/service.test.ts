import assert from 'node:assert/strict';

import type {
  CreateServiceRequest,
  RunTaskRequest,
  UpdateServiceRequest,
} from '../generated/messages.ts';
import { assertRefused, describeRules, type Rule } from './refusals.test.ts';
import { acceptRunTask, checkStopReason } from './run-task.ts';
import { acceptCreateService, acceptUpdateService, checkLoadBalancers } from './service.ts';
import { acceptTaskDefinition } from './task-definition.ts';
import { container, definition, service } from './testing.ts';

const percent = (minimumHealthyPercent?: number, maximumPercent?: number): object => ({
  deploymentConfiguration: { minimumHealthyPercent, maximumPercent },
});
const daemon = { schedulingStrategy: 'DAEMON', desiredCount: undefined } as const;
const spread = (field?: string) => ({ type: 'spread' as const, field });
const constraints = (count: number) =>
  Array.from({ length: count }, () => ({ type: 'distinctInstance' as const }));

describe('a service is refused', () => {
  const rules: Record<string, Rule<CreateServiceRequest>> = {
    'without a name': {
      accepts: service(),
      refuses: service({ serviceName: '' }),
      message: 'Service name is required. (serviceName is empty)',
    },
    'with a name of other characters': {
      accepts: service({ serviceName: 'a_B-1' }),
      refuses: service({ serviceName: 'a/b' }),
      message: 'serviceName is "a/b"; expected 1 to 255 letters, digits, hyphens and underscores.',
    },
    'without a count': {
      accepts: service({ desiredCount: 0 }),
      refuses: service({ desiredCount: undefined }),
      message: 'desiredCount is missing; expected a number of tasks (0 is allowed).',
    },
    'with a negative count': {
      accepts: service({ desiredCount: 100_000 }),
      refuses: service({ desiredCount: -1 }),
      message: 'desiredCount is -1; expected a whole number from 0 to 100000.',
    },
    'as a daemon with a count': {
      accepts: service(daemon),
      refuses: service({ ...daemon, desiredCount: 1 }),
      message:
        'desiredCount is 1; expected none for a DAEMON service: it has one task on each host.',
    },
    'as a daemon with a strategy': {
      accepts: service({ placementStrategy: [spread('host')] }),
      refuses: service({ ...daemon, placementStrategy: [spread('host')] }),
      message: 'placementStrategy is given; expected none for a DAEMON service.',
    },
    'as a daemon above 100 percent': {
      accepts: service({ ...daemon, ...percent(50, 100) }),
      refuses: service({ ...daemon, ...percent(50, 200) }),
      message: 'deploymentConfiguration.maximumPercent is 200; expected 100 for a DAEMON service.',
    },
    'with a minimum above 100 percent': {
      accepts: service(percent(0)),
      refuses: service(percent(101)),
      message:
        'deploymentConfiguration.minimumHealthyPercent is 101; expected a whole number from 0 to 100.',
    },
    'with a maximum below 100 percent': {
      accepts: service(percent(100, 100)),
      refuses: service(percent(0, 99)),
      message:
        'deploymentConfiguration.maximumPercent is 99; expected a whole number from 100 to 1000.',
    },
    'with a negative grace period': {
      accepts: service({ healthCheckGracePeriodSeconds: 2_147_483_647 }),
      refuses: service({ healthCheckGracePeriodSeconds: -1 }),
      message: 'healthCheckGracePeriodSeconds is -1; expected a whole number from 0 to 2147483647.',
    },
    'with a long client token': {
      accepts: service({ clientToken: 'x'.repeat(36) }),
      refuses: service({ clientToken: 'x'.repeat(37) }),
      message: `clientToken is "${'x'.repeat(37)}"; expected 1 to 36 visible ASCII characters.`,
    },
    'with more than 10 constraints': {
      accepts: service({ placementConstraints: constraints(10) }),
      refuses: service({ placementConstraints: constraints(11) }),
      message: 'placementConstraints has 11 constraints; expected at most 10.',
    },
    'with an expression for distinctInstance': {
      accepts: service({ placementConstraints: constraints(1) }),
      refuses: service({
        placementConstraints: [{ type: 'distinctInstance', expression: 'x' }],
      }),
      message: 'placementConstraints[0].expression is "x"; expected none for distinctInstance.',
    },
    'with a memberOf without an expression': {
      accepts: service({
        placementConstraints: [{ type: 'memberOf', expression: 'attribute:a exists' }],
      }),
      refuses: service({ placementConstraints: [{ type: 'memberOf' }] }),
      message:
        'placementConstraints[0].expression is missing; expected a query of the cluster query language.',
    },
    'with a load balancer without a target group': {
      accepts: service({
        loadBalancers: [{ targetGroupArn: 'g', containerName: 'web', containerPort: 80 }],
      }),
      refuses: service({
        loadBalancers: [{ targetGroupArn: '', containerName: 'web', containerPort: 80 }],
      }),
      message:
        'loadBalancers[0].targetGroupArn is missing; expected the name or ARN of a target group.',
    },
    'with a load balancer on port 0': {
      accepts: service(),
      refuses: service({
        loadBalancers: [{ targetGroupArn: 'g', containerName: 'web', containerPort: 0 }],
      }),
      message: 'loadBalancers[0].containerPort is 0; expected a whole number from 1 to 65535.',
    },
  };
  describeRules('InvalidParameterException', rules, acceptCreateService);

  it('with an expression that can not be read, and says where', () => {
    const expression = 'attribute:zone = a';
    const request = service({ placementConstraints: [{ type: 'memberOf', expression }] });
    assert.throws(
      () => acceptCreateService(request),
      /^InvalidParameterException: placementConstraints\[0\]\.expression: column 16: /,
    );
  });

  it('with a strategy that is none', () => {
    for (const strategy of [
      spread(),
      spread('zone'),
      { type: 'random' as const, field: 'cpu' },
      { type: 'binpack' as const, field: 'disk' },
    ]) {
      const request = service({ placementStrategy: [strategy] });
      assert.throws(() => acceptCreateService(request), { code: 'InvalidParameterException' });
    }
    const placementStrategy = Array.from({ length: 6 }, () => spread('host'));
    assert.throws(() => acceptCreateService(service({ placementStrategy })), {
      code: 'InvalidParameterException',
    });
  });
});

describe('a service in normal form', () => {
  it('has the defaults of its kind', () => {
    const breaker = { enable: false, rollback: false };
    assert.deepEqual(acceptCreateService(service()).deploymentConfiguration, {
      minimumHealthyPercent: 100,
      maximumPercent: 200,
      deploymentCircuitBreaker: breaker,
      strategy: 'ROLLING',
    });
    assert.deepEqual(acceptCreateService(service(daemon)).deploymentConfiguration, {
      minimumHealthyPercent: 0,
      maximumPercent: 100,
      deploymentCircuitBreaker: breaker,
      strategy: 'ROLLING',
    });
  });

  it('writes strategies in one way', () => {
    const placementStrategy = [
      spread('host'),
      spread('attribute:zone'),
      { type: 'binpack' as const, field: 'MEMORY' },
      { type: 'random' as const },
    ];
    assert.deepEqual(acceptCreateService(service({ placementStrategy })).placementStrategy, [
      { type: 'spread', field: 'instanceId' },
      { type: 'spread', field: 'attribute:zone' },
      { type: 'binpack', field: 'memory' },
      { type: 'random' },
    ]);
  });

  it('keeps what an update does not give', () => {
    const current = acceptCreateService(
      service({ ...percent(50, 150), placementConstraints: constraints(1) }),
    );
    const request = { service: 'web' } satisfies Partial<UpdateServiceRequest>;
    assert.deepEqual(acceptUpdateService(request, current), current);
    const breaker = { enable: true, rollback: true };
    const updated = acceptUpdateService(
      {
        ...request,
        desiredCount: 5,
        deploymentConfiguration: { deploymentCircuitBreaker: breaker },
        placementConstraints: { items: [] },
      },
      current,
    );
    assert.deepEqual(updated, {
      ...current,
      desiredCount: 5,
      deploymentConfiguration: {
        minimumHealthyPercent: 50,
        maximumPercent: 150,
        deploymentCircuitBreaker: breaker,
        strategy: 'ROLLING',
      },
      placementConstraints: [],
    });
  });

  it('goes from a launch type to a strategy and back', () => {
    const capacityProviderStrategy = { items: [{ capacityProvider: 'a', weight: 1 }] };
    const current = acceptCreateService(service({ launchType: 'EC2' }));
    const shared = acceptUpdateService({ service: 'web', capacityProviderStrategy }, current);
    assert.equal(shared.launch.launchType, undefined);
    assert.equal(shared.launch.capacityProviderStrategy.length, 1);
    const none = { service: 'web', capacityProviderStrategy: { items: [] } };
    const back = acceptUpdateService(none, shared);
    assert.equal(back.launch.launchType, 'EC2');
    assert.deepEqual(back.launch.capacityProviderStrategy, []);
  });
});

describe('a load balancer of a service is refused', () => {
  const content = acceptTaskDefinition(
    definition({
      containerDefinitions: [
        container({
          portMappings: [{ containerPort: 80 }, { containerPort: 53, protocol: 'udp' }],
        }),
      ],
    }),
  );
  const balancer = (containerName: string, containerPort: number) => [
    { targetGroupArn: 'g', containerName, containerPort },
  ];
  const good = balancer('web', 80);
  describeRules(
    'InvalidParameterException',
    {
      'for a container that does not exist': {
        accepts: good,
        refuses: balancer('app', 80),
        message: 'The container app does not exist in the task definition.',
      },
      'for a port that is not mapped': {
        accepts: good,
        refuses: balancer('web', 81),
        message: 'The container web did not have a container port 81 defined.',
      },
      'for a port of udp': {
        accepts: good,
        refuses: balancer('web', 53),
        message:
          'The container web maps container port 53 for udp; expected tcp for a target group.',
      },
      'that is named twice': {
        accepts: good,
        refuses: [...good, ...good],
        message: 'loadBalancers has "g web:80" more than once; expected each at most once.',
      },
    },
    (loadBalancers) => checkLoadBalancers(loadBalancers, content),
  );
});

describe('a RunTask call is refused', () => {
  const content = acceptTaskDefinition(
    definition({
      containerDefinitions: [container()],
      placementConstraints: [{ type: 'memberOf', expression: 'attribute:a exists' }],
    }),
  );
  const run = (fields: Partial<RunTaskRequest> = {}): RunTaskRequest => ({
    taskDefinition: 'hello',
    placementConstraints: [],
    placementStrategy: [],
    tags: [],
    capacityProviderStrategy: [],
    ...fields,
  });
  const override = (fields: object, task: object = {}): RunTaskRequest =>
    run({
      overrides: {
        containerOverrides: [
          { name: 'web', command: [], environment: [], resourceRequirements: [], ...fields },
        ],
        ...task,
      },
    });
  describeRules<RunTaskRequest>(
    'InvalidParameterException',
    {
      'for no task': {
        accepts: run({ count: 10 }),
        refuses: run({ count: 0 }),
        message: 'count is 0; expected a whole number from 1 to 10.',
      },
      'for more than 10': {
        accepts: run({ count: 1 }),
        refuses: run({ count: 11 }),
        message: 'count is 11; expected a whole number from 1 to 10.',
      },
      'for the group of a service': {
        accepts: run({ group: 'batch' }),
        refuses: run({ group: 'service:web' }),
        message:
          'group is "service:web"; expected no group that begins with service:, which is for tasks of services.',
      },
      'with a startedBy of other characters': {
        accepts: run({ startedBy: 'cron/nightly_1' }),
        refuses: run({ startedBy: 'a b' }),
        message:
          'startedBy is "a b"; expected at most 128 letters, digits, hyphens, underscores and slashes.',
      },
      'with more than 10 constraints, those of the definition included': {
        accepts: run({ placementConstraints: constraints(9) }),
        refuses: run({ placementConstraints: constraints(10) }),
        message:
          'placementConstraints together with those of the task definition has 11 constraints; expected at most 10.',
      },
      'with an override for another container': {
        accepts: override({ command: ['x'] }),
        refuses: override({ name: 'app' }),
        message: 'Override for container named app is not a container in the TaskDefinition.',
      },
      'with long overrides': {
        accepts: override({ command: ['x'.repeat(8000)] }),
        refuses: override({ command: ['x'.repeat(8200)] }),
        message: 'overrides is 8297 characters of JSON; expected at most 8192.',
      },
      'with an override below the least memory': {
        accepts: override({ memory: 6 }),
        refuses: override({ memory: 5 }),
        code: 'ClientException',
        message:
          "overrides: Invalid setting for container 'web': memory is 5; expected a whole number from 6 to 2147483647.",
      },
      'with a task memory below that of its containers': {
        accepts: override({}, { memory: '64' }),
        refuses: override({}, { memory: '63' }),
        code: 'ClientException',
        message:
          "overrides: The containers' memory adds up to 64 MiB; expected at most the task's memory, 63 MiB.",
      },
    },
    (request) => acceptRunTask(request, content),
  );

  it('and in normal form has the defaults and sizes in units', () => {
    const order = acceptRunTask(override({}, { cpu: '0.5 vCPU' }), content);
    assert.equal(order.count, 1);
    assert.equal(order.group, 'family:hello');
    assert.equal(order.overrides?.cpu, '512');
  });
});

describe('the reason of a StopTask call', () => {
  it('has at most 1024 characters', () => {
    checkStopReason('x'.repeat(1024));
    assertRefused(
      () => checkStopReason('x'.repeat(1025)),
      'InvalidParameterException',
      'reason has 1025 characters; expected at most 1024.',
    );
  });
});
