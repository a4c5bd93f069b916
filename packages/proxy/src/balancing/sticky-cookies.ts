// The cookies that keep a client on its target group (AWSALBTG) and on its target (AWSALB, AWSALBAPP). What they say is sealed, so that no client can
// choose its target, and the answers of one group can't be used for another. Source: ALB reference, sections 2.3 and 3.2.
import type { CookieKey } from '@berth/model/generated/messages.ts';

import { SealedText } from '../auth/sealed-text.ts';

export const GROUP_COOKIE = 'AWSALBTG';
export const TARGET_COOKIE = 'AWSALB';
export const APP_COOKIE = 'AWSALBAPP-0';
/** The twin of a cookie, for requests from other sites. */
export const CORS = 'CORS';

/** What browsers are told, whatever the configured duration is. */
const COOKIE_LIFE_MS = 7 * 86_400_000;

export interface GroupNote {
  readonly group: string;
  /** Wall time in milliseconds until which it counts. */
  readonly until: number;
}

export interface TargetNote extends GroupNote {
  /** Of the registration. */
  readonly target: string;
  /** Of the application's cookie, in the browser; undefined: as long as that is open. */
  readonly appUntil?: number | undefined;
}

export class StickyCookies {
  readonly #groups: SealedText;
  readonly #targets: SealedText;
  readonly #apps: SealedText;

  /** @param keys the first makes, all of them open; without any no cookie is made */
  constructor(keys: readonly CookieKey[]) {
    this.#groups = new SealedText(keys, GROUP_COOKIE);
    this.#targets = new SealedText(keys, TARGET_COOKIE);
    this.#apps = new SealedText(keys, APP_COOKIE);
  }

  /** @returns what the cookie says; undefined when there is none, or none that is whole and not too old */
  readGroup(cookies: ReadonlyMap<string, string>, now: number): GroupNote | undefined {
    const text = cookies.get(GROUP_COOKIE) ?? cookies.get(GROUP_COOKIE + CORS);
    const note = text === undefined ? undefined : opened(this.#groups, text);
    return note !== undefined && note.until > now ? note : undefined;
  }

  readTarget(cookies: ReadonlyMap<string, string>, now: number): TargetNote | undefined {
    const text = cookies.get(TARGET_COOKIE) ?? cookies.get(TARGET_COOKIE + CORS);
    return fresh(this.#targets, text, now);
  }

  readApp(cookies: ReadonlyMap<string, string>, now: number): TargetNote | undefined {
    return fresh(this.#apps, cookies.get(APP_COOKIE), now);
  }

  /** @returns `Set-Cookie` fields; empty while there is no key */
  groupLines(note: GroupNote, now: number): string {
    return twins(GROUP_COOKIE, this.#groups.seal(JSON.stringify(note)), now);
  }

  targetLines(note: TargetNote, now: number): string {
    return twins(TARGET_COOKIE, this.#targets.seal(JSON.stringify(note)), now);
  }

  appLines(note: TargetNote): string {
    const value = this.#apps.seal(JSON.stringify(note));
    if (value === undefined) return '';
    const expires = note.appUntil === undefined ? '' : `; Expires=${httpDate(note.appUntil)}`;
    return `Set-Cookie: ${APP_COOKIE}=${value}${expires}; Path=/\r\n`;
  }
}

function twins(name: string, value: string | undefined, now: number): string {
  if (value === undefined) return '';
  const expires = httpDate(now + COOKIE_LIFE_MS);
  return (
    `Set-Cookie: ${name}=${value}; Expires=${expires}; Path=/\r\n` +
    `Set-Cookie: ${name}${CORS}=${value}; Expires=${expires}; Path=/; SameSite=None; Secure\r\n`
  );
}

function httpDate(at: number): string {
  return new Date(at).toUTCString();
}

function fresh(sealed: SealedText, text: string | undefined, now: number): TargetNote | undefined {
  const note = text === undefined ? undefined : opened(sealed, text);
  if (note === undefined || note.until <= now) return undefined;
  return 'target' in note ? note : undefined;
}

/** What was sealed was written by a proxy of this installation: its form needs no proof. */
function opened(sealed: SealedText, text: string): TargetNote | undefined {
  const plain = sealed.open(text);
  return plain === undefined ? undefined : (JSON.parse(plain) as TargetNote);
}
