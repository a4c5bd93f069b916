import assert from 'node:assert/strict';

import fc from 'fast-check';

import { type ProxyHeader, readProxyHeader, writeProxyHeader } from './proxy-protocol.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const read = (text: string): ReturnType<typeof readProxyHeader> =>
  readProxyHeader(Buffer.from(text, 'latin1'));
const v2 = (command: number, family: number, told: Buffer): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUInt8(command, 0);
  head.writeUInt8(family, 1);
  head.writeUInt16BE(told.length, 2);
  return Buffer.concat([Buffer.from(SIGNATURE, 'latin1'), head, told]);
};

const v4 = fc
  .tuple(...Array.from({ length: 4 }, () => fc.nat(255)))
  .map((bytes) => bytes.join('.'));
const v6 = fc
  .array(fc.nat(0xffff), { minLength: 8, maxLength: 8 })
  .filter((groups) => groups.slice(0, 5).some((group) => group !== 0))
  .map((groups) => groups.map((group) => group.toString(16)).join(':'));
const endpoint = (address: fc.Arbitrary<string>): fc.Arbitrary<{ address: string; port: number }> =>
  fc.record({ address, port: fc.nat(65_535) });

describe('PROXY protocol', () => {
  it('reads what it writes, wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.tuple(endpoint(v4), endpoint(v4)),
          fc.tuple(endpoint(v6), endpoint(v6)),
          fc.tuple(endpoint(v4), endpoint(v6)),
        ),
        fc.string(),
        ([source, destination], rest) => {
          const header = writeProxyHeader(source, destination);
          for (let length = 0; length < header.length; length += 1) {
            assert.equal(readProxyHeader(header.subarray(0, length)), undefined);
          }
          const found = readProxyHeader(Buffer.concat([header, Buffer.from(rest)])) as ProxyHeader;
          assert.equal(found.length, header.length);
          assert.equal(found.source?.port, source.port);
          const again = writeProxyHeader(found.source, destination);
          assert.deepEqual(again, header, 'the address is the same, however it is written');
        },
      ),
    );
  });

  for (const [text, source] of [
    ['PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n', { address: '192.0.2.1', port: 56_324 }],
    ['PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n', { address: '2001:db8::1', port: 1 }],
    ['PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n', { address: '192.0.2.1', port: 1 }],
    ['PROXY UNKNOWN\r\n', undefined],
    ['PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n', undefined],
  ] as const) {
    it(`reads ${JSON.stringify(text)}`, () => {
      assert.deepEqual(read(`${text}GET / HTTP/1.1`), { length: text.length, source });
      assert.equal(read(text.slice(0, -1)), undefined);
    });
  }

  it('reads version 2 with more than addresses, and of connections without', () => {
    const told = Buffer.from('c0000201c6336402dc0401bb030004deadbeef', 'hex');
    assert.deepEqual(readProxyHeader(v2(0x21, 0x11, told)), {
      length: 16 + told.length,
      source: { address: '192.0.2.1', port: 56_324 },
    });
    assert.deepEqual(readProxyHeader(v2(0x20, 0, Buffer.alloc(0))), {
      length: 16,
      source: undefined,
    });
    assert.deepEqual(readProxyHeader(v2(0x21, 0x31, Buffer.alloc(216))), {
      length: 232,
      source: undefined,
    });
  });

  for (const [name, bytes] of [
    ['a port too high', 'PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n'],
    ['a port with a zero before', 'PROXY TCP4 192.0.2.1 198.51.100.2 01 443\r\n'],
    ['an address of the other family', 'PROXY TCP4 ::1 198.51.100.2 1 443\r\n'],
    ['an address that is none', 'PROXY TCP4 192.0.2.256 198.51.100.2 1 443\r\n'],
    ['two spaces', 'PROXY TCP4  192.0.2.1 198.51.100.2 1 443\r\n'],
    ['another protocol', 'PROXY UDP4 192.0.2.1 198.51.100.2 1 443\r\n'],
    ['a bare LF', 'PROXY TCP4 192.0.2.1 198.51.100.2 1 443\n\r\n'],
    ['a line without an end', `PROXY UNKNOWN ${'x'.repeat(100)}`],
  ] as const) {
    it(`refuses ${name}`, () => assert.equal(read(bytes), 'malformed'));
  }

  for (const [name, bytes] of [
    ['another version', v2(0x11, 0x11, Buffer.alloc(12))],
    ['an unknown command', v2(0x22, 0x11, Buffer.alloc(12))],
    ['too few addresses', v2(0x21, 0x11, Buffer.alloc(11))],
    ['too few IPv6 addresses', v2(0x21, 0x21, Buffer.alloc(35))],
    ['too much told', v2(0x21, 0x11, Buffer.alloc(3_000))],
  ] as const) {
    it(`refuses ${name} in version 2`, () => assert.equal(readProxyHeader(bytes), 'malformed'));
  }

  it('knows at once what is none', () => {
    for (const text of ['G', 'PROXX', '\r\n\r\n\r', '\x16\x03\x01'])
      assert.equal(read(text), 'none');
    assert.equal(read(''), undefined);
  });

  it('never throws, and never takes more than there is', () => {
    const start = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 ', SIGNATURE, `${SIGNATURE}\x21\x11`);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (before, bytes) => {
        const all = Buffer.concat([Buffer.from(before, 'latin1'), bytes]);
        const found = readProxyHeader(all);
        if (typeof found === 'object') assert.ok(found.length <= all.length);
      }),
    );
  });
});
