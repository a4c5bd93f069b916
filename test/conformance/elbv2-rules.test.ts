// Rules of listeners through the SDK's client: conditions, limits, priorities, transforms. Source: ALB reference, sections 1.3 to 1.5,
// 2 and 8.
import {
  CreateRuleCommand,
  type CreateRuleCommandInput,
  DeleteRuleCommand,
  DescribeRulesCommand,
  ModifyRuleCommand,
  type ModifyRuleCommandInput,
  ModifyLoadBalancerAttributesCommand,
  type RuleCondition,
  SetRulePrioritiesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';

import { type Case, conformance, type Ground } from './cases.ts';
import { balancer, group, kept, listener, NO, OK, rule, tags } from './elbv2-kit.ts';
import { ABSENT } from './match.ts';

const create = (on: Ground, input: Partial<CreateRuleCommandInput>) =>
  on.elbv2.send(
    new CreateRuleCommand({
      ListenerArn: kept(on, '8080'),
      Priority: 500,
      Conditions: [path('/x')],
      Actions: [OK],
      ...input,
    }),
  );

const modify = (on: Ground, priority: number, input: Partial<ModifyRuleCommandInput>) =>
  on.elbv2.send(new ModifyRuleCommand({ RuleArn: kept(on, `rule ${priority}`), ...input }));

const path = (...Values: string[]): RuleCondition => ({
  Field: 'path-pattern',
  PathPatternConfig: { Values },
});
const host = (...Values: string[]): RuleCondition => ({
  Field: 'host-header',
  HostHeaderConfig: { Values },
});
const header = (HttpHeaderName: string, ...Values: string[]): RuleCondition => ({
  Field: 'http-header',
  HttpHeaderConfig: { HttpHeaderName, Values },
});
const method = (...Values: string[]): RuleCondition => ({
  Field: 'http-request-method',
  HttpRequestMethodConfig: { Values },
});
const source = (...Values: string[]): RuleCondition => ({
  Field: 'source-ip',
  SourceIpConfig: { Values },
});
const query = (...Values: { Key?: string; Value: string }[]): RuleCondition => ({
  Field: 'query-string',
  QueryStringConfig: { Values },
});

const refused = (
  what: string,
  Conditions: RuleCondition[],
  message: string | RegExp,
  fails = 'ValidationError',
): Case => ({
  name: `CreateRule refuses ${what}`,
  call: (on) => create(on, { Conditions }),
  fails,
  message,
});

/** Taken, shown as it should be, and gone again. */
const taken = (what: string, Conditions: RuleCondition[], gives: unknown[]): Case => ({
  name: `CreateRule takes ${what}`,
  call: async (on) => {
    const { Rules } = await create(on, { Conditions });
    const RuleArn = Rules?.[0]?.RuleArn;
    const shown = await on.elbv2.send(new DescribeRulesCommand({ RuleArns: [RuleArn ?? ''] }));
    await on.elbv2.send(new DeleteRuleCommand({ RuleArn }));
    return shown.Rules?.[0]?.Conditions;
  },
  gives,
});

const ready: Case = {
  name: 'what the cases need',
  call: async (on) => {
    await listener(on, await balancer(on, 'web'), 8080);
    return kept(on, '8080');
  },
  gives: /:listener\/app\/web\/[0-9a-f]{16}\/[0-9a-f]{16}$/,
};

conformance('ELBv2 over the SDK: conditions of rules', [
  ready,
  taken(
    'a path in the older form, and shows both',
    [{ Field: 'path-pattern', Values: ['/a'] }],
    [{ Field: 'path-pattern', Values: ['/a'], PathPatternConfig: { Values: ['/a'] } }],
  ),
  taken(
    'a host in the older form, and shows both',
    [{ Field: 'host-header', Values: ['a.example'] }],
    [{ Field: 'host-header', Values: ['a.example'], HostHeaderConfig: { Values: ['a.example'] } }],
  ),
  taken(
    'a condition that names its field by its configuration only',
    [{ HostHeaderConfig: { Values: ['*.example.com'] } }],
    [{ Field: 'host-header', HostHeaderConfig: { Values: ['*.example.com'] } }],
  ),
  taken(
    'methods',
    [method('GET', 'M-SEARCH')],
    [
      {
        Field: 'http-request-method',
        Values: ['GET', 'M-SEARCH'],
        HttpRequestMethodConfig: { Values: ['GET', 'M-SEARCH'] },
      },
    ],
  ),
  taken(
    'sources of both families',
    [source('10.0.0.0/8', '2001:db8::/32')],
    [{ Field: 'source-ip', SourceIpConfig: { Values: ['10.0.0.0/8', '2001:db8::/32'] } }],
  ),
  taken(
    'two conditions on one header',
    [header('X-A', '1'), header('X-A', '2')],
    [
      { HttpHeaderConfig: { HttpHeaderName: 'X-A', Values: ['1'] } },
      { HttpHeaderConfig: { HttpHeaderName: 'X-A', Values: ['2'] } },
    ],
  ),
  taken(
    'query strings with and without a key',
    [query({ Value: 'a' }, { Key: 'k', Value: 'b' })],
    [
      {
        Field: 'query-string',
        QueryStringConfig: {
          Values: [
            { Key: ABSENT, Value: 'a' },
            { Key: 'k', Value: 'b' },
          ],
        },
      },
    ],
  ),
  taken(
    'regular expressions, and shows both',
    [{ Field: 'path-pattern', PathPatternConfig: { RegexValues: ['^/a[0-9]+$'] } }],
    [
      {
        Field: 'path-pattern',
        RegexValues: ['^/a[0-9]+$'],
        PathPatternConfig: { RegexValues: ['^/a[0-9]+$'] },
      },
    ],
  ),
  taken(
    'values with all that XML would choke on',
    [header('X-A', `<a b="c">&amp;'</a> ]]>`)],
    [{ HttpHeaderConfig: { Values: [`<a b="c">&amp;'</a> ]]>`] } }],
  ),
  taken('blanks at both ends', [header('X-A', ' a ')], [{ Values: [' a '] }]),
  taken('a path of 128 characters', [path(`/${'a'.repeat(127)}`)], [{ Field: 'path-pattern' }]),
  taken('five wildcards', [path('/*/?/*/?/*')], [{ Values: ['/*/?/*/?/*'] }]),
  taken(
    'wildcards that are none',
    [query({ Value: '\\*\\*\\?\\?\\*\\*' })],
    [{ QueryStringConfig: { Values: [{ Value: '\\*\\*\\?\\?\\*\\*' }] } }],
  ),
  taken('three values', [path('/a', '/b', '/c')], [{ Values: ['/a', '/b', '/c'] }]),
  taken(
    'five values in all',
    [path('/a', '/b', '/c'), host('a.b', 'c.d')],
    [{ Field: 'path-pattern' }, { Field: 'host-header' }],
  ),
  taken(
    'five sources',
    [source(...[1, 2, 3, 4, 5].map((n) => `10.${n}.0.0/16`))],
    [{ Field: 'source-ip' }],
  ),
  refused('no condition', [], /condition/),
  refused('a path of 129 characters', [path(`/${'a'.repeat(128)}`)], /128/),
  refused('a path with a percent sign', [path('/a%20b')], /%20/),
  refused('six wildcards', [path('/*/?/*/?/*/*')], /wildcards/),
  refused('four values', [path('/a', '/b', '/c', '/d')], /values/),
  refused(
    'six values in all',
    [path('/a', '/b', '/c'), header('X', '1', '2', '3')],
    /values in all/,
  ),
  refused('six sources', [source(...[1, 2, 3, 4, 5, 6].map((n) => `10.${n}.0.0/16`))], /values/),
  refused('two paths', [path('/a'), path('/b')], /path-pattern/),
  refused('two hosts', [host('a.b'), host('c.d')], /host-header/),
  refused('two conditions on methods', [method('GET'), method('PUT')], /http-request-method/),
  refused('a host without a dot', [host('localhost')], /dot/),
  refused('a host that ends in a number', [host('10.0.0.1')], /letters after the last/),
  refused('a host of 129 characters', [host(`${'a'.repeat(125)}.com`)], /128/),
  refused('the header Host', [header('Host', 'a')], /host-header/),
  refused('a header’s name with a wildcard', [header('X-*', 'a')], /wildcards/),
  refused('a header’s name of 41 characters', [header('x'.repeat(41), 'a')], /40/),
  refused(
    'a header without a name',
    [{ Field: 'http-header', HttpHeaderConfig: { Values: ['a'] } }],
    /httpHeaderName/,
  ),
  refused('a value that is not ASCII', [header('X-A', 'ü')], /ASCII/),
  refused('a method in lower case', [method('get')], /method/),
  refused('a method with a wildcard', [method('G*')], /method/),
  refused('a source that is no block', [source('10.0.0.1')], /CIDR/),
  refused('the broadcast address', [source('255.255.255.255/32')], /client addresses/),
  refused('a condition without values', [{ Field: 'path-pattern' }], /values/),
  refused('values in two places that differ', [{ ...path('/a'), Values: ['/b'] }], /both/),
  refused(
    'values and regular expressions in one condition',
    [{ Field: 'path-pattern', PathPatternConfig: { Values: ['/a'], RegexValues: ['^/b'] } }],
    /regexValues/,
  ),
  refused(
    'a regular expression that looks ahead',
    [{ Field: 'path-pattern', PathPatternConfig: { RegexValues: ['^/(?=a)'] } }],
    /regular expression/,
  ),
  refused(
    'a regular expression of a source',
    [{ Field: 'source-ip', RegexValues: ['10'] }],
    /regexValues/,
  ),
  refused('a field that there is not', [{ Field: 'cookie', Values: ['a'] }], /cookie/),
  {
    name: 'none of these was made',
    call: (on) => on.elbv2.send(new DescribeRulesCommand({ ListenerArn: kept(on, '8080') })),
    gives: { Rules: [{ IsDefault: true }] },
  },
]);

const rewrite = (Regex: string, Replace: string) => ({
  Type: 'url-rewrite' as const,
  UrlRewriteConfig: { Rewrites: [{ Regex, Replace }] },
});

const swap = (on: Ground, pairs: Record<number, number>) =>
  on.elbv2.send(
    new SetRulePrioritiesCommand({
      RulePriorities: Object.entries(pairs).map(([name, Priority]) => ({
        RuleArn: kept(on, `rule ${name}`),
        Priority,
      })),
    }),
  );

const priorities = async (on: Ground) => {
  const { Rules = [] } = await on.elbv2.send(
    new DescribeRulesCommand({ ListenerArn: kept(on, '8080') }),
  );
  return Rules.map(({ Priority, Conditions }) => `${Priority} ${Conditions?.[0]?.Values?.[0]}`);
};

const defaultRule = async (on: Ground): Promise<string> => {
  const { Rules = [] } = await on.elbv2.send(
    new DescribeRulesCommand({ ListenerArn: kept(on, '8080') }),
  );
  return Rules.at(-1)?.RuleArn ?? '';
};

conformance('ELBv2 over the SDK: rules and their priorities', [
  ready,
  {
    name: 'CreateRule at priority 0',
    call: (on) => create(on, { Priority: 0 }),
    fails: 'ValidationError',
    message: /Value '0' at 'priority'.*greater than or equal to 1/,
  },
  {
    name: 'CreateRule at priority 50001',
    call: (on) => create(on, { Priority: 50_001 }),
    fails: 'ValidationError',
    message: /less than or equal to 50000/,
  },
  {
    name: 'CreateRule of a listener that there is not',
    call: (on) => create(on, { ListenerArn: NO.listener }),
    fails: 'ListenerNotFoundException',
  },
  {
    name: 'CreateRule with 51 tags',
    call: (on) => create(on, { Tags: tags(51) }),
    fails: 'TooManyTagsException',
  },
  {
    name: 'CreateRule to a group that there is not',
    call: (on) => create(on, { Actions: [{ Type: 'forward', TargetGroupArn: NO.group }] }),
    fails: 'TargetGroupNotFoundException',
  },
  {
    name: 'CreateRule at both ends, and DescribeRules as they are tried',
    call: async (on) => {
      for (const priority of [50_000, 30, 1, 20]) await rule(on, kept(on, '8080'), priority);
      return priorities(on);
    },
    gives: ['1 /1', '20 /20', '30 /30', '50000 /50000', 'default undefined'],
  },
  {
    name: 'CreateRule again is a conflict, even with the same settings',
    call: (on) => rule(on, kept(on, '8080'), 20),
    fails: 'PriorityInUseException',
    message: /^Priority '20' is currently in use/,
  },
  {
    name: 'SetRulePriorities lets rules trade places',
    call: async (on) => {
      await swap(on, { 20: 30, 30: 20 });
      return priorities(on);
    },
    gives: ['1 /1', '20 /30', '30 /20', '50000 /50000', 'default undefined'],
  },
  {
    name: 'SetRulePriorities moves several round in a circle',
    call: async (on) => {
      await swap(on, { 1: 20, 30: 30, 20: 1 });
      return priorities(on);
    },
    gives: ['1 /20', '20 /1', '30 /30', '50000 /50000', 'default undefined'],
  },
  {
    name: 'SetRulePriorities to one that a rule has which is not named',
    call: (on) => swap(on, { 1: 30, 20: 2 }),
    fails: 'PriorityInUseException',
    message: /^Priority '30' is currently in use/,
  },
  {
    name: 'SetRulePriorities with one priority twice',
    call: (on) => swap(on, { 1: 7, 20: 7 }),
    fails: 'ValidationError',
  },
  {
    name: 'SetRulePriorities of a rule that there is not',
    call: ({ elbv2 }) =>
      elbv2.send(
        new SetRulePrioritiesCommand({ RulePriorities: [{ RuleArn: NO.rule, Priority: 3 }] }),
      ),
    fails: 'RuleNotFoundException',
  },
  {
    name: 'SetRulePriorities of the default rule',
    call: async (on) =>
      on.elbv2.send(
        new SetRulePrioritiesCommand({
          RulePriorities: [{ RuleArn: await defaultRule(on), Priority: 3 }],
        }),
      ),
    fails: 'OperationNotPermittedException',
  },
  {
    name: 'refused moves moved nothing',
    call: priorities,
    gives: ['1 /20', '20 /1', '30 /30', '50000 /50000', 'default undefined'],
  },
  {
    name: 'DeleteRule of the default rule',
    call: async (on) => on.elbv2.send(new DeleteRuleCommand({ RuleArn: await defaultRule(on) })),
    fails: 'OperationNotPermittedException',
  },
  {
    name: 'DeleteRule of a rule that there is not',
    call: ({ elbv2 }) => elbv2.send(new DeleteRuleCommand({ RuleArn: NO.rule })),
    fails: 'RuleNotFoundException',
  },
  {
    name: 'ModifyRule of nothing',
    call: (on) => modify(on, 1, {}),
    fails: 'ValidationError',
  },
  {
    name: 'ModifyRule of a rule that there is not',
    call: (on) => modify(on, 1, { RuleArn: NO.rule, Actions: [OK] }),
    fails: 'RuleNotFoundException',
  },
  {
    name: 'ModifyRule replaces the conditions and keeps the actions',
    call: (on) => modify(on, 1, { Conditions: [host('a.example')] }),
    gives: { Rules: [{ Conditions: [{ Field: 'host-header' }], Actions: [OK] }] },
  },
  {
    name: 'ModifyRule of the default rule takes actions',
    call: async (on) =>
      on.elbv2.send(
        new ModifyRuleCommand({
          RuleArn: await defaultRule(on),
          Actions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '503' } }],
        }),
      ),
    gives: {
      Rules: [{ IsDefault: true, Actions: [{ FixedResponseConfig: { StatusCode: '503' } }] }],
    },
  },
  {
    name: 'ModifyRule of the default rule takes no conditions',
    call: async (on) =>
      on.elbv2.send(
        new ModifyRuleCommand({ RuleArn: await defaultRule(on), Conditions: [path('/a')] }),
      ),
    fails: 'OperationNotPermittedException',
  },
  {
    name: 'transforms are shown as they were given',
    call: (on) => modify(on, 1, { Transforms: [rewrite('^/a/(.*)$', '/b/$1')] }),
    gives: { Rules: [{ Transforms: [rewrite('^/a/(.*)$', '/b/$1')] }] },
  },
  {
    name: 'two transforms of one kind',
    call: (on) => modify(on, 1, { Transforms: [rewrite('a', 'b'), rewrite('c', 'd')] }),
    fails: 'ValidationError',
  },
  {
    name: 'transforms and their reset together',
    call: (on) => modify(on, 1, { Transforms: [rewrite('a', 'b')], ResetTransforms: true }),
    fails: 'ValidationError',
  },
  {
    name: 'ResetTransforms takes them away',
    call: (on) => modify(on, 1, { ResetTransforms: true }),
    gives: { Rules: [{ Transforms: [] }] },
  },
  {
    name: 'DescribeRules page by page, without a change of order',
    call: async (on) => {
      const all: (string | undefined)[] = [];
      let Marker: string | undefined;
      do {
        const page = await on.elbv2.send(
          new DescribeRulesCommand({ ListenerArn: kept(on, '8080'), PageSize: 2, Marker }),
        );
        all.push(...(page.Rules ?? []).map(({ Priority }) => Priority));
        Marker = page.NextMarker;
      } while (Marker !== undefined);
      return all;
    },
    gives: ['1', '20', '30', '50000', 'default'],
  },
  {
    name: 'a group is of one load balancer, whichever rule names it',
    call: async (on) => {
      const Actions = [{ Type: 'forward' as const, TargetGroupArn: await group(on, 'g') }];
      await modify(on, 1, { Actions });
      await listener(on, await balancer(on, 'other'), 8090);
      return rule(on, kept(on, '8090'), 1, { Actions });
    },
    fails: 'TargetGroupAssociationLimitException',
    message: /cannot be associated with more than one load balancer/,
  },
  {
    name: 'a hundred rules of a load balancer, and no more',
    call: async (on) => {
      for (let count = 1; count <= 96; count += 1) await rule(on, kept(on, '8080'), 1000 + count);
      return rule(on, kept(on, '8080'), 2000);
    },
    fails: 'TooManyRulesException',
    message: /100/,
  },
  {
    name: 'more of them with the attribute that raises the quota',
    call: async (on) => {
      const Attributes = [{ Key: 'berth.quotas.rules', Value: '101' }];
      const LoadBalancerArn = kept(on, 'web');
      await on.elbv2.send(new ModifyLoadBalancerAttributesCommand({ LoadBalancerArn, Attributes }));
      return rule(on, kept(on, '8080'), 2000);
    },
    gives: /:listener-rule\//,
  },
]);
