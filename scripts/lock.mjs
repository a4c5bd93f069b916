// `npm run lock`: brings package-lock.json up to date. npm leaves out optional packages of other platforms that the
// registry at hand does not carry, and `npm ci` then refuses the file; their entries are written here from their names.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT, SetupError, ensureNode, npmCli, runMain } from './setup/steps.mjs';

const FILE = join(ROOT, 'package-lock.json');
/** PACKAGE-OS-CPU, with the C library or ABI behind it. */
const PLATFORM =
  /-(darwin|freebsd|linux|win32)-(arm64|x64|arm|ia32)(?:-(musl|gnu|msvc|gnueabihf))?$/;

function entryOf(name, version, dev) {
  const [, os, cpu, abi] = PLATFORM.exec(name) ?? [];
  if (!os) throw new SetupError(`${name} is in no lock entry, and its name tells no platform.`);
  const libc = abi === 'musl' ? { libc: ['musl'] } : {};
  return { version, cpu: [cpu], ...(dev ? { dev } : {}), ...libc, optional: true, os: [os] };
}

await runMain(async () => {
  const node = await ensureNode();
  const install = [
    npmCli(),
    'install',
    '--package-lock-only',
    '--ignore-scripts',
    '--loglevel=error',
  ];
  const { status } = spawnSync(node, install, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) throw new SetupError(`npm install ended with exit code ${status}.`);
  const lock = JSON.parse(readFileSync(FILE, 'utf8'));
  const added = Object.values(lock.packages).flatMap(({ optionalDependencies = {}, dev }) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !(`node_modules/${name}` in lock.packages))
      .map(([name, version]) => [`node_modules/${name}`, entryOf(name, version, dev)]),
  );
  const entries = [...Object.entries(lock.packages), ...added].sort(([a], [b]) => (a < b ? -1 : 1));
  lock.packages = Object.fromEntries(entries);
  writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(
    `package-lock.json is up to date; ${added.length} packages of other platforms were added`,
  );
});
