import type { Rule, RuleCondition, RuleTransform } from '@berth/model/generated/messages.ts';

import { actionsOf, describeActions } from '../action-flags.ts';
import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import type { Flags } from '../flags.ts';
import { groupBy } from '../group-by.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { lastOf } from '../output/text.ts';

/** The rules of one listener, or of all, in the order in which they are tried. */
export async function rulesOf(context: Context, listener: string | undefined): Promise<Rule[]> {
  const { loadBalancing } = await context.api();
  const ids =
    listener === undefined
      ? (await loadBalancing.DescribeListeners({})).listeners.map(({ listenerId }) => listenerId)
      : [listener];
  const rules: Rule[] = [];
  for (const id of ids) rules.push(...(await loadBalancing.DescribeRules({ listener: id })).rules);
  const order = (rule: Rule): number => (rule.isDefault ? Infinity : Number(rule.priority));
  return rules.sort((a, b) =>
    a.listenerArn === b.listenerArn ? order(a) - order(b) : a.listenerArn < b.listenerArn ? -1 : 1,
  );
}

export function ruleTable(rules: readonly Rule[], context: Context): string[] {
  const { width, color } = context.terminal;
  const several = new Set(rules.map(({ listenerArn }) => listenerArn)).size > 1;
  return table<Rule>(
    [
      ...(several
        ? [
            {
              title: 'LISTENER',
              value: ({ listenerArn }: Rule) => lastOf(listenerArn),
              shrinksTo: 8,
            },
          ]
        : []),
      { title: 'PRIORITY', value: ({ priority }) => priority, align: 'right' },
      { title: 'RULE', value: ({ ruleId }) => ruleId, style: 'accent' },
      {
        title: 'IF',
        value: ({ conditions }) => conditions.map(describeCondition).join(', '),
        shrinksTo: 12,
      },
      { title: 'THEN', value: ({ actions }) => describeActions(actions), shrinksTo: 12 },
    ],
    rules,
    { width, color },
  );
}

/** "path /api/*", "header x-beta=1". */
export function describeCondition(condition: RuleCondition): string {
  const { field, httpHeaderName, queryString, regexValues } = condition;
  const values = [...condition.values, ...regexValues.map((text) => `~${text}`)];
  switch (field) {
    case 'path-pattern':
      return `path ${values.join(' ')}`;
    case 'host-header':
      return `host ${values.join(' ')}`;
    case 'http-request-method':
      return values.join(' ');
    case 'http-header':
      return `header ${httpHeaderName ?? ''}=${values.join(' ')}`;
    case 'source-ip':
      return `from ${values.join(' ')}`;
    case 'query-string':
      return `query ${queryString.map(({ key, value }) => (key ? `${key}=${value}` : value)).join(' ')}`;
  }
}

function describeTransform({ type, rewrites }: RuleTransform): string {
  const what = type === 'url-rewrite' ? 'URL' : 'host';
  return rewrites
    .map(({ regex, replace }) => `${what} ${regex} => ${replace || 'nothing'}`)
    .join(', ');
}

function conditionsOf(flags: Flags): RuleCondition[] {
  const fields = [
    ['path', 'path-pattern'],
    ['host', 'host-header'],
    ['method', 'http-request-method'],
    ['source-ip', 'source-ip'],
  ] as const;
  const empty = { values: [], queryString: [], regexValues: [] };
  const conditions: RuleCondition[] = [];
  for (const [name, field] of fields) {
    const values = flags.texts(name);
    const regexValues = flags.texts(`${name}-regex`);
    if (values.length + regexValues.length > 0) {
      conditions.push({ ...empty, field, values, regexValues });
    }
  }
  for (const [name, member] of [
    ['header', 'values'],
    ['header-regex', 'regexValues'],
  ] as const) {
    for (const pairs of groupBy(flags.pairs(name), ({ key }) => key.toLowerCase()).values()) {
      const httpHeaderName = pairs[0]?.key ?? '';
      const texts = pairs.map(({ value }) => value);
      conditions.push({ ...empty, field: 'http-header', httpHeaderName, [member]: texts });
    }
  }
  const queryString = flags.texts('query').map((text) => {
    const equals = text.indexOf('=');
    return equals < 0
      ? { value: text }
      : { key: text.slice(0, equals), value: text.slice(equals + 1) };
  });
  if (queryString.length > 0) conditions.push({ ...empty, field: 'query-string', queryString });
  return conditions;
}

function transformsOf(flags: Flags): RuleTransform[] {
  const kinds = [
    ['rewrite-url', 'url-rewrite'],
    ['rewrite-host', 'host-header-rewrite'],
  ] as const;
  return kinds.flatMap(([name, type]): RuleTransform[] => {
    const text = flags.text(name);
    if (text === undefined) return [];
    const [, regex, replace] = /^(.+?)\s*=>\s*(.*)$/.exec(text) ?? [];
    if (regex === undefined || replace === undefined) {
      throw flags.wrong(`--${name} must be REGEX=>TEXT, found "${text}"`);
    }
    return [{ type, rewrites: [{ regex, replace }] }];
  });
}

const PRIORITY_MAX = 50_000;
const PRIORITY_STEP = 10;

