// The ring of keys that seals secrets at rest: its file, and the records that older keys still seal.
import { createKeyRing, readKeyRing, replaceKeyRing } from '@berth/process/key-ring-file.ts';
import type { KeyRing } from '@berth/process/key-ring.ts';

import { type Context, type Handlers, confirm, printedAsJson } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { say } from '../output/terminal.ts';
import { DEFAULT_TLS, secretsKeyPath } from '../roles/config.ts';

/** Each record is a transaction of its own. */
const RESEAL_MS = 300_000;

export const handlers: Handlers = {
  'secrets init': (context) => {
    const path = pathOf(context);
    const ring = createKeyRing(path);
    if (!ring) {
      throw new CommandError(
        exitCodes.refused,
        `${path} exists: without its keys the secrets that they seal would be lost`,
        { next: `berth secrets rotate --secrets-key ${path}` },
      );
    }
    say(context.terminal, `wrote ${path} with key ${ring.keyIds.join(', ')}`);
    return Promise.resolve(undefined);
  },

  'secrets rotate': (context) => {
    const { flags } = context;
    if (flags.on('prepare') && flags.on('finish')) {
      throw flags.wrong('--prepare and --finish are two steps: give one of them');
    }
    const path = pathOf(context);
    const ring = readKeyRing(path);
    if (flags.on('finish') && ring.keyIds.length === 1) {
      throw new CommandError(exitCodes.refused, `${path} has one key only`, {
        next: `berth secrets rotate --prepare --secrets-key ${path}`,
      });
    }
    const changed = flags.on('prepare')
      ? ring.prepared()
      : flags.on('finish')
        ? ring.switched()
        : ring.rotated();
    replaceKeyRing(path, changed);
    sayRing(context, path, changed);
    return Promise.resolve(undefined);
  },

  'secrets reseal': async (context) => {
    const { access } = await context.api();
    const answer = await access.ResealSecrets({}, { timeoutMs: RESEAL_MS });
    if (printedAsJson(context, answer)) return undefined;
    const { resealed, already, unreadable } = answer;
    say(context.terminal, `sealed ${resealed} anew; ${already} were sealed with the first key`);
    if (unreadable.length === 0) return undefined;
    throw new CommandError(
      exitCodes.failed,
      `the api that answered lacks the keys of ${unreadable.join(', ')}`,
      { next: 'add them to the file of --secrets-key, restart that api, and the same command' },
    );
  },

  'secrets prune': async (context) => {
    const path = pathOf(context);
    const ring = readKeyRing(path);
    const gone = ring.keyIds.slice(1);
    if (gone.length > 0) {
      await confirm(context, `Forget ${gone.join(', ')}? What they still seal is lost.`);
    }
    const changed = ring.pruned();
    replaceKeyRing(path, changed);
    sayRing(context, path, changed);
    return undefined;
  },
};

function pathOf({ flags }: Context): string {
  return secretsKeyPath(flags, flags.text('tls-dir') ?? DEFAULT_TLS);
}

function sayRing({ terminal }: Context, path: string, { keyIds }: KeyRing): void {
  const [first = '', ...others] = keyIds;
  const also = others.length > 0 ? `; it also opens what ${others.join(', ')} sealed` : '';
  say(terminal, `wrote ${path}, which seals with key ${first}${also}`);
}
