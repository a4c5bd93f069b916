import assert from 'node:assert/strict';

import { Checker } from './check.ts';
import { assertRefused } from './refusals.test.ts';
import { withoutTags, withTags } from './tags.ts';

const check = new Checker('InvalidParameterException');
const tag = (key: string, value = 'v') => ({ key, value });
const many = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => tag(`k${index + from}`));

describe('tags of a resource', () => {
  it('are added and replaced', () => {
    assert.deepEqual(withTags(check, [tag('a'), tag('b')], [tag('b', 'w'), tag('c')]), [
      tag('a'),
      tag('b', 'w'),
      tag('c'),
    ]);
  });

  it('are removed, whether they are there or not', () => {
    assert.deepEqual(withoutTags(check, [tag('a'), tag('b')], ['b', 'c']), [tag('a')]);
  });

  it('are at most 50, those of AWS not counted', () => {
    const own = [tag('aws:ecs:clusterName'), ...many(49)];
    assert.equal(withTags(check, own, [tag('new')]).length, 51);
    assertRefused(
      () => withTags(check, own, many(2, 100)),
      'InvalidParameterException',
      'The resource has 51 tags; expected at most 50.',
    );
  });

  it('can not be empty', () => {
    assertRefused(
      () => withTags(check, [], []),
      'InvalidParameterException',
      'Tags can not be empty.',
    );
    assertRefused(
      () => withoutTags(check, [], []),
      'InvalidParameterException',
      'tagKeys is empty; expected 1 to 50 keys.',
    );
  });

  it('of AWS can be neither set nor removed', () => {
    for (const act of [
      () => withTags(check, [], [tag('AWS:x')]),
      () => withoutTags(check, [], ['aws:x']),
    ]) {
      assert.throws(act, { code: 'InvalidParameterException' });
    }
  });
});
