// From words to a command with its arguments and flags, by the table. A mistake gets a sentence that says
// what was found, what was expected, and what to type next.
import { commands, commandsOf, findCommand, sections } from './commands.mjs';
import { nearest } from './suggest.mjs';

/** A command line that can't be understood; exit code 2. */
export class UsageError extends Error {
  /**
   * @param {string} message what was found and what was expected
   * @param {string} next the command to type next
   */
  constructor(message, next) {
    super(message);
    this.name = 'UsageError';
    this.next = next;
  }
}

/**
 * @param {readonly string[]} args
 * @returns the command, its arguments, what followed `--`, and its flags: true, a text, or a list of texts
 * @throws UsageError; a command line with --help is accepted whatever else it lacks
 */
export function parse(args) {
  const command = commandOf(args);
  const line = { command, positionals: [], rest: [], flags: {} };
  const words = args.slice(command.path.length);
  while (words.length > 0) {
    const word = words.shift();
    if (word === '--') {
      line.rest = words.splice(0);
      line.dashes = true;
    } else if (word.length > 1 && word.startsWith('-') && !/^-\d/.test(word)) {
      if (word.startsWith('--')) longFlag(command, line.flags, word, words);
      else shortFlags(command, line.flags, word, words);
    } else if (command.takesRest && line.positionals.length === command.arguments.length) {
      line.rest = [word, ...words.splice(0)];
    } else line.positionals.push(word);
  }
  if (!line.flags.help) checkArguments(line);
  return line;
}

function commandOf(args) {
  const [first = '', second = ''] = args;
  const found = findCommand(args);
  if (found) return found;
  const below = commandsOf(first);
  if (below.length > 0) {
    const verbs = below.map(({ path }) => path[1]);
    const guess = second && nearest(second, verbs);
    throw new UsageError(
      second && !second.startsWith('-')
        ? `There is no command "${first} ${second}"${guess ? `; did you mean "${first} ${guess}"?` : `. There are: ${verbs.join(', ')}.`}`
        : `"${first}" needs one of: ${verbs.join(', ')}.`,
      `berth ${first} --help`,
    );
  }
  if (first.startsWith('-')) {
    throw new UsageError(`Flags follow the command, found ${first} first.`, 'berth --help');
  }
  const guess = nearest(
    first,
    sections.flatMap(({ names }) => names),
  );
  throw new UsageError(
    `There is no command "${first}"${guess ? `; did you mean "${guess}"?` : '.'}`,
    'berth --help',
  );
}

function helpOf(command) {
  return `berth ${command.path.join(' ')} --help`;
}

function longFlag(command, flags, word, words) {
  const equals = word.indexOf('=');
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const spec = command.flags.find((flag) => flag.name === name);
  if (!spec) {
    const guess = nearest(
      name,
      command.flags.map((flag) => flag.name),
    );
    throw new UsageError(
      `"${command.path.join(' ')}" has no flag --${name}${guess ? `; did you mean --${guess}?` : '.'}`,
      helpOf(command),
    );
  }
  if (!spec.value) {
    if (equals >= 0) {
      throw new UsageError(`--${name} takes no value, found "${word}".`, helpOf(command));
    }
    flags[name] = true;
  } else if (equals >= 0) put(flags, spec, word.slice(equals + 1));
  else put(flags, spec, valueFor(command, `--${name}`, spec, words));
}

function shortFlags(command, flags, word, words) {
  for (let index = 1; index < word.length; index += 1) {
    const letter = word[index];
    const spec = command.flags.find((flag) => flag.short === letter);
    if (!spec) {
      throw new UsageError(
        `"${command.path.join(' ')}" has no flag -${letter}${word.length > 2 ? ` (in ${word})` : ''}.`,
        helpOf(command),
      );
    }
    if (spec.value) {
      const attached = word.slice(index + 1).replace(/^=/, '');
      put(flags, spec, attached || valueFor(command, `-${letter}`, spec, words));
      return;
    }
    flags[spec.name] = true;
  }
}

function valueFor(command, shown, spec, words) {
  const value = words.shift();
  if (value === undefined || (value.startsWith('--') && value.length > 2)) {
    throw new UsageError(`${shown} needs a value: ${shown} ${spec.value}.`, helpOf(command));
  }
  return value;
}

function put(flags, spec, value) {
  if (spec.multiple) (flags[spec.name] ??= []).push(value);
  else flags[spec.name] = value;
}

function checkArguments({ command, positionals, rest, dashes }) {
  const wanted = command.arguments;
  const missing = wanted[positionals.length];
  if (missing && !missing.optional) {
    throw new UsageError(`Missing ${missing.name}: berth ${command.usage}`, helpOf(command));
  }
  if (positionals.length > wanted.length && !wanted.at(-1)?.repeated) {
    throw new UsageError(
      `Unexpected "${positionals[wanted.length]}": berth ${command.usage}`,
      helpOf(command),
    );
  }
  if (command.takesRest && !command.restOptional && rest.length === 0) {
    throw new UsageError(`Missing a command to run: berth ${command.usage}`, helpOf(command));
  }
  if (dashes && !command.takesRest && rest.length > 0) {
    throw new UsageError(`Nothing may follow "--": berth ${command.usage}`, helpOf(command));
  }
}

/** Every environment variable that some flag of the table stands for. */
export function environmentNames() {
  return [
    ...new Set(commands.flatMap(({ flags }) => flags.flatMap(({ env }) => env ?? []))),
  ].sort();
}
