import assert from 'node:assert/strict';

import type { Action, Rule, TestRouteRequest } from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import { Bench } from '../testing.ts';

const forward = (name: string): Input<Action> => ({
  type: 'forward',
  forward: { targetGroups: [{ targetGroupArn: name }] },
});
const fixed: Input<Action> = { type: 'fixed-response', fixedResponse: { statusCode: '404' } };

describe('the way of a request', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.balancing('CreateTargetGroup', { name: 'web' });
    await bench.balancing('CreateListener', { port: 8080, defaultActions: [fixed] });
  });
  afterEach(() => bench.stop());

  const rule = async (priority: number, more: object): Promise<Rule> => {
    const answer = await bench.balancing('CreateRule', {
      listener: '8080',
      priority,
      conditions: [{ field: 'path-pattern', values: [`/${priority}/*`] }],
      actions: [forward('web')],
      ...more,
    });
    assert.ok(answer.rule);
    return answer.rule;
  };
  const test = (url: string, more: Input<TestRouteRequest> = {}) =>
    bench.balancing('TestRoute', { url, ...more });

  it('is told with what every rule before it missed', async () => {
    const first = await rule(1, { conditions: [{ field: 'host-header', values: ['a.example'] }] });
    const second = await rule(2, {
      transforms: [{ type: 'url-rewrite', rewrites: [{ regex: '^/2/(.*)$', replace: '/v2/$1' }] }],
    });
    await bench.put(collections.targets, ['web', 't'], {
      group: 'web',
      id: 't',
      state: 'REGISTERED',
    });
    const answer = await test('http://b.example:8080/2/x?y=1');
    assert.equal(answer.rule?.ruleArn, second.ruleArn);
    assert.deepEqual(
      answer.passed.map(({ ruleArn, priority, failed }) => [ruleArn, priority, failed?.holds]),
      [[first.ruleArn, '1', false]],
    );
    assert.match(answer.passed[0]?.failed?.compared ?? '', /b\.example/);
    assert.deepEqual(
      answer.conditions.map(({ holds }) => holds),
      [true],
    );
    assert.equal(answer.transformed, 'b.example/v2/x?y=1');
    const { targetGroups } = await bench.balancing('DescribeTargetGroups');
    assert.deepEqual(answer.targetGroups, [
      {
        targetGroupArn: targetGroups[0]?.targetGroupArn,
        weight: 1,
        healthyTargets: 0,
        registeredTargets: 1,
      },
    ]);
    const byHost = await test('http://127.0.0.1:8080/2/x', {
      headers: [{ name: 'Host', value: 'A.example:8080' }],
    });
    assert.equal(byHost.rule?.ruleArn, first.ruleArn);
  });

  it('depends on method, headers, query and source as they are sent', async () => {
    const conditions = [
      { field: 'http-request-method', values: ['PUT'] },
      { field: 'http-header', httpHeaderName: 'X-Test', values: ['yes'] },
      { field: 'query-string', queryString: [{ key: 'a', value: 'b*' }] },
      { field: 'source-ip', values: ['192.0.2.0/24'] },
    ];
    const wanted = await rule(1, { conditions });
    const full: Input<TestRouteRequest> = {
      method: 'PUT',
      headers: [{ name: 'x-test', value: 'YES' }],
      sourceIp: '192.0.2.7',
    };
    const url = 'http://localhost:8080/?a=bc';
    assert.equal((await test(url, full)).rule?.ruleArn, wanted.ruleArn);
    for (const change of [{ method: 'POST' }, { headers: [] }, { sourceIp: '192.0.3.7' }]) {
      assert.equal((await test(url, { ...full, ...change })).rule?.isDefault, true);
    }
    assert.equal((await test('http://localhost:8080/?a=c', full)).rule?.isDefault, true);
  });

  it('of a redirect ends with where it leads', async () => {
    await rule(1, {
      actions: [{ type: 'redirect', redirect: { statusCode: 'HTTP_301', host: 'new.example' } }],
    });
    const { location } = await test('http://old.example:8080/1/%20?q');
    assert.equal(location, 'http://new.example:8080/1/%20?q');
  });

  it('is asked for well or refused', async () => {
    const refused = (url: string, more: Input<TestRouteRequest>, message: string | RegExp) =>
      bench.refuses(() => test(url, more), 'ValidationError', message);
    await refused('b.example', {}, /^url is "b\.example"; expected one like /);
    const url = 'http://localhost:8080/';
    await refused(url, { method: 'a b' }, 'method is "a b"; expected one like GET.');
    await refused(url, { sourceIp: 'x' }, 'sourceIp is "x"; expected an IP address.');
    await refused(url, { headers: [{ name: 'a b', value: '' }] }, '"a b" is no name of a header.');
    await bench.refuses(
      () => test('https://localhost/'),
      'ListenerNotFound',
      'One or more listeners not found (nothing listens on port 443)',
    );
    const { listener } = await test('http://localhost/', { listener: '8080' });
    assert.equal(listener?.port, 8080);
  });

  it('never leads to some rules, which are told', async () => {
    await rule(1, { conditions: [{ field: 'path-pattern', values: ['/a*'] }] });
    const hidden = await rule(2, { conditions: [{ field: 'path-pattern', values: ['/ab*'] }] });
    const { problems } = await bench.balancing('FindRouteProblems');
    assert.deepEqual(
      problems.map(({ ruleArn, priority, port }) => [ruleArn, priority, port]),
      [[hidden.ruleArn, '2', 8080]],
    );
    assert.match(problems[0]?.problem ?? '', /unreachable: priority 1 takes all/);
  });
});

