// The certificates of a one-machine cluster: an authority of its own and an identity for each role, made at the
// first start, renewed when they near their end. Layout: ca.crt, ca.key, NAME.crt, NAME.key.
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { CertifiedIdentity, TlsIdentity } from '@berth/rpc/api.ts';
import { type Authority, createAuthority, issue } from '@berth/rpc/authority.ts';
import { ETCD_CLIENT_NAME } from '@berth/store/embedded-etcd.ts';

const DAYS = 365;
const RENEW_BEFORE_MS = 30 * 24 * 3_600_000;
const LOCAL = ['localhost', '127.0.0.1', '::1'];
const PRIVATE = 0o600;

export interface Certificates {
  readonly directory: string;
  readonly admin: TlsIdentity;
  readonly control: TlsIdentity;
  readonly host: TlsIdentity;
  readonly proxy: TlsIdentity;
  /** Whether any was made now. */
  readonly renewed: boolean;
}

/** @param hostId the agent's; @param now wall time in ms */
export async function ensureCertificates(
  directory: string,
  hostId: string,
  now: number,
): Promise<Certificates> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  let renewed = false;
  let authority = readAuthority(directory, now);
  if (!authority) {
    authority = await createAuthority(now);
    writeFile(join(directory, 'ca.crt'), authority.certificate);
    writeFile(join(directory, 'ca.key'), authority.key);
    renewed = true;
  }
  const signer = authority;
  const ensure = async (
    name: string,
    identity: CertifiedIdentity,
    names = LOCAL,
  ): Promise<TlsIdentity> => {
    const existing = renewed ? undefined : readIdentity(directory, name, identity, signer, now);
    if (existing) return existing;
    const made = await issue(signer, identity, names, now, DAYS);
    writeFile(join(directory, `${name}.crt`), made.certificate);
    writeFile(join(directory, `${name}.key`), made.key);
    return made;
  };
  return {
    directory,
    renewed,
    admin: await ensure('admin', { role: 'admin', name: 'admin' }),
    control: await ensure('control', { role: 'control', name: 'dev' }, [
      ...LOCAL,
      ETCD_CLIENT_NAME,
    ]),
    host: await ensure('host', { role: 'host', name: hostId }),
    proxy: await ensure('proxy', { role: 'proxy', name: 'dev' }),
  };
}

function readAuthority(directory: string, now: number): Authority | undefined {
  const files = [join(directory, 'ca.crt'), join(directory, 'ca.key')] as const;
  if (!files.every((file) => existsSync(file))) return undefined;
  const [certificate, key] = [readFileSync(files[0], 'utf8'), readFileSync(files[1], 'utf8')];
  return isFresh(certificate, now) ? { certificate, key } : undefined;
}

function readIdentity(
  directory: string,
  name: string,
  identity: CertifiedIdentity,
  authority: Authority,
  now: number,
): TlsIdentity | undefined {
  const files = [join(directory, `${name}.crt`), join(directory, `${name}.key`)] as const;
  if (!files.every((file) => existsSync(file))) return undefined;
  const [certificate, key] = [readFileSync(files[0], 'utf8'), readFileSync(files[1], 'utf8')];
  if (!isFresh(certificate, now)) return undefined;
  const found = new X509Certificate(certificate);
  const names = found.subjectAltName?.split(', ') ?? [];
  if (!names.includes(`URI:berth://${identity.role}/${identity.name}`)) return undefined;
  const issuer = new X509Certificate(authority.certificate);
  if (!found.verify(issuer.publicKey)) return undefined;
  return { certificate, key, authority: authority.certificate };
}

function isFresh(pem: string, now: number): boolean {
  try {
    return Date.parse(new X509Certificate(pem).validTo) - now > RENEW_BEFORE_MS;
  } catch {
    return false; // cut short by a crash: made anew
  }
}

/** Whole or not at all. */
function writeFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: PRIVATE });
  renameSync(`${path}.new`, path);
}
