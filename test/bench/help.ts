// How long `berth --help` takes against an empty Node program, with each Node that is at hand: the system's may
// be older than 24, and help is answered by whichever starts the command. The bound is five times.
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BERTH = fileURLToPath(new URL('../../packages/cli/bin/berth.mjs', import.meta.url));
const ROUNDS = 15;
const BOUND = 5;
const COMMANDS = [['--help'], ['service', 'update', '--help'], ['help', 'exit-codes']];

function timed(node: string, args: readonly string[]): number {
  const begin = performance.now();
  const { status, stderr } = spawnSync(node, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${node} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return performance.now() - begin;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

const onPath = (process.env['PATH'] ?? '').split(delimiter).map((one) => join(one, 'node'));
const candidates = [process.execPath, ...onPath, '/usr/bin/node', '/usr/local/bin/node'];
const nodes = new Set(
  candidates.filter((path) => existsSync(path)).map((path) => realpathSync(path)),
);

for (const node of nodes) {
  const { stdout: version } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  for (const command of COMMANDS) {
    const empty: number[] = [];
    const help: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      empty.push(timed(node, ['-e', '0']));
      help.push(timed(node, [BERTH, ...command]));
    }
    const ratio = median(help) / median(empty);
    const name = `berth ${command.join(' ')}`;
    console.log(
      `${version.trim().padEnd(10)} ${name.padEnd(28)} ${ratio.toFixed(2)} times node -e 0   ` +
        `(${median(help).toFixed(0)} ms and ${median(empty).toFixed(0)} ms; bound ${BOUND})`,
    );
    if (ratio >= BOUND) process.exitCode = 1;
  }
}
