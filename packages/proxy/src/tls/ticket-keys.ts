// The keys that seal TLS session tickets. All workers and proxies derive them from the cluster's key for cookies, so that a
// session begun with one is resumed by any other.
import { hkdfSync } from 'node:crypto';

import type { CookieKey } from '@berth/model/generated/messages.ts';

/** What Node.js takes: 16 bytes of name, 16 of authentication, 16 of encryption. */
const LENGTH = 48;

/** @param keys the one in use first. @returns undefined for none: tickets are then good for one process only. Pure. */
export function ticketKeys(keys: readonly CookieKey[]): Buffer<ArrayBuffer> | undefined {
  const [current] = keys;
  if (current === undefined) return undefined;
  return Buffer.from(
    hkdfSync('sha256', current.key, Buffer.alloc(0), 'berth TLS session tickets', LENGTH),
  );
}
