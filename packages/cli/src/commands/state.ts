import { type Context, type Handlers, argument, printedAsJson } from '../context.ts';
import { say } from '../output/terminal.ts';

const ROOT = '/berth/v1/';

/** People may leave the common prefix out. */
function fullKey(text: string): string {
  return text.startsWith('/') ? text : ROOT + text;
}

export const handlers: Handlers = {
  'state get': async (context) => {
    const { operations } = await context.api();
    const answer = await operations.GetState({ key: fullKey(argument(context, 0)) });
    const value: unknown = JSON.parse(answer.json);
    const { createRevision, modRevision, version } = answer;
    if (!printedAsJson(context, { key: answer.key, createRevision, modRevision, version, value })) {
      say(context.terminal, JSON.stringify(value, undefined, 2));
    }
    return undefined;
  },

  'state ls': async (context) => {
    const { operations } = await context.api();
    const answer = await operations.ListState({
      prefix: fullKey(context.positionals[0] ?? ''),
      limit: context.flags.integer('limit', { min: 1, max: 1_000_000 }),
    });
    if (printedAsJson(context, answer)) return undefined;
    for (const key of answer.keys) say(context.terminal, key);
    warnOfMore(context, answer.keys.length, answer.truncated);
    return undefined;
  },
};

function warnOfMore({ terminal }: Context, shown: number, truncated: boolean): void {
  if (truncated) terminal.complain(`only the first ${shown} keys are shown; --limit shows more`);
}
