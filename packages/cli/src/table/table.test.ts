import assert from 'node:assert/strict';

import fc from 'fast-check';

import { matchesGolden } from '../testing/golden.ts';
import { commands, sections } from './commands.mjs';
import { complete, completionScript } from './completion.mjs';
import { early } from './early.mjs';
import { commandHelp, mainHelp, topicHelp } from './help.mjs';
import { UsageError, parse } from './parse.mjs';
import { nearest } from './suggest.mjs';

const words = commands.map(({ path }) => path.join(' '));

describe('the table of commands', () => {
  it('names each command once, and lists each first word in the help', () => {
    assert.equal(new Set(words).size, words.length);
    const listed = sections.flatMap(({ names }) => names);
    for (const { path } of commands) assert.ok(listed.includes(path[0]!), path.join(' '));
  });

  it('gives no command two flags of the same name or letter', () => {
    for (const { path, flags } of commands) {
      for (const key of ['name', 'short'] as const) {
        const used = flags.map((flag) => flag[key]).filter(Boolean);
        assert.equal(new Set(used).size, used.length, `${path.join(' ')}: ${used.join(' ')}`);
      }
    }
  });

  it('offers --json wherever something is listed or shown', () => {
    const verbs = ['list', 'show', 'create', 'get', 'ls', 'health'];
    for (const { path, flags } of commands) {
      if (!verbs.includes(path[1] ?? '') || path[0] === 'certificate') continue;
      assert.ok(
        flags.some(({ name }) => name === 'json'),
        path.join(' '),
      );
    }
  });

  it('offers --watch on each listing', () => {
    for (const { path, flags } of commands.filter(({ path }) => path[1] === 'list')) {
      assert.ok(
        flags.some(({ name }) => name === 'watch'),
        path.join(' '),
      );
    }
  });

  it('has examples that parse', () => {
    for (const { examples } of commands) {
      for (const example of examples) {
        const match = /berth ([a-z][^;|)"]*)$/.exec(example);
        if (match?.[1] && !/["'$<]/.test(example)) parse(match[1].trim().split(/\s+/));
      }
    }
  });
});

describe('help', () => {
  it('of the command, of a group, of one command and of a topic read as they should', () => {
    matchesGolden('help-main.txt', mainHelp(79));
    matchesGolden('help-service.txt', early(['service', '--help'], 80)!.text);
    const update = commands.find(({ path }) => path.join(' ') === 'service update')!;
    matchesGolden('help-service-update.txt', commandHelp(update, 79));
    matchesGolden('help-exit-codes.txt', topicHelp('exit-codes', 79));
    matchesGolden('help-environment.txt', topicHelp('environment', 79));
  });

  it('keeps to 80 columns, but for examples', () => {
    for (const command of commands) {
      const [text = ''] = commandHelp(command, 79).split('\nExamples:');
      for (const line of text.split('\n').slice(1)) assert.ok(line.length < 80, line);
    }
    for (const line of mainHelp(79).split('\n')) assert.ok(line.length < 84, line);
  });

  it('is answered before anything is loaded, wherever --help stands', () => {
    for (const args of [['--help'], [], ['help'], ['help', 'service'], ['service', '--help']]) {
      assert.equal(early(args, undefined)?.code, 0, args.join(' '));
    }
    for (const command of words) {
      const answer = early([...command.split(' '), '--help'], 80);
      assert.equal(answer?.code, 0);
      assert.match(answer.text, /^Usage: berth /);
      assert.equal(early(['help', ...command.split(' ')], 80)?.text, answer.text);
    }
  });

  it('leaves to a command in a container what follows --', () => {
    assert.equal(early(['exec', 'abc', '--', 'ls', '--help'], 80), undefined);
    assert.equal(early(['exec', 'abc', 'ls', '--help'], 80), undefined);
  });
});

describe('parsing', () => {
  it('reads arguments, flags in every form, and what follows --', () => {
    const line = parse(['exec', '-it', '--container=web', 'abc', '--', 'ls', '-l']);
    assert.deepEqual(line.positionals, ['abc']);
    assert.deepEqual(line.rest, ['ls', '-l']);
    assert.deepEqual(line.flags, { interactive: true, tty: true, container: 'web' });
    assert.deepEqual(parse(['logs', 'x', '-n5', '-f']).flags, { tail: '5', follow: true });
    assert.deepEqual(parse(['logs', 'x', '-n', '5']).flags, { tail: '5' });
    const rule = parse(['rule', 'create', '--path', '/a', '--path', '/b']);
    assert.deepEqual(rule.flags, { path: ['/a', '/b'] });
  });

  it('takes the words after the arguments as the command, also without --', () => {
    assert.deepEqual(parse(['exec', '-i', 'abc', 'ls', '-l']).rest, ['ls', '-l']);
  });

  it('gives back every value that it is given', () => {
    const value = fc.string({ minLength: 1 }).filter((text) => !text.startsWith('--'));
    fc.assert(
      fc.property(value, value, (reason, id) => {
        const line = parse(['task', 'stop', `--reason=${reason}`, `x${id}`]);
        assert.equal(line.flags['reason'], reason);
        assert.deepEqual(line.positionals, [`x${id}`]);
      }),
    );
  });

  interface Case {
    readonly args: string;
    readonly says: RegExp;
    readonly next: string;
  }
  const mistakes: readonly Case[] = [
    {
      args: 'servcie list',
      says: /no command "servcie"; did you mean "service"\?/,
      next: 'berth --help',
    },
    { args: 'service lst', says: /did you mean "service list"\?/, next: 'berth service --help' },
    {
      args: 'service',
      says: /"service" needs one of: create, update/,
      next: 'berth service --help',
    },
    { args: 'service frobnicate', says: /There are: create/, next: 'berth service --help' },
    {
      args: 'service list --wacht',
      says: /no flag --wacht; did you mean --watch\?/,
      next: 'berth service list --help',
    },
    { args: 'service list -x', says: /no flag -x/, next: 'berth service list --help' },
    {
      args: 'service scale web',
      says: /Missing COUNT: berth service scale SERVICE COUNT/,
      next: 'berth service scale --help',
    },
    { args: 'service scale web 3 4', says: /Unexpected "4"/, next: 'berth service scale --help' },
    {
      args: 'service list --cluster',
      says: /--cluster needs a value: --cluster NAME/,
      next: 'berth service list --help',
    },
    {
      args: 'service list --json=yes',
      says: /--json takes no value/,
      next: 'berth service list --help',
    },
    { args: 'exec abc', says: /Missing a command to run/, next: 'berth exec --help' },
    { args: 'status -- x', says: /Nothing may follow/, next: 'berth status --help' },
    { args: '--json service list', says: /Flags follow the command/, next: 'berth --help' },
  ];
  for (const { args, says, next } of mistakes) {
    it(`says what is wrong with: berth ${args}`, () => {
      assert.throws(
        () => parse(args.split(' ')),
        (error) => error instanceof UsageError && says.test(error.message) && error.next === next,
      );
      const answer = early(args.split(' '), 80);
      assert.equal(answer?.code, 2);
      assert.match(answer.text, says);
    });
  }
});

describe('suggestions', () => {
  it('find a slip of the fingers and nothing else', () => {
    assert.equal(nearest('sevrice', ['service', 'server']), 'service');
    assert.equal(nearest('tsak', ['task', 'state']), 'task');
    assert.equal(nearest('xyzzy', ['service', 'task']), undefined);
  });
});

describe('completion', () => {
  it('offers commands, verbs, flags and the words of a flag', () => {
    assert.ok(complete(['']).words.includes('service'));
    assert.deepEqual(complete(['rule', '']).words, [
      'create',
      'list',
      'show',
      'modify',
      'set-priorities',
      'delete',
    ]);
    assert.ok(complete(['service', 'list', '--']).words.includes('--watch'));
    const modes = complete(['service', 'update', 'x', '--circuit-breaker', '']);
    assert.deepEqual(modes.words, ['off', 'on', 'rollback']);
    assert.deepEqual(complete(['completion', '']).words, ['bash', 'zsh', 'fish']);
  });

  it('says which names belong to an argument or a flag', () => {
    assert.equal(complete(['service', 'show', '']).kind, 'service');
    assert.equal(complete(['service', 'show', '--cluster', '']).kind, 'cluster');
    assert.equal(complete(['service', 'show', '--cluster', 'x', '']).kind, 'service');
    assert.equal(complete(['task', 'stop', 'a', 'b', '']).kind, 'task');
    assert.equal(complete(['service', 'show', 'a', '']).kind, undefined);
    assert.equal(complete(['task-definition', 'register', '']).kind, 'file');
  });

  it('leaves alone what follows --', () => {
    assert.deepEqual(complete(['exec', 'a', '--', '']), { words: [] });
  });

  it('has a script for each shell that asks for what the table offers', () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      assert.match(completionScript(shell)!, /berth __complete/);
    }
    assert.equal(completionScript('constructor'), undefined);
    assert.equal(early(['completion', 'tcsh'], 80)?.code, 2);
  });
});
