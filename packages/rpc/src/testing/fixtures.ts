// What tests of gRPC need: an authority and identities of it, made once, and a logger that remembers.
import type { Logger } from '@berth/control/logger.ts';

import type { CertifiedIdentity, TlsIdentity } from '../api.ts';
import { createAuthority, issue, type Authority } from '../authority.ts';

let shared: Promise<Authority> | undefined;

export function testAuthority(): Promise<Authority> {
  return (shared ??= createAuthority(Date.now()));
}

/** A certificate for this machine's loopback names. */
export async function testIdentity(
  role: CertifiedIdentity['role'],
  name: string,
  authority?: Authority,
): Promise<TlsIdentity> {
  const names = ['localhost', '127.0.0.1', '::1'];
  return issue(authority ?? (await testAuthority()), { role, name }, names, Date.now(), 1);
}

export interface LoggedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface TestLogger extends Logger {
  readonly lines: LoggedLine[];
}

/** A logger that keeps its lines for a test to look at. */
export function testLogger(lines: LoggedLine[] = [], bound: object = {}): TestLogger {
  const at =
    (level: LoggedLine['level']) =>
    (fields: object, message: string): void => {
      lines.push({ level, fields: { ...bound, ...fields }, message });
    };
  return {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => testLogger(lines, { ...bound, ...fields }),
  };
}
