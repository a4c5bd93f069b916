import assert from 'node:assert/strict';

import type { Action, Listener, Rule } from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import { Bench, webDefinition } from '../testing.ts';

const forward = (...names: string[]): Input<Action> => ({
  type: 'forward',
  forward: { targetGroups: names.map((targetGroupArn) => ({ targetGroupArn })) },
});
const fixed = (statusCode: string): Input<Action> => ({
  type: 'fixed-response',
  fixedResponse: { statusCode },
});
const path = (...values: string[]) => [{ field: 'path-pattern' as const, values }];

describe('load balancing', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.balancing('CreateTargetGroup', { name: 'web' });
  });
  afterEach(() => bench.stop());

  const listen = async (port = 8080, action = fixed('404')): Promise<Listener> => {
    const { listener } = await bench.balancing('CreateListener', {
      port,
      defaultActions: [action],
    });
    assert.ok(listener);
    return listener;
  };
  const rule = async (priority: number, action = forward('web')): Promise<Rule> => {
    const { rule: made } = await bench.balancing('CreateRule', {
      listener: '8080',
      priority,
      conditions: path(`/${priority}/*`),
      actions: [action],
    });
    assert.ok(made);
    return made;
  };

  describe('target groups', () => {
    it('are created once: equal settings give the same group', async () => {
      const request = { name: 'api', healthCheck: { path: '/up' } };
      const { targetGroup } = await bench.balancing('CreateTargetGroup', request);
      assert.match(
        targetGroup?.targetGroupArn ?? '',
        /^arn:aws:elasticloadbalancing:local:000000000000:targetgroup\/api\/[0-9a-f]{16}$/,
      );
      assert.equal(targetGroup?.attributes['deregistration_delay.timeout_seconds'], '300');
      const before = bench.store.revision;
      assert.deepEqual(await bench.balancing('CreateTargetGroup', request), { targetGroup });
      assert.equal(bench.store.revision, before);
      await bench.refuses(
        () => bench.balancing('CreateTargetGroup', { name: 'api' }),
        'DuplicateTargetGroupName',
        "A target group with the same name 'api' exists, but with different settings",
      );
      await bench.refuses(
        () => bench.balancing('CreateTargetGroup', { name: 'a b' }),
        'ValidationError',
        'name is "a b"; expected 1 to 32 letters, digits and hyphens, with no hyphen at either end.',
      );
    });

    it('are modified only in what is given', async () => {
      const { targetGroup } = await bench.balancing('ModifyTargetGroup', {
        targetGroup: 'web',
        healthCheck: { intervalSeconds: 10 },
        attributes: { 'deregistration_delay.timeout_seconds': '5' },
      });
      assert.equal(targetGroup?.healthCheck?.intervalSeconds, 10);
      assert.equal(targetGroup.healthCheck.path, '/');
      assert.equal(targetGroup.attributes['deregistration_delay.timeout_seconds'], '5');
      const before = bench.store.revision;
      await bench.balancing('ModifyTargetGroup', { targetGroup: 'web' });
      assert.equal(bench.store.revision, before);
      await bench.refuses(
        () =>
          bench.balancing('ModifyTargetGroup', {
            targetGroup: 'web',
            healthCheck: { intervalSeconds: 5 },
          }),
        'ValidationError',
        "Health check timeout '5' must be smaller than the interval '5'",
      );
      await bench.refuses(
        () => bench.balancing('ModifyTargetGroup', { targetGroup: 'nope' }),
        'TargetGroupNotFound',
        'One or more target groups not found (target group "nope")',
      );
    });

    it('are described by name and ARN, or all', async () => {
      await bench.balancing('CreateTargetGroup', { name: 'api' });
      const all = await bench.balancing('DescribeTargetGroups');
      assert.deepEqual(
        all.targetGroups.map(({ targetGroupName }) => targetGroupName),
        ['api', 'web'],
      );
      const arn = all.targetGroups[1]?.targetGroupArn ?? '';
      const one = await bench.balancing('DescribeTargetGroups', { targetGroups: [arn] });
      assert.deepEqual(one.targetGroups, all.targetGroups.slice(1));
      const other = `${arn.slice(0, -16)}${'0'.repeat(16)}`;
      await bench.refuses(
        () => bench.balancing('DescribeTargetGroups', { targetGroups: [other] }),
        'TargetGroupNotFound',
        `One or more target groups not found (target group "${other}")`,
      );
    });

    it('are deleted when nothing uses them, also a second time', async () => {
      const remove = () => bench.balancing('DeleteTargetGroup', { targetGroup: 'web' });
      const inUse = (by: string): RegExp =>
        new RegExp(
          `^Target group 'arn:aws:elasticloadbalancing:local:000000000000:targetgroup/web/[0-9a-f]{16}' is currently in use by ${by}$`,
        );
      await listen(8080, forward('web'));
      await bench.refuses(remove, 'ResourceInUse', inUse('a listener or a rule'));
      await bench.cluster();
      await bench.ecs('RegisterTaskDefinition', webDefinition);
      await bench.ecs('CreateService', {
        serviceName: 'web',
        taskDefinition: 'hello',
        desiredCount: 1,
        loadBalancers: [{ targetGroupArn: 'web', containerName: 'web', containerPort: 80 }],
      });
      await bench.balancing('DeleteListener', { listener: '8080' });
      await bench.refuses(remove, 'ResourceInUse', inUse('service web of cluster default'));
      const service = bench.cache.get(collections.services, 'default', 'web')?.value;
      await bench.put(collections.services, ['default', 'web'], { ...service, status: 'INACTIVE' });
      await bench.put(collections.targets, ['web', 't-80'], {
        group: 'web',
        id: 't-80',
        taskId: 't',
      });
      await bench.refuses(remove, 'ResourceInUse', inUse('1 target'));
      await bench.remove(collections.targets, 'web', 't-80');
      assert.deepEqual(await remove(), {});
      assert.deepEqual(await remove(), {});
    });

    it('show the health of their targets and the traffic', async () => {
      for (const id of ['b-81', 'a-80']) {
        await bench.put(collections.targets, ['web', id], {
          group: 'web',
          id,
          state: 'REGISTERED',
        });
      }
      const { targets, traffic } = await bench.balancing('DescribeTargetHealth', {
        targetGroup: 'web',
      });
      assert.deepEqual(
        targets.map(({ id, state, reason }) => [id, state, reason]),
        [
          ['a-80', 'unused', 'Target.NotInUse'],
          ['b-81', 'unused', 'Target.NotInUse'],
        ],
      );
      assert.equal(traffic?.requests, 3);
      await bench.refuses(
        () => bench.balancing('DescribeTargetHealth', { targetGroup: 'nope' }),
        'TargetGroupNotFound',
        'One or more target groups not found (target group "nope")',
      );
    });
  });

  describe('stickiness by the application’s cookie', () => {
    const refusal =
      'Target group web has stickiness of type app_cookie, which is not supported by a forward action with several target groups; expected lb_cookie, or one target group.';
    const follow = () =>
      bench.balancing('ModifyTargetGroupAttributes', {
        targetGroup: 'web',
        attributes: {
          'stickiness.enabled': 'true',
          'stickiness.type': 'app_cookie',
          'stickiness.app_cookie.cookie_name': 'session',
        },
      });

    beforeEach(() => bench.balancing('CreateTargetGroup', { name: 'api' }));

    it('keeps a group out of actions that weigh several', async () => {
      await follow();
      await bench.refuses(
        () => listen(8080, forward('web', 'api')),
        'InvalidConfigurationRequest',
        refusal,
      );
      await listen(8080, forward('web'));
      await bench.refuses(
        () => rule(1, forward('api', 'web')),
        'InvalidConfigurationRequest',
        refusal,
      );
      await rule(1, forward('web'));
    });

    it('is not for a group that an action weighs already', async () => {
      await listen(8080, forward('api'));
      const { ruleArn } = await rule(1, forward('api', 'web'));
      const before = bench.store.revision;
      await bench.refuses(follow, 'InvalidConfigurationRequest', refusal);
      assert.equal(bench.store.revision, before);
      await bench.balancing('DeleteRule', { rule: ruleArn });
      await rule(1, forward('web'));
      await follow();
    });
  });

  describe('listeners', () => {
    it('are created once for a port', async () => {
      const listener = await listen(8080, forward('web'));
      assert.match(listener.listenerId, /^[0-9a-f]{16}$/);
      assert.match(
        listener.defaultActions[0]?.forward?.targetGroups[0]?.targetGroupArn ?? '',
        /targetgroup\/web\/[0-9a-f]{16}$/,
      );
      const before = bench.store.revision;
      assert.deepEqual(await listen(8080, forward('web')), listener);
      assert.equal(bench.store.revision, before);
      await bench.refuses(
        () => listen(8080, fixed('200')),
        'DuplicateListener',
        `A listener already exists on port 8080: '${listener.listenerArn}'`,
      );
      await bench.refuses(
        () => listen(8081, forward('nope')),
        'TargetGroupNotFound',
        'One or more target groups not found (target group "nope")',
      );
      const { targetGroups } = await bench.balancing('DescribeTargetGroups');
      await bench.refuses(
        () => listen(8081, forward('web', targetGroups[0]?.targetGroupArn ?? '')),
        'ValidationError',
        'A forward action names target group web more than once; expected each at most once.',
      );
    });

    it('on one port are one, whichever replicas are asked at once', async () => {
      const other = await bench.replica();
      const ask = (index: number) =>
        (index % 2 === 0 ? bench : other).balancing('CreateListener', {
          port: 9000,
          defaultActions: [fixed(String(200 + index))],
        });
      const outcomes = await Promise.allSettled([0, 1, 2, 3].map(ask));
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      assert.equal([...bench.cache.list(collections.listeners)].length, 1);
    });

    it('do not move onto a port where another is made at the same time', async () => {
      await listen(8080);
      const other = await bench.replica();
      const outcomes = await Promise.allSettled([
        bench.balancing('ModifyListener', { listener: '8080', port: 9000 }),
        other.balancing('CreateListener', { port: 9000, defaultActions: [fixed('200')] }),
      ]);
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    });

    it('are modified by id, ARN or port', async () => {
      const { listenerId, listenerArn } = await listen();
      await listen(8081);
      const moved = await bench.balancing('ModifyListener', { listener: '8080', port: 8090 });
      assert.equal(moved.listener?.port, 8090);
      const { listener } = await bench.balancing('ModifyListener', {
        listener: listenerArn,
        defaultActions: [forward('web')],
      });
      assert.equal(listener?.defaultActions[0]?.type, 'forward');
      assert.equal(listener.port, 8090);
      await bench.refuses(
        () => bench.balancing('ModifyListener', { listener: listenerId, port: 8081 }),
        'DuplicateListener',
        /^A listener already exists on port 8081: '/,
      );
      await bench.refuses(
        () => bench.balancing('ModifyListener', { listener: '8080', port: 1 }),
        'ListenerNotFound',
        'One or more listeners not found (listener "8080")',
      );
      const again = await listen(8080);
      assert.notEqual(again.listenerId, listenerId);
    });

    it('are described by port, and deleted with their rules at once', async () => {
      await listen(8081);
      const { listenerArn } = await listen(8080);
      await rule(1);
      await rule(2);
      const { listeners } = await bench.balancing('DescribeListeners');
      assert.deepEqual(
        listeners.map(({ port }) => port),
        [8080, 8081],
      );
      const before = bench.store.revision;
      await bench.balancing('DeleteListener', { listener: listenerArn });
      assert.equal(bench.store.revision, before + 1);
      assert.deepEqual([...bench.cache.list(collections.rules)], []);
      await bench.refuses(
        () => bench.balancing('DeleteListener', { listener: listenerArn }),
        'ListenerNotFound',
        `One or more listeners not found (listener "${listenerArn}")`,
      );
      await bench.refuses(
        () => bench.balancing('DescribeListeners', { listeners: ['8080'] }),
        'ListenerNotFound',
        'One or more listeners not found (listener "8080")',
      );
    });

    it('are at most 50', async () => {
      for (let port = 1; port <= 50; port += 1) await listen(port);
      await bench.refuses(
        () => listen(51),
        'TooManyListeners',
        'The load balancer berth has 50 listeners already; expected at most 50.',
      );
    });
  });

  describe('rules', () => {
    it('are tried by priority, the default last', async () => {
      const { listenerArn, listenerId } = await listen();
      const second = await rule(20);
      const first = await rule(10);
      const { rules } = await bench.balancing('DescribeRules', { listener: listenerArn });
      assert.deepEqual(
        rules.map(({ ruleId, priority, isDefault }) => [ruleId, priority, isDefault]),
        [
          [first.ruleId, '10', false],
          [second.ruleId, '20', false],
          [listenerId, 'default', true],
        ],
      );
      assert.equal(
        first.ruleArn,
        `${listenerArn.replace(':listener/', ':listener-rule/')}/${first.ruleId}`,
      );
      const named = await bench.balancing('DescribeRules', {
        rules: [second.ruleArn, listenerId],
      });
      assert.deepEqual(named.rules, [second, rules[2]]);
    });

    it('have a priority of their own, whichever replicas are asked at once', async () => {
      await listen();
      await rule(10);
      await bench.refuses(
        () => rule(10),
        'PriorityInUse',
        /^Priority '10' is currently in use \(rule [0-9a-f]{16}\)$/,
      );
      const other = await bench.replica();
      const outcomes = await Promise.allSettled(
        [bench, other, bench, other].map(({ balancing }) =>
          balancing('CreateRule', {
            listener: '8080',
            priority: 11,
            conditions: path('/a'),
            actions: [forward('web')],
          }),
        ),
      );
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    });

    it('are made thirty at once', async () => {
      await listen();
      await Promise.all(Array.from({ length: 30 }, (_, index) => rule(index + 1)));
      assert.equal([...bench.cache.list(collections.rules)].length, 30);
    });

    it('are not made for what is not there', async () => {
      await bench.refuses(
        () => rule(1),
        'ListenerNotFound',
        'One or more listeners not found (listener "8080")',
      );
      await listen();
      await bench.refuses(
        () => rule(1, forward('nope')),
        'TargetGroupNotFound',
        'One or more target groups not found (target group "nope")',
      );
      await bench.refuses(
        () => rule(0),
        'ValidationError',
        'priority is 0; expected a whole number from 1 to 50000.',
      );
    });

    it('are at most 100 of a listener', async () => {
      await listen();
      for (let priority = 1; priority <= 100; priority += 1) await rule(priority);
      await bench.refuses(
        () => rule(101),
        'TooManyRules',
        'The load balancer berth has 100 rules already; expected at most 100. Its attribute berth.quotas.rules raises that.',
      );
      await bench.balancing('DeleteListener', { listener: '8080' });
    });

    it('are modified only in what is given', async () => {
      await listen();
      const { ruleId } = await rule(1);
      await rule(2);
      const { rule: moved } = await bench.balancing('ModifyRule', { rule: ruleId, priority: 3 });
      assert.equal(moved?.priority, '3');
      assert.deepEqual(moved.conditions[0]?.values, ['/1/*']);
      await bench.balancing('ModifyRule', { rule: ruleId, priority: 3, actions: [fixed('200')] });
      await bench.refuses(
        () => bench.balancing('ModifyRule', { rule: ruleId, priority: 2 }),
        'PriorityInUse',
        /^Priority '2' is currently in use/,
      );
      await bench.refuses(
        () => bench.balancing('ModifyRule', { rule: 'nope', priority: 9 }),
        'RuleNotFound',
        'One or more rules not found (rule "nope")',
      );
    });

    it('by default change only in their actions, and stay', async () => {
      const { listenerId } = await listen();
      const { rule: changed } = await bench.balancing('ModifyRule', {
        rule: listenerId,
        actions: [forward('web')],
      });
      assert.equal(changed?.isDefault, true);
      assert.equal(changed.actions[0]?.type, 'forward');
      await bench.refuses(
        () => bench.balancing('ModifyRule', { rule: listenerId, priority: 1 }),
        'OperationNotPermitted',
        "The default rule of the listener on port 8080 can't have conditions, transforms, attributes or a priority; expected actions only.",
      );
      await bench.refuses(
        () => bench.balancing('DeleteRule', { rule: listenerId }),
        'OperationNotPermitted',
        `Default rule '${listenerId}' cannot be deleted; delete its listener instead.`,
      );
    });

    it('are deleted once', async () => {
      await listen();
      const { ruleArn } = await rule(1);
      await bench.balancing('DeleteRule', { rule: ruleArn });
      await bench.refuses(
        () => bench.balancing('DeleteRule', { rule: ruleArn }),
        'RuleNotFound',
        `One or more rules not found (rule "${ruleArn}")`,
      );
    });

    it('are described by listener or by name', async () => {
      const text =
        'You must specify either listener or rules: expected one of them, not both and not neither.';
      await bench.refuses(() => bench.balancing('DescribeRules'), 'ValidationError', text);
      await bench.refuses(
        () => bench.balancing('DescribeRules', { listener: '8080', rules: ['x'] }),
        'ValidationError',
        text,
      );
    });
  });

  it('never leaves a rule that forwards to a group that was deleted at the same time', async () => {
    const other = await bench.replica();
    await listen();
    for (let round = 1; round <= 10; round += 1) {
      const name = `g${round}`;
      await bench.balancing('CreateTargetGroup', { name });
      const [made, removed] = await Promise.allSettled([
        rule(round, forward(name)),
        other.balancing('DeleteTargetGroup', { targetGroup: name }),
      ]);
      assert.ok(
        made.status === 'rejected' || removed.status === 'rejected',
        'a rule was made and its target group deleted',
      );
    }
  });
});
