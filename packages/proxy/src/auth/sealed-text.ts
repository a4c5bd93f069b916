// Text that only proxies of this cluster can read or make: the state of a login on its way through a browser. AES-256-GCM with a key derived from
// a cookie key for each purpose; the first key of the ring makes, all of them open.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

import type { CookieKey } from '@berth/model/generated/messages.ts';

const ALGORITHM = 'aes-256-gcm';
const NONCE = 12;
const TAG = 16;

export class SealedText {
  readonly #keys: readonly { readonly id: string; readonly key: Buffer }[];

  /** @param purpose text sealed for one purpose can't be opened for another */
  constructor(ring: readonly CookieKey[], purpose: string) {
    this.#keys = ring.map(({ id, key }) => ({
      id,
      key: Buffer.from(hkdfSync('sha256', key, '', `berth ${purpose}`, 32)),
    }));
  }

  /** @returns KEY-ID.TEXT in the alphabet of cookies and queries; undefined while there is no key */
  seal(plain: string): string | undefined {
    const [first] = this.#keys;
    if (first === undefined) return undefined;
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv(ALGORITHM, first.key, nonce);
    const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
    return `${first.id}.${Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url')}`;
  }

  /** @returns undefined for anything that was not sealed by a key of the ring for this purpose */
  open(text: string): string | undefined {
    const dot = text.indexOf('.');
    const found = this.#keys.find(({ id }) => id === text.slice(0, dot));
    if (found === undefined) return undefined;
    const bytes = Buffer.from(text.slice(dot + 1), 'base64url');
    if (bytes.length < NONCE + TAG) return undefined;
    const decipher = createDecipheriv(ALGORITHM, found.key, bytes.subarray(0, NONCE));
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG));
    try {
      return Buffer.concat([
        decipher.update(bytes.subarray(NONCE, bytes.length - TAG)),
        decipher.final(),
      ]).toString('utf8');
    } catch {
      return undefined;
    }
  }
}