export const handlers: Handlers = {
  'rule create': async (context) => {
    const { flags } = context;
    const listener = flags.required('listener');
    const conditions = conditionsOf(flags);
    const actions = await actionsOf(flags);
    if (conditions.length === 0) {
      throw flags.wrong(
        'A rule needs a condition: --path, --host, --method, --header, --query or --source-ip',
      );
    }
    if (!actions) {
      throw flags.wrong('A rule needs --target-group, --redirect, --fixed or --actions-file');
    }
    const given = flags.integer('priority', { min: 1, max: PRIORITY_MAX });
    const priority = given ?? (await nextPriority(context, listener));
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.CreateRule({
      listener,
      priority,
      conditions,
      actions,
      transforms: transformsOf(flags),
      attributes: flags.record('attribute'),
      tags: flags.pairs('tag'),
    });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `created rule ${answer.rule?.ruleId ?? ''} with priority ${priority}`);
    }
    return undefined;
  },

  'rule list': async (context) =>
    show(
      context,
      async () => ({ rules: await rulesOf(context, context.flags.text('listener')) }),
      ({ rules }) => ruleTable(rules, context),
    ),

  'rule show': async (context) => {
    const rule = await describe(context, argument(context, 0));
    if (printedAsJson(context, { rules: [rule] })) return undefined;
    const lines = facts(
      [
        ['Rule', rule.ruleId],
        ['Listener', lastOf(rule.listenerArn)],
        ['Priority', rule.priority],
        ['If', rule.conditions.map(describeCondition).join(', ')],
        ['Then', describeActions(rule.actions)],
        ['Rewrite', rule.transforms.map(describeTransform).join(', ')],
        [
          'Attributes',
          Object.entries(rule.attributes)
            .map((pair) => pair.join(' = '))
            .join(', '),
        ],
        ['ARN', rule.ruleArn],
      ],
      context.terminal.color,
    );
    for (const line of lines) say(context.terminal, line);
    return undefined;
  },

  'rule modify': async (context) => {
    const { flags } = context;
    const { ruleArn, ruleId } = await describe(context, argument(context, 0));
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.ModifyRule({
      rule: ruleArn,
      priority: flags.integer('priority', { min: 1, max: PRIORITY_MAX }),
      conditions: conditionsOf(flags),
      actions: (await actionsOf(flags)) ?? [],
      transforms: transformsOf(flags),
      resetTransforms: flags.on('no-rewrite'),
      attributes: flags.record('attribute'),
    });
    if (!printedAsJson(context, answer)) say(context.terminal, `modified rule ${ruleId}`);
    return undefined;
  },

  'rule set-priorities': async (context) => {
    const all = await rulesOf(context, undefined);
    const rulePriorities = context.positionals.map((text) => {
      const [, name, digits] = /^(.+)=(\d{1,5})$/.exec(text) ?? [];
      if (name === undefined) throw context.flags.wrong(`expected RULE=PRIORITY, found "${text}"`);
      return { rule: only(all, name).ruleArn, priority: Number(digits) };
    });
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.SetRulePriorities({ rulePriorities });
    if (!printedAsJson(context, answer)) {
      for (const { ruleId, priority } of answer.rules) {
        say(context.terminal, `rule ${ruleId} has priority ${priority}`);
      }
    }
    return undefined;
  },

  'rule delete': async (context) => {
    const rules: Rule[] = [];
    for (const name of context.positionals) rules.push(await describe(context, name));
    await confirm(context, `Delete ${rules.map(({ ruleId }) => ruleId).join(', ')}?`);
    const { loadBalancing } = await context.api();
    for (const { ruleArn, ruleId } of rules) {
      await loadBalancing.DeleteRule({ rule: ruleArn });
      if (!context.flags.on('json')) say(context.terminal, `deleted rule ${ruleId}`);
    }
    printedAsJson(context, { rules });
    return undefined;
  },
};

async function describe(context: Context, name: string): Promise<Rule> {
  return only(await rulesOf(context, undefined), name);
}

/** A rule by its id, a prefix of it, or its ARN. */
function only(rules: readonly Rule[], name: string): Rule {
  const wanted = lastOf(name);
  const found = rules.filter(({ ruleId }) => ruleId.startsWith(wanted));
  const [rule] = found;
  if (rule && found.length === 1) return rule;
  throw new CommandError(
    rule ? exitCodes.refused : exitCodes.notFound,
    rule
      ? `"${name}" names ${found.length} rules: ${found.map(({ ruleId }) => ruleId).join(', ')}`
      : `there is no rule "${name}"`,
    { next: 'berth rule list' },
  );
}

async function nextPriority(context: Context, listener: string): Promise<number> {
  const rules = await rulesOf(context, listener);
  const last = Math.max(
    0,
    ...rules.filter((rule) => !rule.isDefault).map((rule) => Number(rule.priority)),
  );
  const next = (Math.floor(last / PRIORITY_STEP) + 1) * PRIORITY_STEP;
  if (next <= PRIORITY_MAX) return next;
  throw context.flags.wrong(`The last rule has priority ${last}: give the new one with --priority`);
}
