// Secrets at rest. What is sealed can only be opened with a key of the ring, and only for the purpose that it was sealed for.

export interface Sealer {
  /** @param purpose binds the result to one use: by convention the key of the record that holds it, `keyOf(collection, ...parts)` */
  seal(plain: Uint8Array, purpose: string): Uint8Array;
  /** @throws BerthError Internal when no key of the ring opens it, or the purpose is another */
  open(sealed: Uint8Array, purpose: string): Uint8Array;
  /** Which key of a ring it was sealed with; nothing can be said of what is no sealed secret. */
  keyIdOf(sealed: Uint8Array): string | undefined;
  /** The ids of the keys of this ring. The first is the one that seals. */
  readonly keyIds: readonly string[];
}
