import assert from 'node:assert/strict';

import { DEFAULT_TLS_POLICY, TLS_POLICIES, tlsPolicy, tlsPolicyOf } from './tls-policies.ts';

const named = (name: string) => {
  const policy = tlsPolicy(`ELBSecurityPolicy-${name}`);
  assert.ok(policy, name);
  return policy;
};

describe('TLS policies', () => {
  it('have the names that AWS gave them', () => {
    for (const name of [
      'TLS13-1-3-2021-06',
      'TLS13-1-2-2021-06',
      'TLS13-1-2-Res-2021-06',
      'TLS13-1-2-Ext1-2021-06',
      'TLS13-1-2-Ext2-2021-06',
      'TLS13-1-1-2021-06',
      'TLS13-1-0-2021-06',
      'TLS13-1-3-FIPS-2023-04',
      'TLS13-1-2-Ext0-FIPS-2023-04',
      'TLS13-1-2-Res-PQ-2025-09',
      'TLS13-1-2-Res-FIPS-PQ-2025-09',
      'TLS-1-2-Ext-2018-06',
      'TLS-1-2-2017-01',
      'TLS-1-1-2017-01',
      '2016-08',
      'FS-2018-06',
      'FS-1-1-2019-08',
      'FS-1-2-2019-08',
      'FS-1-2-Res-2019-08',
      'FS-1-2-Res-2020-10',
    ]) {
      named(name);
    }
    assert.equal(tlsPolicy('ELBSecurityPolicy-1999'), undefined);
    assert.equal(new Set(TLS_POLICIES.map(({ name }) => name)).size, TLS_POLICIES.length);
  });

  it('list ciphers once, those of TLS 1.3 only where it is spoken, others only below it', () => {
    for (const { name, protocols, ciphers } of TLS_POLICIES) {
      assert.equal(new Set(ciphers).size, ciphers.length, name);
      const newest = ciphers.some((cipher) => cipher.startsWith('TLS_'));
      const older = ciphers.some((cipher) => !cipher.startsWith('TLS_'));
      assert.equal(newest, protocols.includes('TLSv1.3'), name);
      assert.equal(older, protocols.includes('TLSv1.2'), name);
    }
  });

  it('mean what their names say', () => {
    for (const { name, ciphers, groups } of TLS_POLICIES) {
      const below = ciphers.filter((cipher) => !cipher.startsWith('TLS_'));
      if (/-(?:FS|Res)-/.test(name)) {
        assert.ok(
          below.every((cipher) => cipher.startsWith('ECDHE-')),
          name,
        );
      }
      if (/Res-(?:2021|FIPS|PQ|2020)/.test(name)) {
        assert.ok(
          below.every((cipher) => cipher.includes('-GCM-')),
          name,
        );
      }
      if (name.includes('FIPS')) {
        assert.ok(!ciphers.some((cipher) => cipher.includes('CHACHA20')), name);
        assert.ok(!groups.includes('X25519'), name);
      }
      assert.equal(
        groups.some((group) => group.includes('MLKEM')),
        name.includes('PQ'),
        name,
      );
    }
    assert.deepEqual(named('TLS13-1-3-2021-06').protocols, ['TLSv1.3']);
    assert.deepEqual(named('2016-08').protocols, ['TLSv1', 'TLSv1.1', 'TLSv1.2']);
  });

  it('have a default', () => {
    assert.equal(tlsPolicyOf(undefined).name, DEFAULT_TLS_POLICY);
    assert.equal(tlsPolicyOf('none').name, DEFAULT_TLS_POLICY);
  });
});
