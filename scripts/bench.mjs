// `npm run bench`: installs what the benches measure against, then runs them. Arguments name benches (default: all).
import { join } from 'node:path';

import { BENCH_PACKAGES, RUNTIME_PACKAGES } from './setup/debian.mjs';
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
  await ensureDebianPackages({ ...RUNTIME_PACKAGES, ...BENCH_PACKAGES });
  await become(node, [join(ROOT, 'test/bench/main.ts'), ...process.argv.slice(2)]);
});
