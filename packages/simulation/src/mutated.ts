// Runs stories over source that has been edited by a mutation, until one fails: mutated.ts NAME FROM COUNT. Says in one line of
// JSON which seed failed and how, or that none did. Nothing on disk is changed.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { argv, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';

import { type Mutation, MUTATIONS } from './mutations.ts';

const PACKAGES = new URL('../../', import.meta.url);

/** The whole edited text of each file. @throws Error when an edit does not fit the source any more */
export function editedFiles({ name, edits }: Mutation): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const url = new URL(file, PACKAGES);
    const source = files.get(url.href) ?? readFileSync(url, 'utf8');
    const found = source.split(find).length - 1;
    if (found !== 1) {
      throw new Error(
        `The mutation "${name}" does not fit ${file} any more: it has ${found} times: ${find}`,
      );
    }
    files.set(
      url.href,
      source.replace(find, () => replace),
    );
  }
  return files;
}

async function main(name: string, from: number, count: number): Promise<void> {
  const mutation = MUTATIONS.find((each) => each.name === name);
  if (!mutation) throw new Error(`There is no mutation "${name}".`);
  const files = editedFiles(mutation);
  registerHooks({
    load: (url, context, nextLoad) => {
      const source = url.startsWith('file:') ? files.get(url) : undefined;
      if (source === undefined) return nextLoad(url, context);
      return { format: 'module-typescript', source, shortCircuit: true };
    },
  });
  const { drawStory, runScenario } = await import('./scenario.ts');
  for (let seed = from; seed < from + count; seed += 1) {
    try {
      await runScenario(seed, { story: { ...drawStory(seed), ...mutation.story } });
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      stdout.write(`${JSON.stringify({ seed, failure })}\n`);
      return;
    }
  }
  stdout.write(`${JSON.stringify({})}\n`);
}

const [, program = '', name = '', from = '1', count = '1'] = argv;
if (program === fileURLToPath(import.meta.url)) await main(name, Number(from), Number(count));
