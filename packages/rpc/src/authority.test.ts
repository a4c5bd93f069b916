import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';

import { isBerthError } from '@berth/model/errors.ts';

import { createAuthority, identityOf, issue } from './authority.ts';

const now = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;

describe('authority', () => {
  it('issues certificates that name their holder, its hosts and their authority', async () => {
    const authority = await createAuthority(now);
    const tls = await issue(
      authority,
      { role: 'control', name: 'r1' },
      ['localhost', '10.0.0.7'],
      now,
      30,
    );
    const certificate = new X509Certificate(tls.certificate);
    const issuer = new X509Certificate(authority.certificate);
    assert.ok(issuer.ca && !certificate.ca);
    assert.ok(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
    assert.ok(certificate.checkPrivateKey(createPrivateKey(tls.key)));
    assert.equal(certificate.checkHost('localhost'), 'localhost');
    assert.equal(certificate.checkIP('10.0.0.7'), '10.0.0.7');
    assert.equal(certificate.checkIP('10.0.0.8'), undefined);
    assert.deepEqual(identityOf(certificate.subjectAltName ?? ''), { role: 'control', name: 'r1' });
    assert.ok(Date.parse(certificate.validFrom) < now);
    assert.equal(Date.parse(certificate.validTo), now + 30 * DAY);
    assert.equal(tls.authority, authority.certificate);
  });

  it('never outlives its authority', async () => {
    const authority = await createAuthority(now);
    const tls = await issue(authority, { role: 'host', name: 'h' }, [], now, 36_500);
    const [leaf, root] = [tls.certificate, authority.certificate].map(
      (pem) => new X509Certificate(pem),
    );
    assert.equal(leaf?.validTo, root?.validTo);
  });

  it('refuses names that could be read as something else', async () => {
    const authority = await createAuthority(now);
    for (const name of ['', 'a/b', 'a, URI:berth://admin/root', 'x'.repeat(129)]) {
      await assert.rejects(issue(authority, { role: 'host', name }, [], now, 1), (error) =>
        isBerthError(error, 'InvalidParameterException'),
      );
    }
  });
});

describe('identityOf', () => {
  it('reads the one identity of a certificate', () => {
    assert.deepEqual(identityOf('DNS:localhost, URI:berth://host/abc123, IP Address:127.0.0.1'), {
      role: 'host',
      name: 'abc123',
    });
  });

  for (const uris of [
    '',
    'DNS:localhost',
    'URI:berth://root/x',
    'URI:berth://admin/',
    'URI:berth://admin/a/b',
    'URI:berth://admin/a, URI:berth://control/b',
    'URI:"berth://admin/a"',
    'DNS:berth://admin/a',
  ]) {
    it(`denies access to "${uris}"`, () => {
      assert.throws(
        () => identityOf(uris),
        (error) => isBerthError(error, 'AccessDeniedException'),
      );
    });
  }
});
