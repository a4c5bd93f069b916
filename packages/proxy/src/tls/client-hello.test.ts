import assert from 'node:assert/strict';
import { type AddressInfo, createServer } from 'node:net';
import { connect } from 'node:tls';

import fc from 'fast-check';

import { readClientHello } from './client-hello.ts';

/** What OpenSSL really sends first. */
async function hello(servername: string, ALPNProtocols: string[]): Promise<Buffer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: '127.0.0.1', servername, ALPNProtocols });
  client.on('error', () => undefined);
  const bytes = await new Promise<Buffer>((resolve) => {
    let got = Buffer.alloc(0);
    server.once('connection', (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        got = Buffer.concat([got, chunk]);
        if (readClientHello(got) !== undefined) resolve(got);
      });
    });
  });
  client.destroy();
  server.close();
  return bytes;
}

describe('client hello', () => {
  it('says whom it wants, and in which protocols, wherever it is cut', async () => {
    const bytes = await hello('shop.example.com', ['h2', 'acme-tls/1']);
    assert.deepEqual(readClientHello(bytes), {
      serverName: 'shop.example.com',
      protocols: ['h2', 'acme-tls/1'],
    });
    for (let length = 0; length < bytes.length; length += 1) {
      assert.equal(readClientHello(bytes.subarray(0, length)), undefined);
    }
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const mutated = Buffer.from(bytes);
        mutated[at] = value;
        readClientHello(mutated);
      }),
    );
  });

  it('is nothing else', () => {
    assert.equal(readClientHello(Buffer.from('GET / HTTP/1.1')), 'none');
    assert.equal(readClientHello(Buffer.from('160301ffff', 'hex')), 'none');
    assert.equal(readClientHello(Buffer.from('1603010004020000ff', 'hex')), 'none');
    assert.equal(readClientHello(Buffer.from('16030100050100000000', 'hex')), 'none');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        readClientHello(Buffer.concat([Buffer.from('160301', 'hex'), bytes]));
      }),
    );
  });
});
