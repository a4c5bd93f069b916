import type { AccessKey, User } from '@berth/model/generated/messages.ts';

import type { Context, Handlers } from '../context.ts';
import { argument, confirm, printedAsJson, show } from '../context.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { age, lastOf } from '../output/text.ts';
import { allPages } from '../queries.ts';

export const handlers: Handlers = {
  'user create': async (context) => {
    const { flags, terminal } = context;
    const { access } = await context.api();
    const userName = argument(context, 0);
    const answer = await access.CreateUser({
      userName,
      path: flags.text('path'),
      tags: flags.pairs('tag'),
    });
    for (const policy of flags.texts('policy')) await access.AttachPolicy({ userName, policy });
    if (!printedAsJson(context, answer)) say(terminal, `created user ${userName}`);
    return undefined;
  },

  'user list': async (context) => {
    const { access } = await context.api();
    return show(
      context,
      () => allPages((page) => access.ListUsers(page), 'users'),
      ({ users }) =>
        table<User>(
          [
            { title: 'USER', value: ({ userName }) => userName, style: 'accent' },
            {
              title: 'POLICIES',
              value: ({ attachedPolicyArns }) => attachedPolicyArns.map(lastOf).join(', '),
              shrinksTo: 20,
            },
            { title: 'AGE', value: (row) => ageOf(context, row.createdAt), align: 'right' },
          ],
          users,
          context.terminal,
        ),
    );
  },

  'user show': async (context) => {
    const { access } = await context.api();
    const userName = argument(context, 0);
    const { user } = await access.GetUser({ userName });
    const { accessKeys } = await access.ListAccessKeys({ userName });
    if (printedAsJson(context, { user, accessKeys })) return undefined;
    const lines = [
      ...facts(
        [
          ['User', user?.userName],
          ['ARN', user?.arn],
          ['Id', user?.userId],
          ['Policies', user?.attachedPolicyArns.map(lastOf).join(', ')],
          ['Tags', user?.tags.map(({ key, value }) => `${key}=${value}`).join(', ')],
        ],
        context.terminal.color,
      ),
      '',
      ...keyTable(accessKeys, context),
    ];
    for (const line of lines) say(context.terminal, line);
    return undefined;
  },

  'user delete': async (context) => {
    const { access } = await context.api();
    const userName = argument(context, 0);
    const force = context.flags.on('force');
    await confirm(context, `Delete user ${userName}${force ? ', its keys with it' : ''}?`);
    if (force) {
      const { user } = await access.GetUser({ userName });
      const { accessKeys } = await access.ListAccessKeys({ userName });
      for (const { accessKeyId } of accessKeys) {
        await access.DeleteAccessKey({ userName, accessKeyId });
      }
      for (const policy of user?.attachedPolicyArns ?? []) {
        await access.DetachPolicy({ userName, policy });
      }
    }
    const answer = await access.DeleteUser({ userName });
    if (!printedAsJson(context, answer)) say(context.terminal, `deleted user ${userName}`);
    return undefined;
  },
};

/** Keys, with when they were last used as far as that is known. */
export function keyTable(keys: readonly AccessKey[], context: Context): string[] {
  return table<AccessKey>(
    [
      { title: 'ACCESS KEY', value: ({ accessKeyId }) => accessKeyId, style: 'accent' },
      { title: 'USER', value: ({ userName }) => userName },
      { title: 'STATUS', value: ({ status }) => status.toUpperCase(), style: 'status' },
      {
        title: 'LAST USED',
        value: ({ lastUsedAt, lastUsedService = '' }) =>
          lastUsedAt === undefined
            ? 'never'
            : `${ageOf(context, lastUsedAt)} ago, ${lastUsedService}`,
      },
      { title: 'AGE', value: (row) => ageOf(context, row.createdAt), align: 'right' },
    ],
    keys,
    context.terminal,
  );
}

function ageOf({ clock }: Context, at: number): string {
  return age(clock.now() - at);
}
