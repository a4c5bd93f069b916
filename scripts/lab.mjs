// `npm run lab`: sets up what a fresh Debian machine lacks, then builds a cluster of many hosts (`berth lab up`).
// Arguments go to it: npm run lab -- --hosts 3; other commands of the lab too: npm run lab -- ps
import { join } from 'node:path';

import { LAB_PACKAGES, RUNTIME_PACKAGES } from './setup/debian.mjs';
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
  const given = process.argv.slice(2);
  const builds = given[0] === undefined || given[0].startsWith('-') || given[0] === 'up';
  const words = given[0]?.startsWith('-') || given.length === 0 ? ['up', ...given] : given;
  let node = '';
  if (builds) {
    console.log('Setting up Berth');
    await step('node', async () => {
      node = await ensureNode();
      return `${nodeVersion(node)} at ${node}`;
    });
    await step('npm packages', () => ensurePackages(node, 'production'));
    await step('debian packages', () =>
      ensureDebianPackages({ ...RUNTIME_PACKAGES, ...LAB_PACKAGES }),
    );
  } else {
    node = await ensureNode();
  }
  const command = [node, join(ROOT, 'packages/cli/bin/berth.mjs'), 'lab', ...words];
  const [program, ...args] =
    process.getuid() === 0 ? command : ['sudo', '--preserve-env', ...command];
  await become(program, args);
});
