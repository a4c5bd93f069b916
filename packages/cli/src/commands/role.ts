import type { AccessRole } from '@berth/model/generated/messages.ts';

import { type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { readText } from '../json-file.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { age, lastOf } from '../output/text.ts';
import { allPages } from '../queries.ts';

const SESSION = { min: 3600, max: 43_200 };

export const handlers: Handlers = {
  'role create': async (context) => {
    const { flags } = context;
    const roleName = argument(context, 0);
    const assumeRolePolicyDocument = await readText(argument(context, 1));
    const { access } = await context.api();
    const answer = await access.CreateRole({
      roleName,
      assumeRolePolicyDocument,
      path: flags.text('path'),
      description: flags.text('description'),
      maxSessionDuration: flags.integer('max-session', SESSION),
      tags: flags.pairs('tag'),
    });
    for (const policy of flags.texts('policy')) await access.AttachPolicy({ roleName, policy });
    if (!printedAsJson(context, answer)) say(context.terminal, `created role ${roleName}`);
    return undefined;
  },

  'role list': async (context) => {
    const { access } = await context.api();
    return show(
      context,
      () => allPages((page) => access.ListRoles(page), 'roles'),
      ({ roles }) =>
        table<AccessRole>(
          [
            { title: 'ROLE', value: ({ roleName }) => roleName, style: 'accent' },
            {
              title: 'POLICIES',
              value: ({ attachedPolicyArns }) => attachedPolicyArns.map(lastOf).join(', '),
              shrinksTo: 20,
            },
            { title: 'DESCRIPTION', value: ({ description = '' }) => description, shrinksTo: 16 },
            {
              title: 'AGE',
              value: ({ createdAt }) => age(context.clock.now() - createdAt),
              align: 'right',
            },
          ],
          roles,
          context.terminal,
        ),
    );
  },

  'role show': async (context) => {
    const { access } = await context.api();
    const { role } = await access.GetRole({ roleName: argument(context, 0) });
    if (printedAsJson(context, { role })) return undefined;
    const lines = [
      ...facts(
        [
          ['Role', role?.roleName],
          ['ARN', role?.arn],
          ['Id', role?.roleId],
          ['Policies', role?.attachedPolicyArns.map(lastOf).join(', ')],
          ['Longest session', role && `${role.maxSessionDuration} s`],
        ],
        context.terminal.color,
      ),
      '',
      'Trusts:',
      ...(role?.assumeRolePolicyDocument ?? '').trimEnd().split('\n'),
    ];
    for (const line of lines) say(context.terminal, line);
    return undefined;
  },

  'role delete': async (context) => {
    const { access } = await context.api();
    const roleName = argument(context, 0);
    await confirm(context, `Delete role ${roleName}?`);
    if (context.flags.on('force')) {
      const { role } = await access.GetRole({ roleName });
      for (const policy of role?.attachedPolicyArns ?? []) {
        await access.DetachPolicy({ roleName, policy });
      }
    }
    const answer = await access.DeleteRole({ roleName });
    if (!printedAsJson(context, answer)) say(context.terminal, `deleted role ${roleName}`);
    return undefined;
  },
};
