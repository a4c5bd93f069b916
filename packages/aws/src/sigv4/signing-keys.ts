// Keys derived from secrets, kept for the requests that follow. Source: ECS reference, section 1.3.
import { createHmac } from 'node:crypto';

import type { Scope } from './authorization.ts';

const DEFAULT_SIZE = 1000;

interface Derived {
  readonly secret: string;
  readonly key: Buffer;
}

/** The least recently used go first. */
export class SigningKeys {
  readonly #size: number;
  readonly #derived = new Map<string, Derived>();

  constructor(size = DEFAULT_SIZE) {
    this.#size = size;
  }

  of(secret: string, { accessKeyId, date, region, service }: Scope): Buffer {
    const name = `${accessKeyId}/${date}/${region}/${service}`;
    const known = this.#derived.get(name);
    this.#derived.delete(name);
    const derived =
      known?.secret === secret ? known : { secret, key: derive(secret, date, region, service) };
    this.#derived.set(name, derived);
    if (this.#derived.size > this.#size) {
      const [oldest] = this.#derived.keys();
      if (oldest !== undefined) this.#derived.delete(oldest);
    }
    return derived.key;
  }

  get size(): number {
    return this.#derived.size;
  }
}

export function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'latin1').digest();
}

function derive(secret: string, date: string, region: string, service: string): Buffer {
  return hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), 'aws4_request');
}
