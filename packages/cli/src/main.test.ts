// That each command which the table names can be carried out.
import assert from 'node:assert/strict';

import { modules } from './main.ts';
import { commands } from './table/commands.mjs';

describe('the commands of the table', () => {
  // Its scripts are printed before anything is loaded.
  const carriedOut = commands.filter(({ module }) => module !== 'completion');

  for (const { path, module } of carriedOut) {
    const words = path.join(' ');
    it(`has code: berth ${words}`, async () => {
      const { handlers } = (await modules[module]?.()) ?? { handlers: {} };
      assert.ok(
        handlers[words],
        `no handler in commands/${module}.ts, or no such module in main.ts`,
      );
    });
  }

  it('are all the code that there is', async () => {
    for (const [module, load] of Object.entries(modules)) {
      const { handlers } = await load();
      for (const words of Object.keys(handlers)) {
        assert.ok(
          carriedOut.some((one) => one.module === module && one.path.join(' ') === words),
          `commands/${module}.ts carries out "${words}", which the table does not name`,
        );
      }
    }
  });
});
