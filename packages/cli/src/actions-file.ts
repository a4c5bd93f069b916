// Actions of listeners and rules as people write them: JSON with the members of ELBv2, in camelCase.
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

import type { Action } from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';

import { CommandError, exitCodes } from './failure.ts';
import { parseJson } from './json-file.ts';

/**
 * The actions in a file, a list or an object with a list `actions`; `-` is standard input.
 * @throws CommandError that names line and column, or each member that is wrong
 */
export async function readActions(file: string): Promise<readonly Input<Action>[]> {
  const source = file === '-' ? 'standard input' : file;
  const value = parseJson(await readText(file), source);
  const given = Array.isArray(value) ? { actions: value as unknown[] } : value;
  const { jsonProblems, formatProblem } = await import('@berth/rpc/strict.ts');
  const problems = jsonProblems('CreateRuleRequest', given);
  const others = Object.keys(given as object).filter((key) => key !== 'actions');
  const lines = [
    ...problems.map(formatProblem),
    ...others.map((key) => `${key}: expected only actions`),
  ];
  if (lines.length > 0) {
    throw new CommandError(
      exitCodes.refused,
      `${source} holds no actions:${lines.map((line) => `\n  ${line}`).join('')}`,
    );
  }
  return (given as { readonly actions?: readonly Input<Action>[] }).actions ?? [];
}

/** A file as text; `-` is standard input. @throws CommandError */
export async function readText(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    throw new CommandError(exitCodes.failed, `can't read ${file}`, { cause });
  }
}
