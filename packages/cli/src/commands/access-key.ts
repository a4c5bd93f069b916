import type { AccessKey } from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { say } from '../output/terminal.ts';
import { keyTable } from './user.ts';

export const handlers: Handlers = {
  'access-key create': async (context) => {
    const { access } = await context.api();
    const userName = argument(context, 0);
    const answer = await access.CreateAccessKey({ userName });
    if (printedAsJson(context, answer)) return undefined;
    const { accessKeyId = '', secretAccessKey = '' } = answer.accessKey ?? {};
    const lines = [
      `created an access key for ${userName}; its secret is not shown again`,
      '',
      `export AWS_ACCESS_KEY_ID=${accessKeyId}`,
      `export AWS_SECRET_ACCESS_KEY=${secretAccessKey}`,
    ];
    for (const line of lines) say(context.terminal, line);
    return undefined;
  },

  'access-key list': async (context) => {
    const { access } = await context.api();
    const [userName] = context.positionals;
    return show(
      context,
      () => access.ListAccessKeys(userName === undefined ? { all: true } : { userName }),
      ({ accessKeys }) => keyTable(accessKeys, context),
    );
  },

  'access-key revoke': async (context) => {
    const { access } = await context.api();
    const { accessKeyId, userName } = await keyNamed(context);
    const remove = context.flags.on('delete');
    const what = remove ? 'Delete' : 'Revoke';
    await confirm(context, `${what} key ${accessKeyId} of ${userName}?`);
    const answer = remove
      ? await access.DeleteAccessKey({ userName, accessKeyId })
      : await access.UpdateAccessKey({ userName, accessKeyId, status: 'Inactive' });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `${remove ? 'deleted' : 'revoked'} key ${accessKeyId} of ${userName}`);
    }
    return undefined;
  },

  'access-key activate': async (context) => {
    const { access } = await context.api();
    const { accessKeyId, userName } = await keyNamed(context);
    const answer = await access.UpdateAccessKey({ userName, accessKeyId, status: 'Active' });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `activated key ${accessKeyId} of ${userName}`);
    }
    return undefined;
  },
};

async function keyNamed(context: Context): Promise<AccessKey> {
  const { access } = await context.api();
  const id = argument(context, 0);
  const { accessKeys } = await access.ListAccessKeys({ all: true });
  const found = accessKeys.find(({ accessKeyId }) => accessKeyId === id);
  if (found) return found;
  throw new CommandError(exitCodes.notFound, `there is no access key "${id}"`, {
    next: 'berth access-key list',
  });
}
