// Runs the stages of `npm test` and adds up what they counted. The last line is `N passed, N failed`.
//   static       generated types, tsc, eslint, prettier
//   unit         everything beside the code that needs no etcd and no Docker, and the layering of the house
//   integration  the same tests' siblings against a real etcd and a real Docker Engine, and the conformance of the AWS wire
//   e2e          the berth command as a user runs it
//   scale        100,000 tasks on 500 simulated hosts: the smaller form of `npm run bench million`
//   chaos        a lab of many hosts under load: some of the faults of `npm run test:chaos`, and each strategy of deployments
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { borrowEngine } from './support/engine.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STAGES = ['static', 'unit', 'integration', 'e2e', 'scale', 'chaos'] as const;
type Stage = (typeof STAGES)[number];

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

const scratch = mkdtempSync(join(tmpdir(), 'berth-test-'));
const running = new Set<ReturnType<typeof spawn>>();
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted = true;
    for (const child of running) child.kill(signal);
  });
}

/** What a program is run by, when it gets a network of its own: Docker Engines beside each other need that, one each. */
const APART = [
  ...['unshare', '--net', '--mount', 'sh', '-c'],
  ...['ip link set lo up && exec "$@"', 'sh'],
];

/** Run one program of node_modules/.bin with the Node that runs this; its output appears when it ends. */
async function program(
  title: string,
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
  by: readonly string[] = [],
) {
  const begin = performance.now();
  const path = process.env['PATH'] ?? '';
  const words = [...by, process.execPath, join(ROOT, 'node_modules', command), ...args];
  const child = spawn(words[0] as string, words.slice(1), {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...env,
      PATH: `${join(process.execPath, '..')}:${path}:/usr/sbin:/sbin`,
      FORCE_COLOR: '0',
      NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
    },
  });
  running.add(child);
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  running.delete(child);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  console.log(`\n=== ${title}: ${code === 0 ? 'ok' : 'FAILED'} in ${seconds} s`);
  console.log(Buffer.concat(output).toString().trimEnd());
  return code === 0;
}

async function check(title: string, command: string, args: string[]): Promise<Counts> {
  return (await program(title, command, args))
    ? { passed: 1, failed: 0 }
    : { passed: 0, failed: 1 };
}

async function mocha(
  title: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
  by: readonly string[] = [],
): Promise<Counts> {
  const file = join(scratch, `${title}.json`);
  const reporter = join(ROOT, 'test/support/reporter.mjs');
  const ok = await program(
    title,
    'mocha/bin/mocha.js',
    ['--config', '.mocharc.json', '--reporter', reporter, ...args],
    { ...env, BERTH_TEST_COUNTS: file },
    by,
  );
  try {
    const counts = JSON.parse(readFileSync(file, 'utf8')) as { passes: number; failures: number };
    // A run that ends badly although each test passed (a crash at the end, say) is a failure too.
    return { passed: counts.passes, failed: Math.max(counts.failures, ok ? 0 : 1) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

function sum(...counts: Counts[]): Counts {
  return {
    passed: counts.reduce((total, { passed }) => total + passed, 0),
    failed: counts.reduce((total, { failed }) => total + failed, 0),
  };
}

/** They build networks and look at the machine, or take about as long in all as the others; most of the time they wait, as those do. */
const E2E_APART = ['start', 'lab', 'install', 'aws-cli', 'rolling-update', 'unhealthy'].map(
  (name) => `test/e2e/${name}.test.ts`,
);

const stages: Record<Stage, () => Promise<Counts>> = {
  static: async () =>
    sum(
      await check('generated types', '../scripts/generate-types.ts', ['--check']),
      await check('types', 'typescript/bin/tsc', ['--noEmit', '-p', 'tsconfig.json']),
      await check('lint', 'eslint/bin/eslint.js', ['.']),
      await check('format', 'prettier/bin/prettier.cjs', ['--check', '--log-level=warn', '.']),
    ),
  unit: () =>
    mocha('unit', [
      '--parallel',
      '--jobs=2',
      '--ignore=**/*.integration.test.ts',
      'packages/*/src/**/*.test.ts',
      'test/*.test.ts',
      'test/chaos/load/*.test.ts',
    ]),
  integration: async () => {
    await using engine = await borrowEngine();
    return await mocha(
      'integration',
      [
        '--parallel',
        '--jobs=2',
        '--timeout=60000',
        'packages/*/src/**/*.integration.test.ts',
        'test/conformance/**/*.test.ts',
      ],
      { DOCKER_HOST: engine.host },
    );
  },
  scale: () => mocha('scale', ['test/scale/million.test.ts']),
  chaos: () => mocha('chaos', ['--timeout=300000', 'test/chaos/reduced.test.ts']),
  e2e: async () => {
    const patience = '--timeout=300000';
    const others = E2E_APART.map((file) => `--ignore=${file}`);
    return sum(
      ...(await Promise.all([
        mocha('e2e', [patience, ...others, 'test/e2e/**/*.test.ts']),
        mocha('e2e apart', [patience, ...E2E_APART], {}, APART),
      ])),
    );
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !STAGES.includes(name as Stage));
if (unknown.length > 0) {
  console.error(`No such stage: ${unknown.join(', ')}. There are ${STAGES.join(', ')}.`);
  process.exit(2);
}
const selected = wanted.length === 0 ? [...STAGES] : (wanted as Stage[]);
/** The first two load nothing but a core each, so that they run side by side; the others need the machine. */
const lanes: Stage[][] = [['static', 'unit'], ['integration'], ['e2e'], ['scale'], ['chaos']];

let total: Counts = { passed: 0, failed: 0 };
for (const lane of lanes) {
  const due = lane.filter((stage) => selected.includes(stage));
  if (!interrupted) total = sum(total, ...(await Promise.all(due.map((stage) => stages[stage]()))));
}
rmSync(scratch, { recursive: true, force: true });
process.exitCode = total.failed > 0 || interrupted ? 1 : 0;
console.log(`\n${total.passed} passed, ${total.failed} failed`);
