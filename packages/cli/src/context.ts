// What a command is given to work with.
import type { Clock } from '@berth/control/clock.ts';

import type { Api } from './connection.ts';
import { CommandError, exitCodes } from './failure.ts';
import type { Environment, Flags } from './flags.ts';
import { type Terminal, say } from './output/terminal.ts';

export interface Context {
  readonly flags: Flags;
  readonly positionals: readonly string[];
  /** What followed `--`. */
  readonly rest: readonly string[];
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly environment: Environment;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** The cluster that --cluster or BERTH_CLUSTER names, else `default`. */
  readonly cluster: string;
  /** Connects at the first call. @throws CommandError when no cluster is known */
  api(): Promise<Api>;
}

/** Carries out one command. @returns its exit code; nothing for 0 */
export type Handler = (context: Context) => Promise<number | undefined>;

/** The handlers of one file of `commands/`, by the words of the command. */
export type Handlers = Readonly<Record<string, Handler>>;

/** The argument at this place, which the table says is there. */
export function argument(context: Context, index: number): string {
  const value = context.positionals[index];
  if (value === undefined) throw new Error(`argument ${index} is optional in the table`);
  return value;
}

/** Print the value as JSON if --json is given. @returns whether it did */
export function printedAsJson(context: Context, value: unknown): boolean {
  if (!context.flags.on('json')) return false;
  say(context.terminal, JSON.stringify(value, undefined, 2));
  return true;
}

/**
 * Ask before something is destroyed, where somebody can be asked and --yes is not given.
 * @throws CommandError when the answer is no
 */
export async function confirm(context: Context, question: string): Promise<void> {
  if (context.flags.on('yes') || !context.terminal.canAsk) return;
  if (await context.terminal.ask(question, context.signal)) return;
  throw new CommandError(exitCodes.failed, 'not done: the answer was no', {
    next: 'the same command with --yes',
  });
}

const WATCH_EVERY_MS = 2000;

/**
 * Print what `render` gives, once, or with --watch again and again: on a terminal in place, else below each other.
 * `fetch` is called anew each time; its value is what --json prints.
 */
export async function show<T>(
  context: Context,
  fetch: () => Promise<T>,
  render: (value: T) => readonly string[],
): Promise<undefined> {
  const { terminal, flags, clock, signal } = context;
  for (;;) {
    const value = await fetch();
    if (!printedAsJson(context, value)) {
      const lines = render(value);
      if (flags.on('watch') && terminal.live) {
        const shown = lines.slice(0, Math.max(1, terminal.height - 1));
        terminal.write(`\u001b[H\u001b[2J\u001b[3J${shown.join('\n')}\n`);
      } else terminal.write(lines.map((line) => `${line}\n`).join(''));
    }
    if (!flags.on('watch')) return undefined;
    await clock.sleep(WATCH_EVERY_MS, signal);
    if (!terminal.live && !flags.on('json')) say(terminal);
  }
}
