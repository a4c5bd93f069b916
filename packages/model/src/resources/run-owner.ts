// Whose intention the tasks of a RunTask call fulfil: the same client token with the same arguments.

const PREFIX = 'run/';
/** Hexadecimal digits of a fingerprint. */
const FINGERPRINT = 16;

/** @param argumentsOf the fingerprint of the call's arguments, 16 digits; the token may be any text. Pure. */
export function runOwner(token: string, argumentsOf: string): string {
  return `${PREFIX}${argumentsOf}/${token}`;
}

/** The client token of an owner; undefined for owners of other kinds. Pure. */
export function tokenOfOwner(owner: string): string | undefined {
  const end = PREFIX.length + FINGERPRINT;
  return owner.startsWith(PREFIX) && owner[end] === '/' ? owner.slice(end + 1) : undefined;
}
