import type { Policy, PolicyDecision } from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { readText } from '../json-file.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { age } from '../output/text.ts';
import { allPages } from '../queries.ts';

export const handlers: Handlers = {
  'policy create': async (context) => {
    const { flags } = context;
    const policyName = argument(context, 0);
    const document = await readText(argument(context, 1));
    const { access } = await context.api();
    const answer = await access.CreatePolicy({
      policyName,
      document,
      path: flags.text('path'),
      description: flags.text('description'),
      tags: flags.pairs('tag'),
    });
    if (!printedAsJson(context, answer)) say(context.terminal, `created policy ${policyName}`);
    return undefined;
  },

  'policy update': async (context) => {
    const policy = argument(context, 0);
    const document = await readText(argument(context, 1));
    const { access } = await context.api();
    const answer = await access.UpdatePolicy({ policy, document });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `updated policy ${policy} to version ${answer.policy?.version ?? 0}`);
    }
    return undefined;
  },

  'policy list': async (context) => {
    const { access } = await context.api();
    const builtIn = context.flags.on('built-in');
    return show(
      context,
      () => allPages((page) => access.ListPolicies({ ...page, builtIn }), 'policies'),
      ({ policies }) =>
        table<Policy>(
          [
            { title: 'POLICY', value: ({ policyName }) => policyName, style: 'accent' },
            { title: 'ATTACHED', value: (row) => row.attachmentCount, align: 'right' },
            { title: 'VERSION', value: ({ version }) => version, align: 'right' },
            {
              title: 'CHANGED',
              value: ({ updatedAt, builtIn: own }) =>
                own ? 'built in' : `${age(context.clock.now() - updatedAt)} ago`,
            },
            {
              title: 'DESCRIPTION',
              value: ({ description = '' }) => description,
              shrinksTo: 20,
            },
          ],
          policies,
          context.terminal,
        ),
    );
  },

  'policy show': async (context) => {
    const { access } = await context.api();
    const { policy } = await access.GetPolicy({ policy: argument(context, 0) });
    if (printedAsJson(context, { policy })) return undefined;
    const lines = [
      ...facts(
        [
          ['Policy', policy?.policyName],
          ['ARN', policy?.arn],
          ['Attached to', policy && `${policy.attachmentCount} users and roles`],
        ],
        context.terminal.color,
      ),
      '',
      ...(policy?.document ?? '').trimEnd().split('\n'),
    ];
    for (const line of lines) say(context.terminal, line);
    return undefined;
  },

  'policy attach': async (context) => {
    const { access } = await context.api();
    const policy = argument(context, 0);
    const { holder, said } = holderOf(context);
    const answer = await access.AttachPolicy({ policy, ...holder });
    if (!printedAsJson(context, answer)) say(context.terminal, `attached ${policy} to ${said}`);
    return undefined;
  },

  'policy detach': async (context) => {
    const { access } = await context.api();
    const policy = argument(context, 0);
    const { holder, said } = holderOf(context);
    const answer = await access.DetachPolicy({ policy, ...holder });
    if (!printedAsJson(context, answer)) say(context.terminal, `detached ${policy} from ${said}`);
    return undefined;
  },

  'policy delete': async (context) => {
    const { access } = await context.api();
    const policy = argument(context, 0);
    await confirm(context, `Delete policy ${policy}?`);
    const answer = await access.DeletePolicy({ policy });
    if (!printedAsJson(context, answer)) say(context.terminal, `deleted policy ${policy}`);
    return undefined;
  },

  'policy simulate': async (context) => {
    const { flags } = context;
    const { holder } = holderOf(context);
    const { access } = await context.api();
    const answer = await access.SimulatePolicy({
      ...holder,
      action: flags.required('action'),
      resources: flags.texts('resource'),
      context: Object.fromEntries(flags.pairs('context').map(({ key, value }) => [key, value])),
    });
    if (printedAsJson(context, answer)) return undefined;
    for (const decision of answer.decisions) {
      for (const line of explained(decision)) say(context.terminal, line);
    }
    return undefined;
  },
};

function holderOf({ flags }: Context): {
  readonly holder: { readonly userName: string } | { readonly roleName: string };
  readonly said: string;
} {
  const [userName, roleName] = [flags.text('user'), flags.text('role')];
  if (userName !== undefined && roleName === undefined) {
    return { holder: { userName }, said: `user ${userName}` };
  }
  if (roleName !== undefined && userName === undefined) {
    return { holder: { roleName }, said: `role ${roleName}` };
  }
  throw flags.wrong('give one of --user NAME and --role NAME');
}

const SAID = {
  allowed: 'allowed',
  explicitDeny: 'denied',
  implicitDeny: 'not allowed',
} as const;

function explained(item: PolicyDecision): string[] {
  const { action, resource, decision, policy, statement, sid } = item;
  const which = sid === undefined ? '' : ` (${sid})`;
  const why =
    policy === undefined
      ? 'no statement allows it'
      : `by statement ${statement ?? 0}${which} of ${policy}`;
  return [
    `${action} on ${resource}: ${SAID[decision]}, ${why}`,
    ...item.nearMisses.map((miss) => `  but for conditions: ${miss}`),
    ...(item.missingContextKeys.length > 0
      ? [`  conditions ask for --context ${item.missingContextKeys.join(', ')}`]
      : []),
  ];
}
