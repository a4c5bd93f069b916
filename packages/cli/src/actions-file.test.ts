import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readActions } from './actions-file.ts';
import { CommandError } from './failure.ts';

describe('a file of actions', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'actions-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const read = (text: string) => {
    const file = join(directory, 'actions.json');
    writeFileSync(file, text);
    return readActions(file);
  };

  it('holds a list, by itself or as a member', async () => {
    const actions = [
      { type: 'jwt-validation', order: 1, jwtValidation: { issuer: 'i', jwksEndpoint: 'e' } },
      { type: 'fixed-response', order: 2, fixedResponse: { statusCode: '200' } },
    ];
    assert.deepEqual(await read(JSON.stringify(actions)), actions);
    assert.deepEqual(await read(JSON.stringify({ actions })), actions);
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['[{"type": "forward", "forwrad": {}}]', /actions\[0\]\.forwrad: .*did you mean "forward"/],
    ['[{"type": "jump"}]', /actions\[0\]\.type: /],
    ['{"priority": 1}', /priority: expected only actions/],
    ['[', /is no JSON: line 1, column 2/],
  ];
  for (const [text, says] of wrong) {
    it(`is refused: ${text}`, async () => {
      await assert.rejects(read(text), (error) => {
        assert.ok(error instanceof CommandError);
        assert.match(error.message, says);
        return true;
      });
    });
  }
});
