// `npm run test:chaos`: installs what the lab needs, then measures every fault and writes docs/chaos.md. Arguments name faults.
import { join } from 'node:path';

import { LAB_PACKAGES, RUNTIME_PACKAGES, TEST_PACKAGES } from './setup/debian.mjs';
import {
  ROOT,
  become,
  ensureDebianPackages,
  ensureNode,
  ensurePackages,
  runMain,
} from './setup/steps.mjs';

await runMain(async () => {
  const node = await ensureNode();
  await ensurePackages(node, 'all');
  await ensureDebianPackages({ ...RUNTIME_PACKAGES, ...LAB_PACKAGES, ...TEST_PACKAGES });
  const command = [node, join(ROOT, 'test/chaos/main.ts'), ...process.argv.slice(2)];
  const [program, ...args] =
    process.getuid() === 0 ? command : ['sudo', '--preserve-env', ...command];
  await become(program, args);
});
