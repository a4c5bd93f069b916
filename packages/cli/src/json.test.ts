import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';

import { CommandError, exitCodes } from './failure.ts';
import { parseJson, readMessage } from './json-file.ts';
import { syntaxProblem } from './json-syntax.ts';

describe('JSON syntax', () => {
  it('finds nothing wrong with JSON', () => {
    fc.assert(fc.property(fc.json(), (text) => assert.equal(syntaxProblem(text), undefined)));
  });

  it('agrees with JSON.parse on what is JSON', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '1',
      '-',
      '0',
      '.5',
      'e3',
      'true',
      'nul',
      ' ',
      '\n',
      '\\',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        let parses = true;
        try {
          JSON.parse(text);
        } catch {
          parses = false;
        }
        assert.equal(syntaxProblem(text) === undefined, parses, text);
      }),
      { numRuns: 2000 },
    );
  });

  const cases: readonly (readonly [string, number, number, RegExp])[] = [
    ['{ "family": "x", }', 1, 18, /another one/],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3, /"," or "}"/],
    ['{"a": }', 1, 7, /a value/],
    ['{a: 1}', 1, 2, /double quotes/],
    ['["abc', 1, 2, /ends with "/],
    ['', 1, 1, /a value/],
    ['{} x', 1, 4, /nothing after/],
    ["{'a': 1}", 1, 2, /double quotes/],
  ];
  for (const [text, line, column, expected] of cases) {
    it(`says where ${JSON.stringify(text)} stops being JSON`, () => {
      const problem = syntaxProblem(text);
      assert.deepEqual([problem?.line, problem?.column], [line, column]);
      assert.match(problem?.expected ?? '', expected);
    });
  }

  it('does not break on deep nesting', () => {
    assert.match(syntaxProblem('['.repeat(100_000))?.expected ?? '', /levels/);
  });

  it('is told with line and column, and refused', () => {
    assert.throws(
      () => parseJson('{ "family": "x", }', 'web.json'),
      (error) =>
        error instanceof CommandError &&
        error.exitCode === exitCodes.refused &&
        /web\.json is no JSON: line 1, column 18/.test(error.message),
    );
  });
});

describe('ECS JSON files', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'berth-json-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  function file(value: unknown): string {
    const path = join(directory, 'request.json');
    writeFileSync(path, JSON.stringify(value));
    return path;
  }

  it('are read as requests', async () => {
    const request = await readMessage(
      'RegisterTaskDefinitionRequest',
      file({
        family: 'web',
        containerDefinitions: [{ name: 'app', image: 'web:1', memory: 64, essential: null }],
      }),
    );
    assert.equal(request.family, 'web');
    assert.equal(request.containerDefinitions?.[0]?.memory, 64);
  });

  it('name each member that is wrong, with its path', async () => {
    const wrong = file({ family: 5, containerDefinitions: [{ portMapings: [] }] });
    await assert.rejects(readMessage('RegisterTaskDefinitionRequest', wrong), (error) => {
      assert.ok(error instanceof CommandError);
      assert.match(error.message, /family: expected a string/);
      assert.match(error.message, /containerDefinitions\[0\]\.portMapings: .*"portMappings"/);
      return true;
    });
  });

  it('may be the answer of DescribeTaskDefinition', async () => {
    const taskDefinition = {
      taskDefinitionArn: 'arn:x',
      family: 'web',
      revision: 3,
      status: 'ACTIVE',
      requiresAttributes: [],
    };
    for (const value of [taskDefinition, { taskDefinition, tags: [] }]) {
      const request = await readMessage('RegisterTaskDefinitionRequest', file(value));
      assert.equal(request.family, 'web');
    }
  });

  it('of an update have plain lists, as in ECS', async () => {
    const request = await readMessage(
      'UpdateServiceRequest',
      file({
        service: 'web',
        placementStrategy: [{ type: 'random' }],
      }),
    );
    assert.deepEqual(request.placementStrategy?.items, [{ type: 'random' }]);
    const wrong = file({ placementStrategy: [{ type: 'rnadom' }] });
    await assert.rejects(
      readMessage('UpdateServiceRequest', wrong),
      /placementStrategy\[0\]\.type: /,
    );
  });

  it('that are not there are named', async () => {
    await assert.rejects(
      readMessage('CreateServiceRequest', join(directory, 'none.json')),
      /can't read .*none\.json/,
    );
  });
});
