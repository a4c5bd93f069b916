// What can be answered before anything is loaded: help, the version, a command line that makes no sense, and
// completion of fixed words.
import { readFileSync } from 'node:fs';

import { commandsOf, findCommand } from './commands.mjs';
import { complete, completionScript } from './completion.mjs';
import { commandHelp, groupHelp, mainHelp, topicHelp, topics } from './help.mjs';
import { UsageError, parse } from './parse.mjs';

const WIDTH_MAX = 100;

/** The version of the command. */
export function ownVersion() {
  const file = new URL('../../package.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

/**
 * @param {readonly string[]} args
 * @param {number | undefined} columns of the terminal; undefined where there is none
 * @returns the text and the exit code to end with; undefined when the command has to run
 */
export function early(args, columns) {
  const width = Math.min(columns ?? 80, WIDTH_MAX) - 1;
  try {
    return answer(args, width);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { code: 2, text: `berth: ${error.message}\nNext: ${error.next}\n` };
  }
}

function answer(args, width) {
  const [first, second] = args;
  if (first === undefined || first === '--help' || first === '-h') return ok(mainHelp(width));
  if (first === '--version' || first === '-v') return ok(`berth ${ownVersion()}\n`);
  if (first === 'help') return ok(helpOn(args.slice(1), width));
  if (first === '__complete') return completion(args.slice(1));
  if (second === '--help' || second === '-h') return ok(helpOn([first], width));
  const line = parse(args);
  if (line.flags.help) return ok(commandHelp(line.command, width));
  if (line.command.path[0] === 'completion') {
    const script = completionScript(line.positionals[0]);
    if (script) return ok(script);
    throw new UsageError(
      `There is no completion for "${line.positionals[0]}", only for bash, zsh and fish.`,
      'berth completion bash',
    );
  }
  return undefined;
}

function helpOn(words, width) {
  if (words.length === 0 || words[0] === 'help') return mainHelp(width);
  if (Object.hasOwn(topics, words[0])) return topicHelp(words[0], width);
  const command = findCommand(words);
  if (command) return commandHelp(command, width);
  if (words.length === 1 && commandsOf(words[0]).length > 0) return groupHelp(words[0], width);
  parse(words); // says what is wrong
  return mainHelp(width);
}

function completion(words) {
  const { words: offered, kind } = complete(words);
  if (kind === 'file') return ok(':file\n');
  return kind ? undefined : ok(offered.map((word) => `${word}\n`).join(''));
}

function ok(text) {
  return { code: 0, text };
}
