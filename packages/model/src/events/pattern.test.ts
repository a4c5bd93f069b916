import assert from 'node:assert/strict';

import { matchesPattern, parsePattern, type JsonObject } from './pattern.ts';

const EVENT: JsonObject = {
  source: 'aws.ecs',
  'detail-type': 'ECS Task State Change',
  resources: ['arn:one', 'arn:two'],
  detail: { lastStatus: 'STOPPED', exitCode: 1, containers: [{ name: 'main' }], empty: null },
};

const MATCHES: readonly (readonly [pattern: JsonObject, matches: boolean])[] = [
  [{ source: ['aws.ecs'] }, true],
  [{ source: ['aws.ec2', 'aws.ecs'] }, true],
  [{ source: ['aws.ec2'] }, false],
  [{ source: ['aws.ecs'], 'detail-type': ['ECS Service Action'] }, false],
  [{ detail: { lastStatus: ['STOPPED'], exitCode: [1] } }, true],
  [{ detail: { exitCode: ['1'] } }, false],
  [{ detail: { empty: [null] } }, true],
  [{ resources: ['arn:two'] }, true],
  [{ resources: [{ prefix: 'arn:t' }] }, true],
  [{ resources: [{ suffix: 'three' }] }, false],
  [{ detail: { lastStatus: [{ 'equals-ignore-case': 'stopped' }] } }, true],
  [{ detail: { lastStatus: [{ 'anything-but': 'STOPPED' }] } }, false],
  [{ detail: { lastStatus: [{ 'anything-but': ['RUNNING', 'PENDING'] }] } }, true],
  [{ detail: { lastStatus: [{ 'anything-but': { prefix: 'STO' } }] } }, false],
  [{ detail: { absent: [{ 'anything-but': 'x' }] } }, false],
  [{ detail: { absent: [{ exists: false }] } }, true],
  [{ detail: { exitCode: [{ exists: true }] } }, true],
  [{ detail: { absent: { deeper: [{ exists: false }] } } }, true],
  [{ detail: { exitCode: [{ prefix: '1' }] } }, false],
];

const REFUSED: readonly (readonly [text: string, problem: RegExp])[] = [
  ['{', /pattern is no JSON/],
  ['[]', /pattern must be a JSON object/],
  ['{}', /pattern must name at least one field/],
  ['{"source":"aws.ecs"}', /pattern\.source must be a list/],
  ['{"source":[]}', /pattern\.source lists nothing/],
  ['{"source":[["a"]]}', /pattern\.source\[0\] must not be a list/],
  ['{"source":[{"numeric":["=",1]}]}', /pattern\.source\[0\] must have exactly one of prefix/],
  ['{"source":[{"prefix":1}]}', /pattern\.source\[0\]\.prefix must be a text/],
  ['{"source":[{"exists":"yes"}]}', /exists must be true or false/],
  ['{"source":[{"anything-but":[]}]}', /anything-but must be a text/],
  ['{"detail":{"a":{}}}', /pattern\.detail\.a must name at least one field/],
  ['{"a":'.repeat(11) + '["x"]' + '}'.repeat(11), /nested deeper than 10 levels/],
  [JSON.stringify({ source: ['x'.repeat(5_000)] }), /may have 4096/],
];

describe('event patterns', () => {
  for (const [pattern, matches] of MATCHES) {
    it(`${JSON.stringify(pattern)} ${matches ? 'matches' : 'does not match'}`, () => {
      assert.equal(matchesPattern(parsePattern(JSON.stringify(pattern)), EVENT), matches);
    });
  }

  for (const [text, problem] of REFUSED) {
    it(`${text.slice(0, 50)} is refused`, () => {
      assert.throws(() => parsePattern(text), problem);
    });
  }
});
