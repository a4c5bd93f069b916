// The security policies of TLS listeners under the names that AWS gave them: which versions of TLS and which ciphers, in
// order of preference. Ciphers have OpenSSL's names. Source: ALB reference, section 4.7; AWS's tables of policies.

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

export interface TlsPolicy {
  readonly name: string;
  /** The oldest first, without gaps. */
  readonly protocols: readonly TlsVersion[];
  /** The most preferred first. */
  readonly ciphers: readonly string[];
  /** Groups for the exchange of keys, the most preferred first. */
  readonly groups: readonly string[];
}

/** Of a listener whose creator named none: forward secrecy and authenticated encryption only. */
export const DEFAULT_TLS_POLICY = 'ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09';

const SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'] as const;
const SUITES_13 = [...SUITES, 'TLS_CHACHA20_POLY1305_SHA256'] as const;

/** ECDSA before RSA for each cipher. */
const both = (...ciphers: readonly string[]): string[] =>
  ciphers.flatMap((cipher) => [`ECDHE-ECDSA-${cipher}`, `ECDHE-RSA-${cipher}`]);

const AEAD = both('AES128-GCM-SHA256', 'AES256-GCM-SHA384');
const SHA2 = both('AES128-GCM-SHA256', 'AES128-SHA256', 'AES256-GCM-SHA384', 'AES256-SHA384');
const SHA1 = both('AES128-SHA', 'AES256-SHA');
const FORWARD = both(
  'AES128-GCM-SHA256',
  'AES128-SHA256',
  'AES128-SHA',
  'AES256-GCM-SHA384',
  'AES256-SHA384',
  'AES256-SHA',
);
const STATIC_SHA2 = ['AES128-GCM-SHA256', 'AES128-SHA256', 'AES256-GCM-SHA384', 'AES256-SHA256'];
const STATIC = [
  'AES128-GCM-SHA256',
  'AES128-SHA256',
  'AES128-SHA',
  'AES256-GCM-SHA384',
  'AES256-SHA256',
  'AES256-SHA',
];

const CLASSIC = ['X25519', 'P-256', 'P-384', 'P-521'];
const NIST = ['P-256', 'P-384', 'P-521'];
const HYBRID = ['X25519MLKEM768', 'SecP256r1MLKEM768', 'SecP384r1MLKEM1024'];

const SINCE: Readonly<Record<TlsVersion, readonly TlsVersion[]>> = {
  TLSv1: ['TLSv1', 'TLSv1.1', 'TLSv1.2'],
  'TLSv1.1': ['TLSv1.1', 'TLSv1.2'],
  'TLSv1.2': ['TLSv1.2'],
  'TLSv1.3': [],
};

/** Ciphers below TLS 1.3 of the families whose names begin with TLS13. */
const MODERN: readonly (readonly [suffix: string, oldest: TlsVersion, ciphers: string[]])[] = [
  ['1-3', 'TLSv1.3', []],
  ['1-2-Res', 'TLSv1.2', AEAD],
  ['1-2', 'TLSv1.2', SHA2],
  ['1-2-Ext0', 'TLSv1.2', [...SHA2, ...SHA1]],
  ['1-2-Ext1', 'TLSv1.2', [...SHA2, ...STATIC_SHA2]],
  ['1-2-Ext2', 'TLSv1.2', [...FORWARD, ...STATIC]],
  ['1-1', 'TLSv1.1', [...FORWARD, ...STATIC]],
  ['1-0', 'TLSv1', [...FORWARD, ...STATIC]],
];

function modern(
  edition: string,
  suites: readonly string[],
  groups: readonly string[],
  leftOut: readonly string[] = [],
): TlsPolicy[] {
  return MODERN.filter(([suffix]) => !leftOut.includes(suffix)).map(
    ([suffix, oldest, ciphers]) => ({
      name: `ELBSecurityPolicy-TLS13-${suffix}-${edition}`,
      protocols: [...SINCE[oldest], 'TLSv1.3'],
      ciphers: [...suites, ...ciphers],
      groups,
    }),
  );
}

function older(name: string, oldest: TlsVersion, ciphers: readonly string[]): TlsPolicy {
  return {
    name: `ELBSecurityPolicy-${name}`,
    protocols: SINCE[oldest],
    ciphers,
    groups: CLASSIC,
  };
}

/** As DescribeSSLPolicies lists them. */
export const TLS_POLICIES: readonly TlsPolicy[] = [
  ...modern('PQ-2025-09', SUITES_13, [...HYBRID, ...CLASSIC], ['1-2-Ext0', '1-1']),
  ...modern('FIPS-PQ-2025-09', SUITES, [...HYBRID, ...NIST], ['1-1', '1-0']),
  ...modern('2021-06', SUITES_13, CLASSIC, ['1-2-Ext0']),
  ...modern('FIPS-2023-04', SUITES, NIST),
  older('TLS-1-2-Ext-2018-06', 'TLSv1.2', [...FORWARD, ...STATIC]),
  older('TLS-1-2-2017-01', 'TLSv1.2', [...SHA2, ...STATIC_SHA2]),
  older('TLS-1-1-2017-01', 'TLSv1.1', [...FORWARD, ...STATIC]),
  older('2016-08', 'TLSv1', [...FORWARD, ...STATIC]),
  older('2015-05', 'TLSv1', [...FORWARD, ...STATIC]),
  older('FS-1-2-Res-2020-10', 'TLSv1.2', AEAD),
  older('FS-1-2-Res-2019-08', 'TLSv1.2', SHA2),
  older('FS-1-2-2019-08', 'TLSv1.2', FORWARD),
  older('FS-1-1-2019-08', 'TLSv1.1', FORWARD),
  older('FS-2018-06', 'TLSv1', FORWARD),
];

const byName: ReadonlyMap<string, TlsPolicy> = new Map(
  TLS_POLICIES.map((policy) => [policy.name, policy]),
);

/** @returns undefined for a name that is none: `SSLPolicyNotFound`. Pure. */
export function tlsPolicy(name: string): TlsPolicy | undefined {
  return byName.get(name);
}

/** The policy of a listener; the default one where its record names none that is known. Pure. */
export function tlsPolicyOf(name: string | undefined): TlsPolicy {
  const found =
    (name === undefined ? undefined : byName.get(name)) ?? byName.get(DEFAULT_TLS_POLICY);
  if (found === undefined) throw new Error('the default policy is in no table');
  return found;
}
