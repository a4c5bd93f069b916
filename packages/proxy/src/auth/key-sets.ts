// The public keys that issuers of tokens publish (RFC 7517), fetched when first asked for and kept for a while. Tokens arrive far more often
// than keys change; a token with an unknown key makes one more fetch, not one for each token.
// Source: ALB reference, section 2.3, jwt-validation: 150 KB, ten keys, five seconds.
import type { Clock } from '@berth/control/clock.ts';
import { BerthError } from '@berth/model/errors.ts';
import { type CryptoKey, type JWK, importJWK } from 'jose';

import type { BoundedFetch } from './bounded-fetch.ts';

const LIMITS = { timeoutMs: 5_000, maxBytes: 150 * 1024 };
const MOST_KEYS = 10;
const FEWEST_BITS = 2_048;
const FRESH_MS = 10 * 60_000;
/** A set in which a key was missed, or that could not be had, is not asked for again sooner. */
const PATIENCE_MS = 10_000;
/** Endpoints of rules that no longer exist are forgotten. */
const MOST_SETS = 256;

interface KeySet {
  readonly keys: readonly NamedKey[];
  readonly fetchedAt: number;
}

interface NamedKey {
  readonly id: string | undefined;
  readonly key: CryptoKey;
}

interface Entry {
  set: KeySet | undefined;
  failure: unknown;
  triedAt: number;
  pending: Promise<void> | undefined;
}

export class KeySets {
  readonly #fetch: BoundedFetch;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(fetch: BoundedFetch, clock: Clock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /**
   * The keys that a token's `kid` may mean: one, or all of the set when the token names none.
   * @returns an empty list when the set has no such key
   * @throws BerthError Unavailable when there is no usable set
   */
  async find(endpoint: string, keyId: string | undefined): Promise<readonly CryptoKey[]> {
    const entry = this.#entry(endpoint);
    const now = this.#clock.monotonic();
    if (entry.set === undefined) await this.#refresh(endpoint, entry);
    else if (now - entry.set.fetchedAt > FRESH_MS) this.#refreshBehind(endpoint, entry);
    let found = matching(entry.set, keyId);
    if (found.length === 0 && entry.set !== undefined && this.#mayTry(entry)) {
      await this.#refresh(endpoint, entry);
      found = matching(entry.set, keyId);
    }
    if (entry.set === undefined) {
      throw new BerthError('Unavailable', `The keys at ${endpoint} can't be had`, {
        cause: entry.failure,
      });
    }
    return found;
  }

  #entry(endpoint: string): Entry {
    const known = this.#entries.get(endpoint);
    if (known !== undefined) return known;
    if (this.#entries.size >= MOST_SETS) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    const made: Entry = {
      set: undefined,
      failure: undefined,
      triedAt: -Infinity,
      pending: undefined,
    };
    this.#entries.set(endpoint, made);
    return made;
  }

  #mayTry(entry: Entry): boolean {
    return this.#clock.monotonic() - entry.triedAt >= PATIENCE_MS;
  }

  #refreshBehind(endpoint: string, entry: Entry): void {
    void this.#refresh(endpoint, entry);
  }

  /** Those who ask meanwhile wait for the same answer. Never throws: the failure is kept. */
  #refresh(endpoint: string, entry: Entry): Promise<void> {
    if (entry.pending !== undefined) return entry.pending;
    if (!this.#mayTry(entry)) return Promise.resolve();
    entry.triedAt = this.#clock.monotonic();
    entry.pending = this.#load(endpoint)
      .then(
        (keys) => {
          entry.set = { keys, fetchedAt: this.#clock.monotonic() };
          entry.failure = undefined;
        },
        (error: unknown) => {
          entry.failure = error;
        },
      )
      .finally(() => {
        entry.pending = undefined;
      });
    return entry.pending;
  }

  async #load(endpoint: string): Promise<readonly NamedKey[]> {
    const { status, text } = await this.#fetch(endpoint, {}, LIMITS);
    if (status !== 200) throw unusable(endpoint, `it answered with status ${status}`);
    const parsed = parse(text);
    if (parsed === undefined) throw unusable(endpoint, 'it is no JSON object with a list "keys"');
    if (parsed.length > MOST_KEYS) throw unusable(endpoint, `it has more than ${MOST_KEYS} keys`);
    const keys: NamedKey[] = [];
    for (const jwk of parsed) {
      if (jwk.kty !== 'RSA' || (jwk.use !== undefined && jwk.use !== 'sig')) continue;
      // A private key in public is no key to trust.
      if (jwk.d !== undefined) continue;
      // One that can't be read, or is too short to be trusted, takes nothing from the others. Source: RFC 7518, section 3.3.
      const key = await importJWK({ ...jwk, alg: 'RS256' }).catch(() => undefined);
      if (key === undefined || key instanceof Uint8Array) continue;
      if (bitsOf(key) >= FEWEST_BITS) keys.push({ id: jwk.kid, key });
    }
    return keys;
  }
}

function bitsOf({ algorithm }: CryptoKey): number {
  return 'modulusLength' in algorithm ? Number(algorithm.modulusLength) : 0;
}

function matching(set: KeySet | undefined, keyId: string | undefined): readonly CryptoKey[] {
  const keys = set?.keys ?? [];
  const meant = keyId === undefined ? keys : keys.filter(({ id }) => id === keyId);
  return meant.map(({ key }) => key);
}

function parse(text: string): readonly JWK[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('keys' in value)) return undefined;
  const { keys } = value;
  if (!Array.isArray(keys)) return undefined;
  return keys.filter((key): key is JWK => typeof key === 'object' && key !== null);
}

function unusable(endpoint: string, why: string): BerthError {
  return new BerthError('Unavailable', `The key set at ${endpoint} can't be used: ${why}`);
}
