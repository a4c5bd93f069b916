// Which challenge can be met: the authority connects to port 80 for http-01 and to port 443 for tls-alpn-01. Pure.
// Source: RFC 8555, section 8.3; RFC 8737, section 3.
import type { ListenerRecord } from '@berth/model/generated/messages.ts';

import type { Authorization, Challenge } from './acme-client.ts';

export type ChallengeType = 'http-01' | 'tls-alpn-01';

const HTTP_PORT = 80;
const TLS_PORT = 443;

/** What listeners can meet, the preferred one first. */
export function possibleChallenges(
  listeners: Iterable<ListenerRecord>,
  preferred: ChallengeType,
): readonly ChallengeType[] {
  const possible = new Set<ChallengeType>();
  for (const { port, protocol } of listeners) {
    if (port === HTTP_PORT && protocol === 'HTTP') possible.add('http-01');
    if (port === TLS_PORT && (protocol === 'HTTPS' || protocol === 'TLS')) {
      possible.add('tls-alpn-01');
    }
  }
  return [...possible].sort((a, b) => Number(b === preferred) - Number(a === preferred));
}

export function chooseChallenge(
  { challenges }: Authorization,
  possible: readonly ChallengeType[],
): (Challenge & { readonly type: ChallengeType }) | undefined {
  for (const type of possible) {
    const found = challenges.find((challenge) => challenge.type === type);
    if (found !== undefined) return { ...found, type };
  }
  return undefined;
}
