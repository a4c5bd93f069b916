// What people get wrong: each mistake is answered with what was found, what was expected, and changes nothing.
import assert from 'node:assert/strict';

import { type Place, type Running, berth, berthJson, newPlace, startDev } from './cluster.ts';

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What the message must hold. */
  readonly says: readonly RegExp[];
  readonly code?: number;
}

const definition = (container: object, rest: object = {}): string =>
  JSON.stringify({
    family: 'wrong',
    containerDefinitions: [{ name: 'main', image: 'berth/hello:1', memory: 64, ...container }],
    ...rest,
  });

const register = ['task-definition', 'register', '-'];

const cases: readonly Case[] = [
  {
    name: 'a misspelt field',
    args: register,
    input: definition({ portMapings: [] }),
    says: [/portMapings/, /portMappings/],
  },
  { name: 'JSON that is none', args: register, input: '{ "family": "x", }', says: [/line 1/] },
  {
    name: 'a port out of range',
    args: register,
    input: definition({ portMappings: [{ containerPort: 70_000 }] }),
    says: [/70000/, /65535/],
  },
  {
    name: 'a word that ECS does not know',
    args: register,
    input: definition({ portMappings: [{ containerPort: 80, protocol: 'tpc' }] }),
    says: [/tpc/, /tcp/],
  },
  { name: 'CPU below zero', args: register, input: definition({ cpu: -1 }), says: [/cpu/i, /-1/] },
  {
    name: 'no memory at all',
    args: register,
    input: definition({ memory: undefined }),
    says: [/memory/, /main/],
  },
  {
    name: 'a field that Berth does not honour',
    args: register,
    input: definition({ firelensConfiguration: { type: 'fluentbit' } }),
    says: [/firelensConfiguration/],
  },
  {
    name: 'a family that does not exist',
    args: ['service', 'create', 'lost', '--task-definition', 'nowhere', '--count', '1'],
    says: [/nowhere/],
  },
  {
    name: 'a service that does not exist',
    args: ['service', 'update', 'nowhere', '--force-new-deployment'],
    says: [/nowhere/],
  },
  {
    name: 'a task that does not exist',
    args: ['task', 'stop', 'ffffffff', '--yes'],
    says: [/ffffffff/],
  },
  { name: 'an unknown command', args: ['servcie', 'list'], says: [/servcie/, /service/], code: 2 },
  {
    name: 'an unknown flag',
    args: ['service', 'list', '--clutser', 'x'],
    says: [/clutser/],
    code: 2,
  },
  {
    name: 'a cluster that is not running',
    args: ['service', 'list'],
    env: { BERTH_API: '127.0.0.1:1' },
    says: [/127\.0\.0\.1:1/],
    code: 6,
  },
];

describe('wrong inputs', () => {
  const place: Place = newPlace(3);
  let dev: Running;

  before(async function () {
    this.timeout(240_000);
    dev = await startDev(place);
  });

  after(async function () {
    this.timeout(90_000);
    await dev.end('SIGINT', 60_000);
    place.remove();
  });

  const desires = async (): Promise<string[]> => {
    const kinds = [
      'task-definitions',
      'task-definition-families',
      'services',
      'target-groups',
      'rules',
      'listeners',
    ];
    const lists = await Promise.all(
      kinds.map((kind) =>
        berthJson<{ keys: string[] }>(place, ['state', 'ls', `/berth/v1/${kind}/`]),
      ),
    );
    return lists.flatMap(({ keys }) => keys).sort();
  };

  for (const { name, args, input, env, says, code } of cases) {
    it(`${name}: ${args.slice(0, 2).join(' ')}`, async () => {
      const before = await desires();
      const outcome = await berth(place, args, { input: input ?? '', env: env ?? {} });
      assert.notEqual(outcome.code, 0, outcome.stdout);
      if (code !== undefined) assert.equal(outcome.code, code, outcome.stderr);
      for (const pattern of says) assert.match(outcome.stderr, pattern);
      assert.doesNotMatch(outcome.stderr, /\n\s+at /, 'a stack trace is no message');
      assert.deepEqual(await desires(), before);
    });
  }

  it('a task that fits on no host says which resource lacks where', async () => {
    const huge = definition({ memory: 900_000 }, { family: 'huge' });
    assert.equal((await berth(place, register, { input: huge })).code, 0);
    const run = await berth(place, ['task', 'run', 'huge']);
    assert.equal(run.code, 5, run.stdout + run.stderr);
    assert.match(run.stderr, /memory/i);
  });

  it('an image that does not exist is named, with the task that wanted it', async () => {
    const missing = definition({ image: 'localhost:1/no/such:image' }, { family: 'missing' });
    assert.equal((await berth(place, register, { input: missing })).code, 0);
    const create = await berth(
      place,
      [
        'service',
        'create',
        'missing',
        '--task-definition',
        'missing',
        '--count',
        '1',
        '--timeout',
        '60s',
      ],
      { timeoutMs: 90_000 },
    );
    assert.equal(create.code, 5, create.stdout + create.stderr);
    assert.match(create.stdout + create.stderr, /CannotPullContainerError/);
    assert.match(create.stdout + create.stderr, /no\/such:image/);
    assert.equal(
      (await berth(place, ['service', 'delete', 'missing', '--force', '--yes'])).code,
      0,
    );
  });
});
