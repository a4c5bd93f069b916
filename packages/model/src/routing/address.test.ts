import assert from 'node:assert/strict';

import { blockContains, blockCovers, parseAddress, parseBlock } from './address.ts';

describe('CIDR blocks', () => {
  const cases: readonly (readonly [block: string, address: string, inside: boolean])[] = [
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.0/24', '::ffff:192.0.2.9', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['::1/128', '::1', true],
    ['fe80::/10', 'fe80::1%eth0', true],
  ];
  for (const [block, address, inside] of cases) {
    it(`${block} ${inside ? 'holds' : 'does not hold'} ${address}`, () => {
      const parsed = parseBlock(block);
      const bytes = parseAddress(address);
      assert.ok(parsed && bytes);
      assert.equal(blockContains(parsed, bytes), inside);
    });
  }

  for (const text of [
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4/33',
    '1.2.3.4/',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7',
    'x/8',
  ]) {
    it(`${JSON.stringify(text)} is none`, () => assert.equal(parseBlock(text), undefined));
  }

  it('cover the narrower blocks in them', () => {
    const wide = parseBlock('10.0.0.0/8');
    const narrow = parseBlock('10.1.0.0/16');
    assert.ok(wide && narrow);
    assert.ok(blockCovers(wide, narrow));
    assert.ok(!blockCovers(narrow, wide));
  });
});
