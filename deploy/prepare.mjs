// Part of install.sh: gives the copy of the checkout that this file is in its own Node 24 and its npm packages. Prints the path of
// that Node.
import { ensureNode, ensurePackages, runMain } from '../scripts/setup/steps.mjs';

await runMain(async () => {
  const node = await ensureNode();
  await ensurePackages(node, 'production');
  console.log(node);
});
