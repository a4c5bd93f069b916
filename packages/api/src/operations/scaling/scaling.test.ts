// Application Auto Scaling's registrations. Source: Auto Scaling reference, sections 1, 2, 3, 5 and 6.
import assert from 'node:assert/strict';

import type { PutScalingPolicyRequest } from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';
import { putRecord } from '@berth/store/record.ts';

import { Bench, webDefinition } from '../testing.ts';

const KEY = {
  serviceNamespace: 'ecs',
  resourceId: 'service/default/web',
  scalableDimension: 'ecs:service:DesiredCount',
};
const CPU = { predefinedMetricType: 'ECSServiceAverageCPUUtilization' };

describe('scaling', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster();
    await bench.ecs('RegisterTaskDefinition', webDefinition);
    const service = { serviceName: 'web', taskDefinition: 'hello', desiredCount: 2 };
    await bench.ecs('CreateService', service);
  });
  afterEach(() => bench.stop());

  const register = (more: object = {}) =>
    bench.scaling('RegisterScalableTarget', { ...KEY, minCapacity: 1, maxCapacity: 4, ...more });
  const targets = () => bench.scaling('DescribeScalableTargets', { serviceNamespace: 'ecs' });
  const tracking = (more: object = {}): Input<PutScalingPolicyRequest> => ({
    ...KEY,
    policyName: 'cpu',
    policyType: 'TargetTrackingScaling',
    targetTrackingScalingPolicyConfiguration: {
      targetValue: 70,
      predefinedMetricSpecification: CPU,
      ...more,
    },
  });
  const steps = (...bounds: (readonly [number | undefined, number | undefined])[]) => ({
    ...KEY,
    policyName: 'steps',
    stepScalingPolicyConfiguration: {
      adjustmentType: 'ChangeInCapacity' as const,
      stepAdjustments: bounds.map(([lower, upper]) => ({
        scalingAdjustment: 1,
        metricIntervalLowerBound: lower,
        metricIntervalUpperBound: upper,
      })),
    },
  });

  it('registers a service, changes what is given, and shows it', async () => {
    const { scalableTargetArn } = await register({ tags: { team: 'a' } });
    assert.match(scalableTargetArn, /:scalable-target\/[0-9a-f-]{36}$/);
    const again = await bench.scaling('RegisterScalableTarget', { ...KEY, maxCapacity: 9 });
    assert.equal(again.scalableTargetArn, scalableTargetArn);
    const [target] = (await targets()).scalableTargets;
    assert.equal(target?.minCapacity, 1);
    assert.equal(target.maxCapacity, 9);
    assert.match(target.roleArn, /AWSServiceRoleForApplicationAutoScaling_ECSService$/);
    assert.equal(target.suspendedState?.dynamicScalingInSuspended, false);
  });

  it('refuses what can not be scaled, and bounds that contradict each other', async () => {
    const refused = (more: object, message: RegExp) =>
      bench.refuses(() => register(more), 'ValidationException', message);
    await refused({ resourceId: 'service/default/none' }, /ECS service doesn't exist/);
    await refused({ resourceId: 'default/web' }, /service\/CLUSTER\/SERVICE/);
    await refused({ serviceNamespace: 'dynamodb' }, /serviceNamespace/);
    await refused({ scalableDimension: 'ecs:service:Other' }, /scalableDimension/);
    await refused({ minCapacity: 5 }, /Maximum capacity cannot be less/);
    await refused({ minCapacity: -1 }, /minCapacity/);
    await bench.refuses(
      () => bench.scaling('RegisterScalableTarget', { ...KEY, minCapacity: 1 }),
      'ValidationException',
      /for the first time/,
    );
  });

  it('takes policies and actions along when a target goes', async () => {
    await register();
    await bench.scaling('PutScalingPolicy', tracking());
    await bench.scaling('PutScheduledAction', {
      ...KEY,
      scheduledActionName: 'night',
      schedule: 'cron(0 22 * * ? *)',
      scalableTargetAction: { minCapacity: 0 },
    });
    await bench.scaling('DeregisterScalableTarget', KEY);
    assert.deepEqual((await targets()).scalableTargets, []);
    assert.deepEqual([...bench.cache.list(collections.scalingPolicies)], []);
    assert.deepEqual([...bench.cache.list(collections.scheduledActions)], []);
    await bench.refuses(
      () => bench.scaling('DeregisterScalableTarget', KEY),
      'ObjectNotFoundException',
      /No scalable target registered/,
    );
  });

  it('takes along as many actions as a target may have', async () => {
    await register();
    const parts = ['default', 'web'] as const;
    const puts = Array.from({ length: 200 }, (_, index) => {
      const record = { cluster: 'default', service: 'web', name: `a${index}`, id: `${index}` };
      const whole = complete('ScheduledActionRecord', record);
      return putRecord(collections.scheduledActions, [...parts, record.name], whole);
    });
    const { signal } = new AbortController();
    for (const some of [puts.slice(0, 100), puts.slice(100)]) {
      const written = { guards: [], puts: some, deletes: [] };
      const { revision } = await bench.store.commit(written, signal);
      await bench.cache.reached(revision, signal);
    }
    await bench.scaling('DeregisterScalableTarget', KEY);
    assert.equal([...bench.cache.list(collections.scheduledActions)].length, 0);
    assert.deepEqual((await targets()).scalableTargets, []);
  });

  it('keeps policies by name, and their type', async () => {
    await bench.refuses(
      () => bench.scaling('PutScalingPolicy', tracking()),
      'ObjectNotFoundException',
      /No scalable target/,
    );
    await register();
    const first = await bench.scaling('PutScalingPolicy', tracking());
    assert.match(
      first.policyArn,
      /:scalingPolicy:[0-9a-f-]{36}:resource\/ecs\/service\/default\/web:policyName\/cpu$/,
    );
    const again = await bench.scaling('PutScalingPolicy', tracking({ targetValue: 50 }));
    assert.equal(again.policyArn, first.policyArn);
    const list = await bench.scaling('DescribeScalingPolicies', { serviceNamespace: 'ecs' });
    const [policy] = list.scalingPolicies;
    assert.equal(policy?.targetTrackingScalingPolicyConfiguration?.targetValue, 50);
    await bench.refuses(
      () =>
        bench.scaling('PutScalingPolicy', {
          ...steps([0, undefined]),
          policyName: 'cpu',
          policyType: 'StepScaling',
        }),
      'ValidationException',
      /can't be changed to StepScaling/,
    );
    await bench.refuses(
      () => bench.scaling('PutScalingPolicy', { ...tracking(), policyName: 'second' }),
      'ValidationException',
      /cpu has the same/,
    );
    await bench.scaling('DeleteScalingPolicy', { ...KEY, policyName: 'cpu' });
    await bench.refuses(
      () => bench.scaling('DeleteScalingPolicy', { ...KEY, policyName: 'cpu' }),
      'ObjectNotFoundException',
      /policy name: cpu/,
    );
  });

  it('refuses metrics that are none', async () => {
    await register();
    const refused = (more: object, message: RegExp) =>
      bench.refuses(
        () => bench.scaling('PutScalingPolicy', tracking(more)),
        'ValidationException',
        message,
      );
    const custom = (metric: object) => ({
      predefinedMetricSpecification: undefined,
      customizedMetricSpecification: metric,
    });
    await refused({ targetValue: 0 }, /targetValue/);
    await refused({ predefinedMetricSpecification: undefined }, /Exactly one of/);
    await refused({ predefinedMetricSpecification: { predefinedMetricType: 'Other' } }, /one of/);
    const requests = { predefinedMetricType: 'ALBRequestCountPerTarget' };
    await refused({ predefinedMetricSpecification: requests }, /resourceLabel/);
    await refused({ predefinedMetricSpecification: { ...CPU, resourceLabel: 'x' } }, /only with/);
    await refused(custom({ metricName: 'depth' }), /needs MetricName, Namespace and Statistic/);
    await refused(custom({ metrics: [{ id: 'M1', expression: 'a' }] }), /metrics\[0\]\.id/);
    await refused(custom({ metrics: [{ id: 'm1' }] }), /exactly one of Expression and MetricStat/);
    const two = [
      { id: 'm1', expression: 'm2*2' },
      { id: 'm2', expression: '1' },
    ];
    await refused(custom({ metrics: two }), /Exactly one metric must return data; found 2/);
    await bench.scaling(
      'PutScalingPolicy',
      tracking(custom({ metrics: [two[0], { ...two[1], returnData: false }] })),
    );
  });

  it('takes steps that cover what they must, and no others', async () => {
    await register();
    const good = [
      [[undefined, undefined]],
      [[0, undefined]],
      [
        [0, 10],
        [10, undefined],
      ],
      [
        [undefined, -10],
        [-10, 0],
        [0, undefined],
      ],
    ] as const;
    for (const bounds of good) await bench.scaling('PutScalingPolicy', steps(...bounds));
    const bad: readonly (readonly [
      readonly (readonly [number?, (number | undefined)?])[],
      RegExp,
    ])[] = [
      [[], /StepAdjustments is empty/],
      [[[0, 10]], /positive upper bound/],
      [[[-10, undefined]], /negative lower bound/],
      [
        [
          [0, 10],
          [20, undefined],
        ],
        /leave a gap between 10 and 20/,
      ],
      [
        [
          [0, 10],
          [5, undefined],
        ],
        /overlap between 10 and 5/,
      ],
      [[[10, 0]], /not below/],
    ];
    for (const [bounds, message] of bad) {
      const given = bounds.map(([lower, upper]) => [lower, upper] as const);
      await bench.refuses(
        () => bench.scaling('PutScalingPolicy', steps(...given)),
        'ValidationException',
        message,
      );
    }
    const many = Array.from({ length: 21 }, (_, index) => [index, index + 1] as const);
    await bench.refuses(
      () => bench.scaling('PutScalingPolicy', steps(...many)),
      'LimitExceededException',
      'stepAdjustments has 21 step adjustments; expected at most 20.',
    );
  });

  it('takes schedules of the grammar, and no others', async () => {
    await register();
    const put = (schedule: string, more: object = {}) =>
      bench.scaling('PutScheduledAction', {
        ...KEY,
        scheduledActionName: 'night',
        schedule,
        scalableTargetAction: { minCapacity: 1, maxCapacity: 2 },
        ...more,
      });
    const good = [
      'at(2026-07-01T09:00:00)',
      'rate(1 minute)',
      'rate(5 hours)',
      'cron(0 22 * * ? *)',
      'cron(0/15 8-18 ? * MON-FRI *)',
      'cron(0 0 L * ? 2026-2030)',
      'cron(0 0 ? * 6#3 *)',
      'cron(0 10,14,16 15W jan,feb ? *)',
    ];
    for (const schedule of good) await put(schedule);
    const bad = [
      'at(2026-02-30T09:00:00)',
      'at(2026-07-01T25:00:00)',
      'rate(1 minutes)',
      'rate(5 minute)',
      'rate(0 minutes)',
      'cron(60 * * * ? *)',
      'cron(* * * * * )',
      'cron(0 0 1 * MON *)',
      'cron(5-1 * * * ? *)',
      'every day',
    ];
    for (const schedule of bad) {
      await bench.refuses(() => put(schedule), 'ValidationException', /schedule/i);
    }
    const refused = (more: object, message: RegExp) =>
      bench.refuses(() => put('rate(1 minute)', more), 'ValidationException', message);
    await refused({ timezone: 'Mars/Olympus' }, /timezone/);
    await refused({ scheduledActionName: 'a/b' }, /scheduledActionName/);
    await refused({ scalableTargetAction: { minCapacity: 3, maxCapacity: 2 } }, /Maximum capacity/);
    await refused({ startTime: 2, endTime: 1 }, /after its start time/);
    await put('rate(1 minute)', { startTime: 1000, endTime: 2000, timezone: 'Europe/Berlin' });
    await bench.scaling('PutScheduledAction', {
      ...KEY,
      scheduledActionName: 'night',
      scalableTargetAction: { maxCapacity: 7 },
    });
    const list = await bench.scaling('DescribeScheduledActions', { serviceNamespace: 'ecs' });
    const [action] = list.scheduledActions;
    assert.equal(action?.schedule, 'rate(1 minute)');
    assert.equal(action.timezone, 'Europe/Berlin');
    assert.equal(action.startTime, undefined, 'deleted by an update that leaves it out');
    assert.deepEqual(action.scalableTargetAction, { maxCapacity: 7 });
  });

  it('lists in pages whose tokens fit only their own question', async () => {
    await register();
    for (let i = 0; i < 12; i += 1) {
      await bench.scaling('PutScalingPolicy', { ...steps([0, undefined]), policyName: `p/${i}` });
    }
    const first = await bench.scaling('DescribeScalingPolicies', { serviceNamespace: 'ecs' });
    assert.equal(first.scalingPolicies.length, 10);
    const { nextToken } = first;
    const second = await bench.scaling('DescribeScalingPolicies', {
      serviceNamespace: 'ecs',
      nextToken,
    });
    assert.equal(second.scalingPolicies.length, 2);
    assert.equal(second.nextToken, undefined);
    await bench.refuses(
      () => bench.scaling('DescribeScalableTargets', { serviceNamespace: 'ecs', nextToken }),
      'InvalidNextTokenException',
      /other arguments/,
    );
    await bench.refuses(
      () => bench.scaling('DescribeScalingPolicies', { serviceNamespace: 'ecs', maxResults: 11 }),
      'ValidationException',
      /maxResults/,
    );
    const none = await bench.scaling('DescribeScalingPolicies', {
      serviceNamespace: 'ecs',
      policyNames: ['none'],
    });
    assert.deepEqual(none.scalingPolicies, []);
    const activities = { serviceNamespace: 'ecs', resourceId: KEY.resourceId };
    const { scalingActivities } = await bench.scaling('DescribeScalingActivities', activities);
    assert.deepEqual(scalingActivities, []);
  });

  it('tags targets', async () => {
    const { scalableTargetArn: resourceArn } = await register({ tags: { a: '1' } });
    await bench.scaling('TagResource', { resourceArn, tags: { b: '2' } });
    await bench.scaling('UntagResource', { resourceArn, tagKeys: ['a', 'none'] });
    const { tags } = await bench.scaling('ListTagsForResource', { resourceArn });
    assert.deepEqual(tags, { b: '2' });
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, '']));
    await bench.refuses(
      () => bench.scaling('TagResource', { resourceArn, tags: many }),
      'TooManyTagsException',
      /at most 50/,
    );
    await bench.refuses(
      () => bench.scaling('TagResource', { resourceArn, tags: { 'aws:x': '' } }),
      'ValidationException',
      /aws:/,
    );
    await bench.refuses(
      () => bench.scaling('ListTagsForResource', { resourceArn: `${resourceArn}0` }),
      'ResourceNotFoundException',
      /doesn't exist/,
    );
  });
});
