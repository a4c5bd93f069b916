// When a certificate of ACME is to be asked for. Pure. Source: RFC 8555; authorities advise renewal when a third of the lifetime is left.
import type { CertificateRecord } from '@berth/model/generated/messages.ts';

const MINUTE_MS = 60_000;
/** Authorities count failures by the hour: five of a name are enough to be locked out for one. */
const FIRST_RETRY_MS = MINUTE_MS;
const LAST_RETRY_MS = 6 * 60 * MINUTE_MS;

/** Milliseconds since the epoch from which on it may be asked for; undefined for what is never asked for. */
export function dueAt(certificate: CertificateRecord): number | undefined {
  const { source, status, notBefore, notAfter, nextAttemptAt } = certificate;
  if (source !== 'acme') return undefined;
  const renewal = status === 'ISSUED' ? notAfter - (notAfter - notBefore) / 3 : 0;
  return Math.max(renewal, nextAttemptAt ?? 0);
}

/** How long to wait after so many failures in a row. */
export function retryAfterMs(failures: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 16));
}
