import type { Rule, RuleCondition } from '@berth/model/generated/messages.ts';

import { actionOf, describeAction } from '../action-flags.ts';
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
      { title: 'THEN', value: ({ actions }) => describeAction(actions[0]), shrinksTo: 12 },
    ],
    rules,
    { width, color },
  );
}

/** "path /api/*", "header x-beta=1". */
export function describeCondition(condition: RuleCondition): string {
  const { field, values, httpHeaderName, queryString } = condition;
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

function conditionsOf(flags: Flags): RuleCondition[] {
  const simple = [
    ['path', 'path-pattern'],
    ['host', 'host-header'],
    ['method', 'http-request-method'],
    ['source-ip', 'source-ip'],
  ] as const;
  const conditions: RuleCondition[] = [];
  for (const [name, field] of simple) {
    const values = flags.texts(name);
    if (values.length > 0) conditions.push({ field, values, queryString: [], regexValues: [] });
  }
  const headers = groupBy(flags.pairs('header'), ({ key }) => key.toLowerCase());
  for (const pairs of headers.values()) {
    const httpHeaderName = pairs[0]?.key ?? '';
    const values = pairs.map(({ value }) => value);
    conditions.push({
      field: 'http-header',
      httpHeaderName,
      values,
      queryString: [],
      regexValues: [],
    });
  }
  const queryString = flags.texts('query').map((text) => {
    const equals = text.indexOf('=');
    return equals < 0
      ? { value: text }
      : { key: text.slice(0, equals), value: text.slice(equals + 1) };
  });
  if (queryString.length > 0)
    conditions.push({ field: 'query-string', values: [], queryString, regexValues: [] });
  return conditions;
}

const PRIORITY_MAX = 50_000;
const PRIORITY_STEP = 10;

export const handlers: Handlers = {
  'rule create': async (context) => {
    const { flags } = context;
    const listener = flags.required('listener');
    const conditions = conditionsOf(flags);
    const action = actionOf(flags);
    if (conditions.length === 0) {
      throw flags.wrong(
        'A rule needs a condition: --path, --host, --method, --header, --query or --source-ip',
      );
    }
    if (!action) throw flags.wrong('A rule needs --target-group, --redirect or --fixed');
    const given = flags.integer('priority', { min: 1, max: PRIORITY_MAX });
    const priority = given ?? (await nextPriority(context, listener));
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.CreateRule({
      listener,
      priority,
      conditions,
      actions: [action],
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
        ['Then', rule.actions.map(describeAction).join(', ')],
        ['ARN', rule.ruleArn],
      ],
      context.terminal.color,
    );
    for (const line of lines) say(context.terminal, line);
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

/** A rule by its id, a prefix of it, or its ARN. */
async function describe(context: Context, name: string): Promise<Rule> {
  const wanted = lastOf(name);
  const found = (await rulesOf(context, undefined)).filter(({ ruleId }) =>
    ruleId.startsWith(wanted),
  );
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
