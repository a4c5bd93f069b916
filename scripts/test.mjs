// `npm test`: installs what the tests need, then runs all of them. Arguments name the stages to run (default: all).
import { join } from 'node:path';

import { BENCH_PACKAGES, LAB_PACKAGES, RUNTIME_PACKAGES, TEST_PACKAGES } from './setup/debian.mjs';
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
  let node = '';
  await step('node', async () => {
    node = await ensureNode();
    return `${nodeVersion(node)} at ${node}`;
  });
  await step('npm packages', () => ensurePackages(node, 'all'));
  await step('debian packages', () =>
    ensureDebianPackages({
      ...RUNTIME_PACKAGES,
      ...LAB_PACKAGES,
      ...BENCH_PACKAGES,
      ...TEST_PACKAGES,
    }),
  );
  await become(node, [join(ROOT, 'test/run.ts'), ...process.argv.slice(2)]);
});
