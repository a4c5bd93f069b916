// Clients that show certificates which OpenSSL carries along and nobody can read.
import 'reflect-metadata'; // asked for by a dependency of @peculiar/x509; must come first
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { type TLSSocket, connect } from 'node:tls';

import * as records from '@berth/model/routing/testing.ts';
import { Extension, X509CertificateGenerator } from '@peculiar/x509';

import { certificate } from '../testing/certificates.ts';
import { TestProxy } from '../testing/data-path.ts';
import { place } from '../testing/secure.ts';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;
/** 2.5.29.99, which means nothing, and 2.5.29.32, the policies of a certificate, which these bytes are not. */
const NOTHING = Buffer.from('551d63', 'hex');
const POLICIES = Buffer.from('551d20', 'hex');
const NOT_DER = Buffer.from('30ff', 'hex');

/** A certificate of its own with an extension that can't be read. Its signature is wrong too, which is for the other side to find. */
async function unreadable(): Promise<{ cert: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const made = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=nobody',
    notBefore: new Date(Date.now() - HOUR_MS),
    notAfter: new Date(Date.now() + HOUR_MS),
    signingAlgorithm: EC,
    keys,
    extensions: [new Extension('2.5.29.99', false, NOT_DER)],
  });
  const der = Buffer.from(made.rawData);
  const at = der.indexOf(NOTHING);
  assert.ok(at > 0);
  POLICIES.copy(der, at);
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const pem = (label: string, bytes: Buffer): string =>
    `-----BEGIN ${label}-----\n${bytes.toString('base64')}\n-----END ${label}-----\n`;
  return { cert: pem('CERTIFICATE', der), key: pem('PRIVATE KEY', key) };
}

describe('clients with certificates that can not be read', () => {
  it('are refused, and nothing else happens', async () => {
    const authority = await certificate({ authority: true, subject: 'CN=ca' });
    const good = await certificate({ issuer: authority, subject: 'CN=me' });
    const proxy = new TestProxy();
    const store = { name: 'ts', bundlePem: authority.pem, revocationsPem: [] };
    await place(proxy, {
      action: records.fixed('200'),
      listener: { mutualAuthentication: { mode: 'verify', trustStore: 'ts' } as never },
      more: { trustStores: [store as never] },
    });
    await proxy.open();
    const visit = (shows: { readonly cert: string; readonly key: string }): Promise<string> =>
      new Promise((resolve) => {
        let text = '';
        const where = { port: proxy.port, host: '127.0.0.1', servername: 'localhost' };
        const socket: TLSSocket = connect({ ...where, ...shows, rejectUnauthorized: false });
        socket.on('error', () => undefined);
        socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
        socket.on('close', () => resolve(text.slice(0, 'HTTP/1.1 200'.length)));
        socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      });
    const known = { cert: good.pem, key: good.keyPem };
    assert.equal(await visit(known), 'HTTP/1.1 200');
    assert.equal(await visit(await unreadable()), '');
    assert.equal(await visit(known), 'HTTP/1.1 200');
    await proxy.stop();
  });
});
