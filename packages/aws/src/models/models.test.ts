import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { Member } from './model.ts';
import { ecs, elbv2, patternOf, scaling, structuresFrom, sts } from './services.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

describe('models of the AWS APIs', () => {
  it('are what the script makes of the installed clients', function () {
    this.timeout(60_000);
    const { status, stderr } = spawnSync(process.execPath, ['scripts/aws-models.ts', '--check'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  });

  for (const model of [ecs, elbv2, scaling, sts]) {
    it(`${model.name} has every structure and set of words that it names, and readable patterns`, () => {
      const check = (member: Member): void => {
        if (member.words !== undefined) assert.ok(model.words[member.words], member.words);
        if (member.pattern !== undefined) patternOf(member.pattern);
        if (member.item) check(member.item);
      };
      for (const { input, output } of Object.values(model.operations)) {
        for (const name of [...structuresFrom(model, input), ...structuresFrom(model, output)]) {
          Object.values(model.structures[name]?.members ?? {}).forEach(check);
        }
      }
    });
  }
});
