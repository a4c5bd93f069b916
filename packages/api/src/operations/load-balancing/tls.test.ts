import assert from 'node:assert/strict';

import type {
  Action,
  AuthenticateOidcAction,
  Certificate,
} from '@berth/model/generated/messages.ts';
import type { Input, TlsIdentity } from '@berth/rpc/api.ts';
import { createAuthority, issue, type Authority } from '@berth/rpc/authority.ts';
import { collections, keyOf } from '@berth/store/keys.ts';

import { Bench } from '../testing.ts';

const DAY = 86_400_000;
const HOST = { role: 'host', name: 'web' } as const;
const fixed: Input<Action> = { type: 'fixed-response', fixedResponse: { statusCode: '404' } };

/** A list of that many revoked certificates, as far as anybody reads it: nobody has signed it. */
function revocationList(entries: number, serial = 1): string {
  const der = (tag: number, ...parts: Buffer[]): Buffer => {
    const content = Buffer.concat(parts);
    const { length } = content;
    const size = length < 128 ? [length] : [0x82, length >> 8, length & 255];
    return Buffer.concat([Buffer.from([tag, ...size]), content]);
  };
  const text = (tag: number, value: string): Buffer => der(tag, Buffer.from(value));
  const oid = (...bytes: number[]): Buffer => der(0x06, Buffer.from(bytes));
  const algorithm = der(0x30, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const name = der(0x30, der(0x31, der(0x30, oid(0x55, 0x04, 0x03), text(0x0c, 'authority'))));
  const revoked = Array.from({ length: entries }, (_, index) =>
    der(0x30, der(0x02, Buffer.from([serial, index])), text(0x17, '260101000000Z')),
  );
  const list = der(
    0x30,
    der(0x02, Buffer.from([1])),
    algorithm,
    name,
    text(0x17, '260101000000Z'),
    text(0x17, '360101000000Z'),
    ...(entries > 0 ? [der(0x30, ...revoked)] : []),
  );
  const whole = der(0x30, list, algorithm, der(0x03, Buffer.from([0, 0])));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN X509 CRL-----\n${lines.join('\n')}\n-----END X509 CRL-----\n`;
}

describe('TLS', () => {
  let bench: Bench;
  let authority: Authority;

  beforeEach(async () => {
    bench = await Bench.start();
    authority = await createAuthority(bench.clock.now());
  });
  afterEach(() => bench.stop());

  const make = (names: string[], days = 30): Promise<TlsIdentity> =>
    issue(authority, HOST, names, bench.clock.now(), days);
  const importOne = async (
    { certificate, key }: TlsIdentity,
    more: object = {},
  ): Promise<Certificate> => {
    const answer = await bench.balancing('ImportCertificate', {
      chainPem: certificate + authority.certificate,
      keyPem: key,
      ...more,
    });
    assert.ok(answer.certificate);
    return answer.certificate;
  };
  const listen = (certificateArn: string, more: object = {}) =>
    bench.balancing('CreateListener', {
      port: 8443,
      protocol: 'HTTPS',
      certificates: [{ certificateArn }],
      defaultActions: [fixed],
      ...more,
    });

  describe('certificates', () => {
    it('are imported, shown without their keys, and kept with them sealed', async () => {
      const made = await make(['Web.example', '10.0.0.1']);
      const certificate = await importOne(made, { tags: [{ key: 'a', value: 'b' }] });
      assert.match(
        certificate.certificateArn,
        /^arn:aws:acm:local:000000000000:certificate\/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      assert.deepEqual(
        [certificate.source, certificate.status, certificate.keyAlgorithm],
        ['imported', 'ISSUED', 'EC_prime256v1'],
      );
      assert.deepEqual(certificate.domainNames, ['web.example', '10.0.0.1']);
      assert.deepEqual(certificate.inUseBy, []);
      const record = bench.cache.get(collections.certificates, certificate.certificateId)?.value;
      assert.ok(record);
      assert.ok(!Buffer.from(record.sealedKeyPem).includes('PRIVATE KEY'));
      const key = keyOf(collections.certificates, record.id);
      const opened = Buffer.from(bench.sealer.open(record.sealedKeyPem, key)).toString();
      assert.match(opened, /BEGIN PRIVATE KEY/);
      for (const name of ['web.example', certificate.certificateArn, certificate.certificateId]) {
        const answer = await bench.balancing('DescribeCertificates', {
          certificates: [name],
          includeChain: true,
        });
        const { chainPem, ...shown } = answer.certificates[0] ?? certificate;
        assert.deepEqual(shown, certificate);
        assert.equal(chainPem?.match(/BEGIN CERTIFICATE/g)?.length, 2);
        assert.ok(!JSON.stringify(answer).includes('PRIVATE'));
      }
      await bench.clock.advance(31 * DAY);
      const { certificates } = await bench.balancing('DescribeCertificates');
      assert.equal(certificates[0]?.status, 'EXPIRED');
    });

    it('are replaced in their place', async () => {
      const first = await importOne(await make(['a.example']), { tags: [{ key: 'a', value: '' }] });
      const { certificateId: certificate } = first;
      const second = await importOne(await make(['b.example']), { certificate });
      assert.equal(second.certificateArn, first.certificateArn);
      assert.deepEqual([second.domainNames, second.tags], [['b.example'], first.tags]);
      assert.equal(second.renewedAt, bench.clock.now());
      await bench.refuses(
        async () => importOne(await make(['c.example']), { certificate: 'nothing' }),
        'CertificateNotFound',
        "Certificate 'nothing' not found",
      );
    });

    it('are refused when clients would refuse them', async () => {
      const made = await make(['a.example']);
      const other = await make(['b.example']);
      const attempt = (chainPem: string, keyPem: string) =>
        bench.balancing('ImportCertificate', { chainPem, keyPem });
      const refused = (chainPem: string, keyPem: string, message: string | RegExp) =>
        bench.refuses(() => attempt(chainPem, keyPem), 'ValidationError', message);
      const { certificate, key } = made;
      await refused('', key, 'The chain holds no certificate; expected PEM, the leaf first.');
      await refused(
        certificate,
        other.key,
        'The private key does not belong to the first certificate of the chain.',
      );
      await refused(
        authority.certificate + certificate,
        authority.key,
        /^Certificate 1 of the chain \(CN=Berth cluster authority .{8}\) was not issued by the next /,
      );
      await refused(
        certificate + other.certificate,
        key,
        /^Certificate 1 of the chain .* was not issued by the next /,
      );
      await refused(certificate, 'no key', "The private key can't be read; expected PEM.");
      await refused(
        key + certificate,
        key,
        'The chain has a block of PRIVATE KEY; expected CERTIFICATE.',
      );
      await refused(
        certificate.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA'),
        key,
        "Certificate 1 of the chain can't be read.",
      );
      await bench.clock.advance(31 * DAY);
      await refused(certificate, key, /^Certificate 1 of the chain .* expired on /);
    });

    it('stay while a listener has them', async () => {
      const { certificateArn } = await importOne(await make(['a.example']));
      const { listener } = await listen(certificateArn);
      const remove = () => bench.balancing('DeleteCertificate', { certificate: certificateArn });
      await bench.refuses(
        remove,
        'ResourceInUse',
        `Certificate '${certificateArn}' is currently in use by ${listener?.listenerArn ?? ''}`,
      );
      await bench.balancing('DeleteListener', { listener: '8443' });
      assert.deepEqual(await remove(), {});
      await bench.refuses(
        () => listen(certificateArn),
        'CertificateNotFound',
        `Certificate '${certificateArn}' not found`,
      );
    });

    it('are never deleted while a listener comes to have them', async () => {
      const { certificateArn } = await importOne(await make(['a.example']));
      const other = await bench.replica();
      await Promise.allSettled([
        listen(certificateArn),
        other.balancing('DeleteCertificate', { certificate: certificateArn }),
      ]);
      const used = [...bench.cache.list(collections.listeners)].length;
      assert.equal([...bench.cache.list(collections.certificates)].length, used);
    });
  });

  describe('listeners', () => {
    it('have one certificate by default and others besides', async () => {
      const arns: string[] = [];
      for (const name of ['a.example', 'b.example', 'c.example']) {
        arns.push((await importOne(await make([name]))).certificateArn);
      }
      const [first = '', second = '', third = ''] = arns;
      const { listener } = await listen(first);
      assert.deepEqual(listener?.certificates, [{ certificateArn: first }]);
      assert.deepEqual(listener.mutualAuthentication, { mode: 'off' });
      const ask = (...list: string[]) => ({
        listener: '8443',
        certificates: list.map((certificateArn) => ({ certificateArn })),
      });
      await bench.balancing('AddListenerCertificates', ask(second, 'file:third'));
      await bench.balancing('AddListenerCertificates', ask(second));
      const listed = async () => {
        const answer = await bench.balancing('DescribeListenerCertificates', { listener: '8443' });
        return answer.certificates.map((each) => [each.certificateArn, each.isDefault]);
      };
      assert.deepEqual(await listed(), [
        [first, true],
        [second, false],
        ['file:third', false],
      ]);
      await bench.balancing('ModifyListener', ask(second));
      assert.deepEqual(await listed(), [
        [second, true],
        ['file:third', false],
      ]);
      await bench.refuses(
        () => bench.balancing('RemoveListenerCertificates', ask(second)),
        'OperationNotPermitted',
        `Default certificate '${second}' cannot be removed; modify the listener to give it another.`,
      );
      await bench.balancing('RemoveListenerCertificates', ask('file:third', third));
      assert.deepEqual(await listed(), [[second, true]]);
      // Created again with what it was created with, it is another; with what it has, the same.
      await bench.refuses(() => listen(first), 'DuplicateListener', /^A listener already exists /);
      assert.equal((await listen(second)).listener?.listenerArn, listener.listenerArn);
    });

    it('lose their TLS only if their rules allow it', async () => {
      await listen('file:web');
      await bench.balancing('CreateRule', {
        listener: '8443',
        priority: 1,
        conditions: [{ field: 'path-pattern', values: ['/a'] }],
        actions: [
          {
            type: 'jwt-validation',
            order: 1,
            jwtValidation: { jwksEndpoint: 'https://issuer.example/keys', issuer: 'me' },
          },
          { ...fixed, order: 2 },
        ],
      });
      const plain = () => bench.balancing('ModifyListener', { listener: '8443', protocol: 'HTTP' });
      await bench.refuses(
        plain,
        'InvalidLoadBalancerAction',
        /^the actions of rule [0-9a-f]{16} has type jwt-validation, which is supported only on HTTPS listeners/,
      );
      const { rules } = await bench.balancing('DescribeRules', { listener: '8443' });
      await bench.balancing('DeleteRule', { rule: rules[0]?.ruleArn ?? '' });
      const { listener } = await plain();
      assert.deepEqual(
        [listener?.protocol, listener?.certificates, listener?.sslPolicy],
        ['HTTP', [], undefined],
      );
    });

    it('know the policies of AWS', async () => {
      const { sslPolicies } = await bench.balancing('DescribeSslPolicies', {
        names: ['ELBSecurityPolicy-2016-08'],
      });
      assert.ok(sslPolicies[0]?.sslProtocols.includes('TLSv1.2'));
      assert.ok((sslPolicies[0]?.ciphers.length ?? 0) > 0);
      await bench.refuses(
        () => bench.balancing('DescribeSslPolicies', { names: ['none'] }),
        'SSLPolicyNotFound',
        "SSL policy 'none' not found",
      );
    });

    it('keep the secrets of clients to themselves', async () => {
      const oidc = (fields: Partial<AuthenticateOidcAction>): Input<Action>[] => [
        {
          type: 'authenticate-oidc',
          order: 1,
          authenticateOidc: {
            issuer: 'https://issuer.example',
            authorizationEndpoint: 'https://issuer.example/authorize',
            tokenEndpoint: 'https://issuer.example/token',
            userInfoEndpoint: 'https://issuer.example/user',
            clientId: 'me',
            ...fields,
          },
        },
        { ...fixed, order: 2 },
      ];
      const secret = 'correct horse battery staple';
      const create = (clientSecret: string) =>
        listen('file:web', { defaultActions: oidc({ clientSecret }) });
      const { listener } = await create(secret);
      assert.ok(listener);
      assert.deepEqual((await create(secret)).listener, listener);
      await bench.refuses(() => create('another'), 'DuplicateListener', /^A listener already /);
      const open = (): string | undefined => {
        const record = bench.cache.get(collections.listeners, listener.listenerId)?.value;
        const sealed = record?.defaultActions[0]?.authenticateOidc?.sealedClientSecret;
        assert.ok(sealed);
        assert.ok(!Buffer.from(sealed).includes(secret));
        const key = keyOf(collections.listeners, listener.listenerId);
        return Buffer.from(bench.sealer.open(sealed, key)).toString();
      };
      assert.equal(open(), secret);
      await bench.balancing('ModifyListener', {
        listener: '8443',
        defaultActions: oidc({ useExistingClientSecret: true, scope: 'openid email' }),
      });
      assert.equal(open(), secret);
      const answers = [
        listener,
        await bench.balancing('DescribeListeners'),
        await bench.balancing('DescribeRules', { listener: '8443' }),
      ];
      for (const answer of answers) {
        const text = JSON.stringify(answer);
        assert.ok(!/secret/i.test(text), text);
      }
      await bench.refuses(
        () =>
          bench.balancing('CreateRule', {
            listener: '8443',
            priority: 1,
            conditions: [{ field: 'path-pattern', values: ['/a'] }],
            actions: oidc({ useExistingClientSecret: true }),
          }),
        'ValidationError',
        'useExistingClientSecret is true, but there is no client secret yet; expected clientSecret.',
      );
    });
  });

  describe('trust stores', () => {
    const create = (more: object = {}) =>
      bench.balancing('CreateTrustStore', {
        name: 'ours',
        bundlePem: authority.certificate,
        ...more,
      });

    it('hold authorities and lists of what is revoked', async () => {
      const { trustStore } = await create({ revocationsPem: [revocationList(3)] });
      assert.ok(trustStore);
      assert.match(trustStore.trustStoreArn, /:truststore\/ours\/[0-9a-f]{16}$/);
      assert.deepEqual(
        [trustStore.status, trustStore.numberOfCaCertificates, trustStore.totalRevokedEntries],
        ['ACTIVE', 1, 3],
      );
      const { revocations } = await bench.balancing('AddTrustStoreRevocations', {
        trustStore: 'ours',
        revocationsPem: [revocationList(0), revocationList(40, 2)],
      });
      assert.deepEqual(
        revocations.map((each) => each.numberOfRevokedEntries),
        [0, 40],
      );
      const all = () =>
        bench.balancing('DescribeTrustStoreRevocations', { trustStore: trustStore.trustStoreArn });
      assert.equal((await all()).revocations.length, 3);
      const revocationIds = [revocations[1]?.revocationId ?? 0];
      await bench.balancing('RemoveTrustStoreRevocations', { trustStore: 'ours', revocationIds });
      assert.equal((await all()).revocations.length, 2);
      await bench.refuses(
        () => bench.balancing('RemoveTrustStoreRevocations', { trustStore: 'ours', revocationIds }),
        'RevocationIdNotFound',
        `The revocation ID ${revocationIds[0] ?? 0} does not exist in trust store ours`,
      );
    });

    it('are refused with what is no authority, and twice', async () => {
      const { certificate } = await make(['a.example']);
      await bench.refuses(
        () => create({ bundlePem: certificate }),
        'InvalidCaCertificatesBundle',
        'Block 1 of the bundle is not the certificate of an authority.',
      );
      await bench.refuses(
        () => create({ revocationsPem: [revocationList(1).replace(/\n.{20}/, '\nAAAA')] }),
        'InvalidRevocationContent',
        "A list of text 1 can't be read.",
      );
      await create();
      await bench.refuses(
        create,
        'DuplicateTrustStoreName',
        "A trust store with the same name 'ours' exists",
      );
    });

    it('stay while a listener verifies by them', async () => {
      const { trustStore } = await create();
      const trustStoreArn = trustStore?.trustStoreArn ?? '';
      const { listener } = await listen('file:web', {
        mutualAuthentication: { mode: 'verify', trustStore: trustStoreArn },
      });
      assert.equal(listener?.mutualAuthentication?.trustStore, trustStoreArn);
      const { resourceArns } = await bench.balancing('DescribeTrustStoreAssociations', {
        trustStore: 'ours',
      });
      assert.deepEqual(resourceArns, [listener.listenerArn]);
      const remove = () => bench.balancing('DeleteTrustStore', { trustStore: 'ours' });
      await bench.refuses(
        remove,
        'TrustStoreInUse',
        `Trust store '${trustStoreArn}' is currently in use by ${listener.listenerArn}`,
      );
      await bench.balancing('ModifyListener', {
        listener: '8443',
        mutualAuthentication: { mode: 'off' },
      });
      await remove();
      await bench.refuses(
        remove,
        'TrustStoreNotFound',
        'One or more trust stores not found (trust store "ours")',
      );
    });
  });
});
