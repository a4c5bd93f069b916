// Help texts, rendered from the table. Pure.
import { commandsOf, commands, groupSummaries, sections } from './commands.mjs';

const COLUMN = 20;

/** @param {number} width columns to keep to */
export function mainHelp(width) {
  const lines = [
    'Usage: berth COMMAND [ARGUMENT...] [FLAG...]',
    '',
    ...wrap(
      'Runs containers on your own machines with the semantics of Amazon ECS and its load balancer.',
      '',
      width,
    ),
  ];
  for (const { title, names } of sections) {
    lines.push('', `${title}:`);
    for (const name of names) lines.push(...entry(name, summaryOf(name), COLUMN, width));
  }
  lines.push(
    '',
    'berth COMMAND --help says more about each; berth help exit-codes lists exit codes.',
  );
  return text(lines);
}

function summaryOf(name) {
  return groupSummaries[name] ?? commands.find(({ path }) => path[0] === name)?.summary ?? '';
}

/** What can follow a first word such as `service`. */
export function groupHelp(group, width) {
  const below = commandsOf(group);
  const column = Math.max(...below.map(({ path }) => path[1].length)) + 4;
  return text([
    `Usage: berth ${group} COMMAND`,
    '',
    `${groupSummaries[group] ?? ''}.`,
    '',
    'Commands:',
    ...below.flatMap(({ path, summary }) => entry(path[1], summary, column, width)),
    '',
    `berth ${group} COMMAND --help says more about each.`,
  ]);
}

export function commandHelp(command, width) {
  const named = command.flags.map((flag) => [flagTitle(flag), flagHelp(flag)]);
  const column = Math.min(34, Math.max(...named.map(([title]) => title.length)) + 4);
  const lines = [`Usage: berth ${command.usage} [FLAG...]`, '', `${command.summary}.`];
  if (command.details) lines.push(...wrap(command.details, '', width));
  lines.push('', 'Flags:', ...named.flatMap(([title, help]) => entry(title, help, column, width)));
  if (command.examples.length > 0) {
    lines.push('', 'Examples:', ...command.examples.map((example) => `  ${example}`));
  }
  return text(lines);
}

function flagTitle({ name, short, value }) {
  return `${short ? `-${short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`;
}

function flagHelp({ help, env }) {
  return env && !help.includes(`$${env}`) ? `${help} [$${env}]` : help;
}

/** Subjects of `berth help` that are no commands. */
export const topics = {
  'exit-codes': {
    title: 'Exit codes',
    rows: [
      ['0', 'done'],
      ['1', 'failed for a reason that has no code of its own'],
      ['2', 'the command line could not be understood; nothing was tried'],
      ['3', 'what was named does not exist'],
      ['4', 'refused: a wrong value, a conflict, no permission; nothing was changed'],
      ['5', 'a task could not be placed, or a deployment failed or made no headway in time'],
      ['6', 'the api, or what it needs, could not be reached; trying again later may help'],
      ['130', 'interrupted with Ctrl-C'],
    ],
    after: 'exec, and task run --wait, end with the exit code of what ran in the container.',
  },
  environment: {
    title: 'Environment variables',
    rows: [
      ['BERTH_API', 'HOST:PORT of the api'],
      ['BERTH_TLS_DIR', 'directory of ca.crt, admin.crt and admin.key'],
      ['BERTH_CLUSTER', 'the cluster where --cluster is not given'],
      ['BERTH_DATA_DIR', 'the state of berth dev (default: .berth/dev in the checkout)'],
      ['DOCKER_HOST', 'the Docker Engine that berth dev and berth agent use'],
      ['NO_COLOR', 'no colour, whatever its value'],
    ],
    after:
      'berth env prints those of the running berth dev. Flags win over variables; each role’s own variables stand in its help.',
  },
};

export function topicHelp(name, width) {
  const { title, rows, after } = topics[name];
  const column = Math.max(...rows.map(([left]) => left.length)) + 4;
  return text([
    `${title}:`,
    ...rows.flatMap(([left, right]) => entry(left, right, column, width)),
    '',
    ...wrap(after, '', width),
  ]);
}

function text(lines) {
  return `${lines.join('\n')}\n`;
}

/** "  left      right", the right side wrapped; on a line of its own where the left is too long. */
function entry(left, right, column, width) {
  const indent = ' '.repeat(column);
  const [first = '', ...more] = wrap(right, indent, width);
  const head = `  ${left}`;
  return head.length + 2 > column
    ? [head, first, ...more]
    : [head.padEnd(column) + first.slice(column), ...more];
}

function wrap(words, indent, width) {
  const lines = [];
  let line = '';
  for (const word of words.split(' ')) {
    if (line && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, indent + line];
}
