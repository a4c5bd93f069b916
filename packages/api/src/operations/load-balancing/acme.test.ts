// Certificates of ACME, as far as the api has to do with them.
import assert from 'node:assert/strict';

import { createAuthority } from '@berth/rpc/authority.ts';
import { collections } from '@berth/store/keys.ts';
import { realClock } from '@berth/store/testing/time.ts';

import { Bench } from '../testing.ts';

const DIRECTORY = 'https://acme.example/dir';

describe('certificates of ACME', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.start();
  });
  afterEach(() => bench.stop());

  it('are kept as asked for, and shown', async () => {
    const { certificate } = await bench.balancing('RequestCertificate', {
      domainNames: ['App.example.com', 'app.example.com', 'www.example.com'],
    });
    assert.equal(certificate?.status, 'PENDING_VALIDATION');
    assert.deepEqual(certificate.domainNames, ['app.example.com', 'www.example.com']);
    assert.match(certificate.statusReason ?? '', /No certificate authority is set/);
    const { certificates } = await bench.balancing('DescribeCertificates', {});
    assert.deepEqual(
      certificates.map(({ certificateId }) => certificateId),
      [certificate.certificateId],
    );
  });

  it('are refused for names that can not be proved', async () => {
    const refused = (domainNames: string[], message: RegExp) =>
      bench.refuses(
        () => bench.balancing('RequestCertificate', { domainNames }),
        'ValidationError',
        message,
      );
    await refused([], /empty/);
    await refused(['*.example.com'], /wildcard/);
    await refused(['localhost'], /fully qualified/);
    await refused(['-a.example.com'], /fully qualified/);
    await refused([`${'a'.repeat(64)}.example.com`], /fully qualified/);
    await refused(
      Array.from({ length: 101 }, (_, i) => `h${i}.example.com`),
      /at most 100/,
    );
  });

  it('come from the authority that is set; setting it has it asked at once', async () => {
    assert.equal((await bench.balancing('DescribeAcmeSettings', {})).settings, undefined);
    const { certificate } = await bench.balancing('RequestCertificate', {
      domainNames: ['app.example.com'],
    });
    const id = certificate?.certificateId ?? '';
    const record = bench.cache.get(collections.certificates, id)?.value;
    await bench.put(collections.certificates, [id], {
      ...record,
      statusReason: 'It said no.',
      failedAttempts: 5,
      nextAttemptAt: 1e15,
    });
    const { certificates } = await bench.balancing('DescribeCertificates', {});
    assert.equal(certificates[0]?.failedAttempts, 5);
    assert.equal(certificates[0].nextAttemptAt, 1e15);
    const authorityPem = (await createAuthority(realClock.now())).certificate;
    await bench.balancing('PutAcmeSettings', {
      directoryUrl: DIRECTORY,
      email: 'ops@example.com',
      authorityPem,
      agreeToTerms: true,
    });
    const { settings } = await bench.balancing('DescribeAcmeSettings', {});
    assert.equal(settings?.challenge, 'http-01');
    const after = bench.cache.get(collections.certificates, id)?.value;
    assert.equal(after?.failedAttempts, 0);
    assert.equal(after.nextAttemptAt, undefined);
    assert.equal(after.statusReason, undefined);
    const second = await bench.balancing('RequestCertificate', { domainNames: ['b.example.com'] });
    assert.equal(second.certificate?.statusReason, undefined);
  });

  it('need settings that can be used', async () => {
    const refused = (more: object, message: RegExp) =>
      bench.refuses(
        () =>
          bench.balancing('PutAcmeSettings', {
            directoryUrl: DIRECTORY,
            agreeToTerms: true,
            ...more,
          }),
        'ValidationError',
        message,
      );
    await refused({ directoryUrl: 'http://acme.example/dir' }, /https URL/);
    await refused({ email: 'nobody' }, /e-mail/);
    await refused({ agreeToTerms: false }, /terms of service/);
    await refused({ authorityPem: 'x' }, /PEM/);
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    await refused({ authorityPem: broken }, /can be read/);
  });
});
