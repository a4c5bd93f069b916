// Certificates that can be read, but that OpenSSL does not take.
import assert from 'node:assert/strict';
import { type TLSSocket, connect } from 'node:tls';

import type { ServedCertificate } from '@berth/model/generated/messages.ts';
import * as records from '@berth/model/routing/testing.ts';

import { type Made, certificate } from '../testing/certificates.ts';
import { TestProxy } from '../testing/data-path.ts';
import { place } from '../testing/secure.ts';

const BROKEN = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

describe('certificates that can not be shown', () => {
  const proxy = new TestProxy();
  after(() => proxy.stop());

  /** @returns the common name of the certificate that is shown, or what goes wrong */
  function shown(servername: string): Promise<string> {
    return new Promise((resolve) => {
      const socket: TLSSocket = connect(
        { port: proxy.port, host: '127.0.0.1', rejectUnauthorized: false, servername },
        () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.destroy();
        },
      );
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  }

  it('cost nobody but those who ask for them anything', async () => {
    const made = async (arn: string, kind: 'ecdsa' | 'rsa', name: string, more = '') => {
      const pair: Made = await certificate({ kind, names: [name] });
      return { arn, chainPem: pair.pem + more, keyPem: pair.keyPem } satisfies ServedCertificate;
    };
    const certificates = [
      await made('arn:a', 'ecdsa', 'good.test'),
      await made('arn:b', 'ecdsa', 'mixed.test'),
      await made('arn:c', 'rsa', 'mixed.test', BROKEN),
    ];
    const named = certificates.map(({ arn }) => ({ certificateArn: arn }));
    await place(proxy, {
      action: records.fixed('200'),
      listener: { certificates: named },
      more: { certificates },
    });
    await proxy.open();
    assert.equal(await shown('good.test'), 'good.test');
    assert.equal(await shown('mixed.test'), 'mixed.test');
    assert.equal(await shown('good.test'), 'good.test');
  });
});
