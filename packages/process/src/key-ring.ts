// The keys that secrets at rest are sealed with, and the file that holds them: a line a key, `ID KEY`, the newest
// first. The first key seals, all open, so that a ring can be changed while older secrets are still there.
//
// A sealed secret is: 1 (the format), the key's id (8 bytes), a nonce (12), AES-256-GCM's ciphertext, its tag (16).
// Format, id and purpose are authenticated with it. Source: NIST SP 800-38D; with random nonces a key may seal
// 2^32 secrets, far more than an installation ever writes.
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { BerthError } from '@berth/model/errors.ts';

import type { Sealer } from './seal.ts';

const ALGORITHM = 'aes-256-gcm';
const FORMAT = 1;
const ID_BYTES = 8;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + ID_BYTES;
const LINE = /^([0-9a-f]{16}) ([A-Za-z0-9+/]{43}=)$/;

const PREFACE = [
  '# The keys that seal the secrets of this Berth installation. The first seals, all open.',
  '# Every process with an api needs the same file. Without it those secrets are lost: keep a copy elsewhere.',
];

interface RingKey {
  readonly id: string;
  readonly key: KeyObject;
}

export class KeyRing implements Sealer {
  readonly #keys: ReadonlyMap<string, RingKey>;
  readonly #first: RingKey;

  private constructor(first: RingKey, others: readonly RingKey[]) {
    this.#first = first;
    this.#keys = new Map([first, ...others].map((key) => [key.id, key]));
  }

  /** A ring of one new key. */
  static create(): KeyRing {
    return new KeyRing(newKey(), []);
  }

  /** @param where the text is from, for messages. @throws BerthError InvalidParameterException when a line is no key */
  static parse(text: string, where: string): KeyRing {
    const keys: RingKey[] = [];
    for (const [index, line] of text.split('\n').entries()) {
      if (line.trim() === '' || line.startsWith('#')) continue;
      const [, id, secret] = LINE.exec(line.trimEnd()) ?? [];
      if (id === undefined || secret === undefined) {
        throw unreadable(`line ${index + 1} of ${where} is no key; expected ID KEY`);
      }
      if (keys.some((key) => key.id === id)) throw unreadable(`${where} has key ${id} twice`);
      keys.push({ id, key: createSecretKey(secret, 'base64') });
    }
    const [first, ...others] = keys;
    if (!first) throw unreadable(`${where} holds no key`);
    return new KeyRing(first, others);
  }

  /** The ring with a new key before the others. */
  rotated(): KeyRing {
    return new KeyRing(newKey(), [...this.#keys.values()]);
  }

  /** The ring with a new key after the others: it opens, and does not seal yet. */
  prepared(): KeyRing {
    return new KeyRing(this.#first, [...this.#others(), newKey()]);
  }

  /** The ring with its last key before the others. */
  switched(): KeyRing {
    const last = [...this.#keys.values()].at(-1) ?? this.#first;
    const rest = [...this.#keys.values()].filter((key) => key !== last);
    return new KeyRing(last, rest);
  }

  /** The ring with the first key only. */
  pruned(): KeyRing {
    return new KeyRing(this.#first, []);
  }

  /** What `parse` reads. */
  print(): string {
    const lines = Array.from(
      this.#keys.values(),
      ({ id, key }) => `${id} ${key.export().toString('base64')}`,
    );
    return [...PREFACE, ...lines, ''].join('\n');
  }

  #others(): RingKey[] {
    return [...this.#keys.values()].filter((key) => key !== this.#first);
  }

  get keyIds(): readonly string[] {
    return [...this.#keys.keys()];
  }

  keyIdOf(sealed: Uint8Array): string | undefined {
    if (sealed.length < HEAD_BYTES + NONCE_BYTES + TAG_BYTES || sealed[0] !== FORMAT) {
      return undefined;
    }
    return Buffer.from(sealed.subarray(1, HEAD_BYTES)).toString('hex');
  }

  seal(plain: Uint8Array, purpose: string): Uint8Array {
    const { id, key } = this.#first;
    const head = Buffer.concat([Uint8Array.of(FORMAT), Buffer.from(id, 'hex')]);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.concat([head, Buffer.from(purpose)]));
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([head, nonce, body, cipher.getAuthTag()]);
  }

  open(sealed: Uint8Array, purpose: string): Uint8Array {
    const id = this.keyIdOf(sealed);
    if (id === undefined) throw closed(purpose, 'it is no sealed secret');
    const found = this.#keys.get(id);
    if (!found) {
      throw closed(
        purpose,
        `it was sealed with key ${id}, and the ring has ${this.keyIds.join(', ')} only; add that key to the key file of this process`,
      );
    }
    const nonce = sealed.subarray(HEAD_BYTES, HEAD_BYTES + NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, found.key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.concat([sealed.subarray(0, HEAD_BYTES), Buffer.from(purpose)]));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const body = sealed.subarray(HEAD_BYTES + NONCE_BYTES, -TAG_BYTES);
    try {
      return Buffer.concat([decipher.update(body), decipher.final()]);
    } catch (cause) {
      throw closed(
        purpose,
        `it was altered, or sealed with another key ${id}, or for another purpose`,
        cause,
      );
    }
  }
}

function newKey(): RingKey {
  return {
    id: randomBytes(ID_BYTES).toString('hex'),
    key: createSecretKey(randomBytes(KEY_BYTES)),
  };
}

function unreadable(what: string): BerthError {
  return new BerthError('InvalidParameterException', `Can't read the key ring: ${what}.`);
}

function closed(purpose: string, why: string, cause?: unknown): BerthError {
  const options = cause === undefined ? {} : { cause };
  return new BerthError('Internal', `Can't open the secret of ${purpose}: ${why}.`, options);
}
