// Set-up that `npm start` and `npm test` share. Plain JavaScript: it runs on whatever Node the machine has.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const NODE_MAJOR = 24;
const LOCAL_NODE = join(ROOT, '.node24/bin/node');
const INSTALLED_STAMP = join(ROOT, 'node_modules/.berth-installed');

/** A mistake or a lack that the user can mend; printed without a stack. */
export class SetupError extends Error {}

/**
 * Run one step of the set-up and say in a line what it did and how long it took.
 * @param {string} title
 * @param {() => Promise<string>} action resolves to what was found or done
 */
export async function step(title, action) {
  const begin = performance.now();
  const outcome = await action();
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  console.log(`  ${title.padEnd(16)} ${outcome} (${seconds} s)`);
}

/** The Node 24 that runs Berth: this one, the checkout's, or one fetched into the checkout from the npm registry. */
export async function ensureNode() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath;
  if (existsSync(LOCAL_NODE)) return LOCAL_NODE;
  const arch = { x64: 'x64', arm64: 'arm64' }[process.arch];
  if (!arch)
    throw new SetupError(
      `Berth needs Node.js ${NODE_MAJOR}; there is no package of it for ${process.arch}.`,
    );
  const name = `node-linux-${arch}`;
  const staging = join(ROOT, '.node24/staging');
  mkdirSync(staging, { recursive: true });
  await run(
    npmCommand(
      'install',
      '--prefix',
      staging,
      '--no-save',
      '--ignore-scripts',
      `${name}@${NODE_MAJOR}`,
    ),
    {
      failure: `Could not fetch Node.js ${NODE_MAJOR} (package ${name}) from the npm registry.`,
    },
  );
  renameSync(join(staging, 'node_modules', name, 'bin'), join(ROOT, '.node24/bin'));
  rmSync(staging, { recursive: true });
  return LOCAL_NODE;
}

/** Which Node that is, for the line that `step` prints. */
export function nodeVersion(node) {
  return spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
}

/**
 * Install the npm packages of the lock file, unless that has been done.
 * @param {string} node the Node to run npm with
 * @param {'production' | 'all'} scope
 */
export async function ensurePackages(node, scope) {
  const lock = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  const [stampLock, stampScope] = existsSync(INSTALLED_STAMP)
    ? readFileSync(INSTALLED_STAMP, 'utf8').split(' ')
    : [];
  if (stampLock === lock && (stampScope === 'all' || stampScope === scope))
    return 'npm packages are installed';
  const omit = scope === 'production' ? ['--omit=dev'] : [];
  await run(
    [node, npmCli(), 'ci', '--ignore-scripts', '--no-progress', '--loglevel=error', ...omit],
    {
      failure: 'Could not install the npm packages of package-lock.json.',
    },
  );
  writeFileSync(INSTALLED_STAMP, `${lock} ${scope}`);
  return 'installed the npm packages of package-lock.json';
}

/**
 * Install Debian's packages whose programs are missing. Their services are not started: Berth starts what it needs.
 * @param {Record<string, string>} wanted program (a path or a name on PATH) by package
 */
export async function ensureDebianPackages(wanted) {
  const missing = Object.keys(wanted).filter((name) => !programExists(wanted[name]));
  if (missing.length === 0) return `found ${Object.keys(wanted).join(', ')}`;
  if (!existsSync('/usr/bin/apt-get')) {
    throw new SetupError(
      `These programs are missing: ${missing.map((name) => wanted[name]).join(', ')}. Berth installs them on Debian only; install them yourself and start again.`,
    );
  }
  const sudo = process.getuid() === 0 ? [] : ['sudo'];
  const policy = '/usr/sbin/policy-rc.d';
  const script = [
    'set -e',
    // Keep the packages from starting daemons of their own while they are installed.
    `if [ ! -e ${policy} ]; then printf '#!/bin/sh\\nexit 101\\n' > ${policy}; chmod +x ${policy}; trap 'rm -f ${policy}' EXIT; fi`,
    'export DEBIAN_FRONTEND=noninteractive',
    'apt-get update -qq',
    `apt-get install -y -qq --no-install-recommends ${missing.join(' ')}`,
  ].join('\n');
  await run([...sudo, 'sh', '-c', script], {
    failure: `Could not install ${missing.join(', ')} with apt-get.`,
  });
  return `installed ${missing.join(', ')}`;
}

function programExists(program) {
  const candidates = program.startsWith('/')
    ? [program]
    : [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].map((dir) =>
        join(dir, program),
      );
  return candidates.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The file of the npm that runs this, or of the one on PATH. */
export function npmCli() {
  if (process.env.npm_execpath?.endsWith('.js')) return process.env.npm_execpath;
  const npm = (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, 'npm'))
    .find((path) => existsSync(path));
  if (!npm) throw new SetupError('npm is not on PATH; install it beside Node.js.');
  return realpathSync(npm);
}

function npmCommand(...args) {
  return [process.execPath, npmCli(), ...args, '--loglevel=error', '--no-progress'];
}

/** Run a command quietly; what it printed is shown only if it fails. */
async function run([command, ...args], { failure }) {
  const child = spawn(command, args, { cwd: ROOT, stdio: ['inherit', 'pipe', 'pipe'] });
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) {
    const tail = Buffer.concat(output).toString().trim().split('\n').slice(-15).join('\n');
    throw new SetupError(`${failure} It ended with exit code ${code}:\n${tail}`);
  }
}

/**
 * Hand over to a long-running command: its output is ours, signals reach it, its exit code becomes ours.
 * On a terminal Ctrl-C reaches the child by itself, so that it is passed on only where there is none.
 */
export async function become(command, args, env = process.env) {
  const child = spawn(command, args, { cwd: process.cwd(), stdio: 'inherit', env });
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT');
  });
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGHUP', () => child.kill('SIGHUP'));
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (...outcome) => resolve(outcome));
  });
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
  process.exitCode = code ?? 1;
}

/** Run `main`; a `SetupError` is printed as a sentence, anything else with its stack. */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof SetupError ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
