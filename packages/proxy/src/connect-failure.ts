// What an error on the way to a connection says about the target, if anything.
import type { ConnectFailure } from './exchange-sides.ts';

/** The proxy itself, or its host, has run out of something: files, ports or memory. Source: connect(2), socket(2). */
const OWN_SHORTAGES: ReadonlySet<unknown> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EADDRNOTAVAIL',
  'EAGAIN',
]);

export function isOwnShortage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && OWN_SHORTAGES.has(error.code);
}

/** @param error what came before the connection stood; none: it was closed */
export function connectFailure(error: unknown): ConnectFailure {
  const message = error instanceof Error ? error.message : 'closed while connecting';
  return { kind: isOwnShortage(error) ? 'shortage' : 'refused', message };
}
