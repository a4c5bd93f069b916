// Temporary credentials that nobody has to remember: the session token holds all that there is to know of them, sealed.
// Each replica with the ring's keys can open it; whoever sends it can neither read nor change it.
import type { Sealer } from '@berth/process/seal.ts';

export interface Session {
  readonly accessKeyId: string;
  readonly secret: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Milliseconds since the epoch; tokens of earlier versions don't say. */
  readonly issuedAt?: number | undefined;
  readonly kind: 'user' | 'role';
  readonly name: string;
  /** Of the user or role: another one that is given the same name later is not meant. */
  readonly id: string;
  /** Of roles. */
  readonly sessionName: string;
  /** The document that narrows it, if any. */
  readonly policy: string | undefined;
}

const PURPOSE = 'session-token';
/** No token of ours is longer; longer ones are not looked at. */
const LONGEST = 16_384;

export function writeSessionToken(sealer: Sealer, session: Session): string {
  const sealed = sealer.seal(Buffer.from(JSON.stringify(session)), PURPOSE);
  return Buffer.from(sealed).toString('base64');
}

/** @returns undefined for what is no token of this installation */
export function readSessionToken(sealer: Sealer, token: string): Session | undefined {
  if (token.length > LONGEST || !/^[A-Za-z0-9+/]+=*$/.test(token)) return undefined;
  const sealed = Buffer.from(token, 'base64');
  // Another spelling of the same bytes is not the token that was given out.
  if (sealed.toString('base64') !== token) return undefined;
  const id = sealer.keyIdOf(sealed);
  if (id === undefined || !sealer.keyIds.includes(id)) return undefined;
  try {
    return JSON.parse(Buffer.from(sealer.open(sealed, PURPOSE)).toString()) as Session;
  } catch {
    return undefined;
  }
}
