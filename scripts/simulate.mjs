// `npm run simulate`: stories of a simulated cluster, one a seed. `-- --help` says which arguments there are.
import { join } from 'node:path';

import { ROOT, become, ensureNode, ensurePackages, runMain } from './setup/steps.mjs';

await runMain(async () => {
  const node = await ensureNode();
  await ensurePackages(node, 'all');
  const program = join(ROOT, 'packages/simulation/src/main.ts');
  await become(node, ['--disable-warning=ExperimentalWarning', program, ...process.argv.slice(2)]);
});
