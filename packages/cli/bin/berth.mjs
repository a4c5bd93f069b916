#!/usr/bin/env node
// The `berth` command, started by whatever Node the machine has. Help and the fixed part of shell completion
// are answered here and now; everything else is TypeScript, which Node 24 runs. Must stay plain JavaScript that
// Node 20 reads, and must import nothing heavy.
import { existsSync, realpathSync } from 'node:fs';
import module from 'node:module';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { early } from '../src/table/early.mjs';

const NODE_MAJOR = 24;
const SCRIPT = fileURLToPath(import.meta.url);
const ROOT = join(SCRIPT, '../../../..');

const args = process.argv.slice(2);
const answer = early(args, process.stdout.columns);
if (answer) {
  process.stdout.on('error', () => process.exit(0));
  (answer.code === 0 ? process.stdout : process.stderr).write(answer.text);
  process.exitCode = answer.code;
} else if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) {
  module.enableCompileCache();
  const { main } = await import('../src/main.ts');
  await main(args);
} else {
  await runWithNewerNode();
}

/** Hand over to Node 24: our input and output are its own, signals reach it, its exit is ours. */
async function runWithNewerNode() {
  const node = await findNode();
  if (!node) {
    process.stderr.write(
      `berth needs Node.js ${NODE_MAJOR} and runs on ${process.version}; looked for ${join(ROOT, '.node24/bin/node')}, then for node on PATH.\n` +
        `Next: npm start   (fetches Node.js ${NODE_MAJOR} into the checkout), or put one on PATH.\n`,
    );
    process.exitCode = 1;
    return;
  }
  const { spawn } = await import('node:child_process');
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', SCRIPT, ...args], {
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']) {
    // The terminal sends its own to the child as well, which takes two within a moment for one.
    process.on(signal, () => child.kill(signal));
  }
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (...outcome) => resolve(outcome));
  });
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else {
    process.exitCode = code;
  }
}

/** The checkout's Node 24, else the first on PATH that is new enough. */
async function findNode() {
  const own = join(ROOT, '.node24/bin/node');
  if (existsSync(own)) return own;
  const { spawnSync } = await import('node:child_process');
  const candidates = (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((directory) => ['node', 'node24'].map((name) => join(directory, name)));
  const tried = new Set([realpathSync(process.execPath)]);
  for (const candidate of candidates) {
    if (!existsSync(candidate) || tried.has(realpathSync(candidate))) continue;
    tried.add(realpathSync(candidate));
    const version = spawnSync(candidate, ['--version'], { encoding: 'utf8' }).stdout ?? '';
    if (Number(/^v(\d+)\./.exec(version)?.[1]) >= NODE_MAJOR) return candidate;
  }
  return undefined;
}
