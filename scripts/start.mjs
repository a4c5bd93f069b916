// `npm start`: sets up what a fresh Debian machine lacks, then runs a one-machine cluster (`berth dev`).
// Arguments go to `berth dev`: npm start -- --fresh
import { join } from 'node:path';

import { RUNTIME_PACKAGES } from './setup/debian.mjs';
import {
  ROOT,
  become,
  ensureDebianPackages,
  ensureNode,
  ensurePackages,
  nodeVersion,
  runMain,
  step,
} from './setup/steps.mjs';

await runMain(async () => {
  console.log('Setting up Berth');
  let node = '';
  await step('node', async () => {
    node = await ensureNode();
    return `${nodeVersion(node)} at ${node}`;
  });
  await step('npm packages', () => ensurePackages(node, 'production'));
  await step('debian packages', () => ensureDebianPackages(RUNTIME_PACKAGES));
  const command = [node, join(ROOT, 'packages/cli/bin/berth.mjs'), 'dev', ...process.argv.slice(2)];
  const [program, ...args] =
    process.getuid() === 0 ? command : ['sudo', '--preserve-env', ...command];
  await become(program, args);
});
