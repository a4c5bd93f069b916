// Secrets at rest. What is sealed can only be opened with a key of the ring, and only for the purpose that it was sealed for.

export interface Sealer {
  /** @param purpose binds the result to one use, for instance the key of the record that holds it */
  seal(plain: Uint8Array, purpose: string): Uint8Array;
  /** @throws BerthError Internal when no key of the ring opens it, or the purpose is another */
  open(sealed: Uint8Array, purpose: string): Uint8Array;
}