describe('the priorities of rules', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.balancing('CreateListener', { port: 8080, defaultActions: [fixed] });
  });
  afterEach(() => bench.stop());

  const make = async (priority: number): Promise<Rule> => {
    const { rule } = await bench.balancing('CreateRule', {
      listener: '8080',
      priority,
      conditions: [{ field: 'path-pattern', values: [`/${priority}`] }],
      actions: [fixed],
    });
    assert.ok(rule);
    return rule;
  };
  const set = (...pairs: [Rule, number][]) =>
    bench.balancing('SetRulePriorities', {
      rulePriorities: pairs.map(([{ ruleArn: rule }, priority]) => ({ rule, priority })),
    });

  it('are traded at once', async () => {
    const [one, two, three] = [await make(1), await make(2), await make(3)];
    const before = bench.store.revision;
    const { rules } = await set([one, 2], [two, 1]);
    assert.equal(bench.store.revision, before + 1);
    assert.deepEqual(
      rules.map(({ ruleArn, priority }) => [ruleArn, priority]),
      [
        [one.ruleArn, '2'],
        [two.ruleArn, '1'],
      ],
    );
    await bench.refuses(
      () => set([one, 3]),
      'PriorityInUse',
      `Priority '3' is currently in use (rule ${three.ruleId})`,
    );
    await bench.refuses(
      () => set([one, 7], [two, 7]),
      'ValidationError',
      'rulePriorities has "7" more than once; expected each at most once.',
    );
    await bench.refuses(
      () => set([one, 7], [one, 8]),
      'ValidationError',
      `rulePriorities has "${one.ruleId}" more than once; expected each at most once.`,
    );
    await bench.refuses(
      () => set([one, 50_001]),
      'ValidationError',
      'rulePriorities[0].priority is 50001; expected a whole number from 1 to 50000.',
    );
    const all = await bench.balancing('DescribeRules', { listener: '8080' });
    const last = all.rules.at(-1);
    assert.ok(last?.isDefault);
    await bench.refuses(() => set([last, 9]), 'OperationNotPermitted', /^The priority of default /);
  });

  it('stay different when a rule is made at the same time', async () => {
    const one = await make(1);
    const other = await bench.replica();
    await Promise.allSettled([
      set([one, 5]),
      other.balancing('CreateRule', {
        listener: '8080',
        priority: 5,
        conditions: [{ field: 'path-pattern', values: ['/5'] }],
        actions: [fixed],
      }),
    ]);
    const taken = Array.from(bench.cache.list(collections.rules), ({ value }) => value.priority);
    assert.equal(new Set(taken).size, taken.length);
  });
});

describe('ten thousand rules and targets', function () {
  this.timeout(60_000);
  let bench: Bench;
  const COUNT = 10_000;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.balancing('CreateLoadBalancer', { name: 'big' });
    await bench.balancing('ModifyLoadBalancerAttributes', {
      loadBalancer: 'big',
      attributes: { 'berth.quotas.rules': '20000' },
    });
    await bench.balancing('CreateTargetGroup', { name: 'web', targetType: 'ip' });
    const { listener } = await bench.balancing('CreateListener', {
      loadBalancer: 'big',
      port: 8080,
      defaultActions: [fixed],
    });
    const listenerId = listener?.listenerId ?? '';
    for (let from = 0; from < COUNT; from += 50) {
      const many = Array.from({ length: 50 }, (_, index) => from + index + 1);
      await Promise.all(
        many.flatMap((number) => [
          bench.put(collections.rules, [listenerId, `r${number}`], {
            id: `r${number}`,
            listenerId,
            priority: number,
            conditions: [
              { field: 'path-pattern', values: [`/${number}`], queryString: [], regexValues: [] },
            ],
            actions: [
              {
                type: 'forward',
                forward: { targetGroups: [{ targetGroupArn: 'web', weight: 1 }] },
              },
            ],
          }),
          bench.put(collections.targets, ['web', `t${number}`], {
            group: 'web',
            id: `t${number}`,
            address: '10.0.0.1',
            port: number,
            state: 'REGISTERED',
          }),
        ]),
      );
    }
  });
  afterEach(() => bench.stop());

  it('are described, tried and deleted', async () => {
    const { rules } = await bench.balancing('DescribeRules', { listener: '8080' });
    assert.equal(rules.length, COUNT + 1);
    const { targets } = await bench.balancing('DescribeTargetHealth', { targetGroup: 'web' });
    assert.equal(targets.length, COUNT);
    const answer = await bench.balancing('TestRoute', { url: 'http://localhost:8080/9999' });
    assert.equal(answer.rule?.priority, '9999');
    assert.equal(answer.rulesPassed, 9998);
    assert.equal(answer.passed.length, 100);
    const { problems } = await bench.balancing('FindRouteProblems');
    assert.deepEqual(problems, []);
    await bench.balancing('CreateRule', {
      listener: '8080',
      priority: COUNT + 1,
      conditions: [{ field: 'path-pattern', values: ['/last'] }],
      actions: [forward('web')],
    });
    await bench.balancing('DeleteLoadBalancer', { loadBalancer: 'big' });
    assert.deepEqual([...bench.cache.list(collections.rules)], []);
  });
});
