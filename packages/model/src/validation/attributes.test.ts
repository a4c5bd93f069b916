import assert from 'node:assert/strict';

import { putAttributes } from './attributes.ts';
import { describeRules } from './refusals.test.ts';

const many = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `a${index}`, value: 'x' }));

describe('attributes of a host are refused', () => {
  const put = (name: string, value?: string) => [{ name, value }];
  describeRules(
    'InvalidParameterException',
    {
      'when there are none': {
        accepts: many(1),
        refuses: [],
        message: 'attributes is empty; expected 1 to 10 attributes.',
      },
      'when there are more than 10': {
        accepts: many(9),
        refuses: many(11),
        message: 'attributes has 11 attributes; expected at most 10.',
      },
      'with a name of other characters': {
        accepts: put('rack/1.a', 'b'),
        refuses: put('rack 1', 'b'),
        message:
          'attributes[0].name is "rack 1"; expected 1 to 128 letters, digits and _ . / \\ -.',
      },
      'with a value that begins with a space': {
        accepts: put('rack', 'a b'),
        refuses: put('rack', ' a'),
        message:
          'attributes[0].value is " a"; expected 1 to 128 letters, digits, spaces and - _ . @ / \\ :, with no space at either end.',
      },
      "with one of Berth's own": {
        accepts: put('ecsx'),
        refuses: put('ecs.zone', 'a'),
        message:
          'attributes: name is "ecs.zone"; expected none that begins with ecs. or com.amazonaws.ecs..',
      },
      'when they become too many': {
        accepts: many(9),
        refuses: many(10),
        code: 'AttributeLimitExceededException',
        message:
          'The host would have 11 custom attributes; expected at most 10. Remove some first.',
      },
    },
    (given) => putAttributes([{ name: 'kept', value: '1' }, { name: 'ecs.os-type' }], given),
  );

  it('and otherwise replace those of the same name', () => {
    const current = [{ name: 'zone', value: 'a' }, { name: 'rack' }];
    assert.deepEqual(putAttributes(current, [{ name: 'zone', value: 'b' }]), [
      { name: 'rack' },
      { name: 'zone', value: 'b' },
    ]);
  });
});
