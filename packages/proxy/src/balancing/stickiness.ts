// What keeps one request's client where it was: the group that its cookie names, the target that its cookie names, and the cookies that its answer takes along.
// Made only where the rule or its target group asks for it. Source: ALB reference, sections 2.3 and 3.2.
import type { StickinessSettings } from '@berth/model/routing/group-settings.ts';
import type { ForwardRoute } from '@berth/model/routing/route.ts';

import { readCookies } from '../auth/cookies.ts';
import type { Group } from '../group.ts';
import type { Target } from '../target.ts';
import { appCookieIn } from './app-cookie.ts';
import { GROUP_COOKIE, type StickyCookies, type TargetNote } from './sticky-cookies.ts';

export class Stickiness {
  readonly #cookies: StickyCookies;
  readonly #sent: ReadonlyMap<string, string>;
  readonly #now: () => number;
  #group: Group | undefined;
  /** The group was chosen just now: for so long it is to be kept. */
  #newGroupMs: number | undefined;
  #note: TargetNote | undefined;

  /** @param headers of the request, names and values in turn. @param now wall time */
  constructor(cookies: StickyCookies, headers: readonly string[], now: () => number) {
    this.#cookies = cookies;
    this.#sent = readCookies(headers);
    this.#now = now;
  }

  /** @returns the group of the action that the client was given before, if it may still be given to clients */
  groupOf(action: ForwardRoute): string | undefined {
    const note = this.#cookies.readGroup(this.#sent, this.#now());
    const known = action.groups.find(({ group, weight }) => group === note?.group && weight > 0);
    if (known === undefined) this.#newGroupMs = action.stickyMs;
    return known?.group;
  }

  /** The client sent a group cookie that says nothing: for the log. */
  get badGroupCookie(): boolean {
    return this.#newGroupMs !== undefined && this.#sent.has(GROUP_COOKIE);
  }

  /** @returns the target that the client is on; whether it may take a request is for the group to say */
  targetIn(group: Group): Target | undefined {
    this.#group = group;
    const { stickiness } = group.settings;
    this.#note = this.#read(stickiness);
    return this.#note?.group === group.name ? group.targets.get(this.#note.target) : undefined;
  }

  #read(stickiness: StickinessSettings): TargetNote | undefined {
    const now = this.#now();
    if (stickiness.type === 'lb_cookie') return this.#cookies.readTarget(this.#sent, now);
    if (stickiness.type !== 'app_cookie' || !this.#sent.has(stickiness.cookieName))
      return undefined;
    return this.#cookies.readApp(this.#sent, now);
  }

  /**
   * @param target that gave the answer
   * @param lines its fields
   * @returns fields that are to be added
   */
  answerLines(target: Target, lines: string): string {
    const group = this.#group;
    if (group === undefined) return '';
    const now = this.#now();
    const ms = this.#newGroupMs;
    const own =
      ms === undefined ? '' : this.#cookies.groupLines({ group: group.name, until: now + ms }, now);
    return own + this.#targetLines(group, target, lines, now);
  }

  #targetLines(group: Group, target: Target, lines: string, now: number): string {
    const { stickiness } = group.settings;
    if (stickiness.type === 'none' || stickiness.type === 'source_ip') return '';
    const note = {
      group: group.name,
      target: target.record.id,
      until: now + stickiness.durationMs,
    };
    if (stickiness.type === 'lb_cookie') return this.#cookies.targetLines(note, now);
    const set = appCookieIn(lines, stickiness.cookieName, now);
    // Without the application's cookie there is nothing to follow; with it each answer extends the time.
    if (set === undefined && this.#note === undefined) return '';
    const appUntil = set === undefined ? this.#note?.appUntil : set.until;
    return this.#cookies.appLines({ ...note, appUntil });
  }
}
