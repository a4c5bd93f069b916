// Run a TypeScript program of this repository with Node 24, whichever Node runs this: with-node24.mjs FILE [ARG...]
import { become, ensureNode, ensurePackages, runMain } from './setup/steps.mjs';

await runMain(async () => {
  const node = await ensureNode();
  await ensurePackages(node, 'all');
  await become(node, ['--disable-warning=ExperimentalWarning', ...process.argv.slice(2)]);
});
