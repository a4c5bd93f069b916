// ARNs, ids and names of users, roles and policies. Pure: chance is an argument.
// Source: IAM's "identifiers", "quotas" and the constraints of its API.
import { BerthError } from '../errors.ts';

type Random = () => number;

/** As in ids of AWS: no 0, 1, 8 or 9. */
const ID_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const SECRET_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** What an id begins with says what it is of. */
export type IdPrefix = 'AIDA' | 'AROA' | 'ANPA' | 'AKIA' | 'ASIA';

/** Of keys 20 letters and digits, of all else 21. */
export function drawAccessId(random: Random, prefix: IdPrefix): string {
  const length = prefix === 'AKIA' || prefix === 'ASIA' ? 16 : 17;
  return prefix + draw(random, ID_LETTERS, length);
}

/** 40 characters, 240 bits. */
export function drawSecret(random: Random): string {
  return draw(random, SECRET_LETTERS, 40);
}

function draw(random: Random, letters: string, length: number): string {
  let text = '';
  while (text.length < length) text += letters.charAt(Math.floor(random() * letters.length));
  return text;
}

export type EntityKind = 'user' | 'role' | 'policy';

/** What the ARN of an entity says of it. */
export interface Named {
  readonly name: string;
  readonly path: string;
}

export function entityArn(account: string, kind: EntityKind, { path, name }: Named): string {
  return `arn:aws:iam::${account}:${kind}${path}${name}`;
}

export function sessionArn(account: string, role: string, session: string): string {
  return `arn:aws:sts::${account}:assumed-role/${role}/${session}`;
}

/** The name in an ARN of this kind and account, or the text itself if it is none; undefined for other ARNs. */
export function entityName(account: string, kind: EntityKind, text: string): string | undefined {
  if (!text.startsWith('arn:')) return text;
  const prefix = `arn:aws:iam::${account}:${kind}/`;
  return text.startsWith(prefix) ? text.slice(text.lastIndexOf('/') + 1) : undefined;
}

/** Names differ by more than case: records are kept under this. */
export function entityKey(name: string): string {
  return name.toLowerCase();
}

const NAME = /^[\w+=,.@-]+$/;
const LONGEST: Readonly<Record<EntityKind, number>> = { user: 64, role: 64, policy: 128 };
const PATH = /^\/(?:[!-.0-~]+\/)*$/;
const SESSION = /^[\w+=,.@-]{2,64}$/;

/** @throws BerthError ValidationError */
export function checkEntityName(kind: EntityKind, name: string): void {
  if (NAME.test(name) && name.length <= LONGEST[kind]) return;
  throw invalid(
    `${kind}Name is ${JSON.stringify(name.slice(0, 80))}; expected 1 to ${LONGEST[kind]} letters, digits and _ + = , . @ -`,
  );
}

/** @throws BerthError ValidationError */
export function checkPath(path: string): void {
  if (PATH.test(path) && path.length <= 512) return;
  throw invalid(
    `path is ${JSON.stringify(path.slice(0, 80))}; expected / or texts between slashes, at most 512 characters`,
  );
}

/** @throws BerthError ValidationError */
export function checkSessionName(name: string): void {
  if (SESSION.test(name)) return;
  throw invalid(
    `roleSessionName is ${JSON.stringify(name.slice(0, 80))}; expected 2 to 64 letters, digits and _ + = , . @ -`,
  );
}

function invalid(message: string): BerthError {
  return new BerthError('ValidationError', `${message}.`);
}
