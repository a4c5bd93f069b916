// Was this request signed with the secret of the key that it names, as a whole, for this service, and just now?
// AWS Signature Version 4 in the Authorization header. Source: ECS reference, sections 1.3 and 1.4.
//
// What is stricter than AWS's own services: the payload must be signed (UNSIGNED-PAYLOAD and chunked signatures are
// refused), no signed header may be there twice, and signatures in the query string are refused.
import { createHash, timingSafeEqual } from 'node:crypto';

import type { AccessCredentials } from '@berth/model/access/principal.ts';

import {
  ALGORITHM,
  type Authorization,
  type SigningTime,
  basicTime,
  readAuthorization,
  readSigningTime,
} from './authorization.ts';
import { canonicalHeaderValue, canonicalPath, canonicalQuery } from './canonical.ts';
import { type AuthenticationFailure, NotAuthentic } from './failure.ts';
import { type SigningKeys, hmac } from './signing-keys.ts';

export interface SignedRequest {
  readonly method: string;
  /** Path and query as they stood in the request line: Node's `request.url`. */
  readonly target: string;
  /** Name, value, name, value ..., as they came: Node's `request.rawHeaders`. */
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
}

export interface Expectations {
  /**
   * The key, if it is there and active. For temporary credentials the token says which; a token that is not the key's
   * own has no credentials. Expired ones are given: the request then fails as such.
   */
  readonly lookup: (
    accessKeyId: string,
    sessionToken: string | undefined,
  ) => AccessCredentials | undefined | Promise<AccessCredentials | undefined>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly region: string;
  /** As it stands in scopes: ecs, elasticloadbalancing, application-autoscaling, sts ... */
  readonly service: string;
  /** One for the process. */
  readonly keys: SigningKeys;
}

export type Verdict =
  | { readonly authentic: true; readonly credentials: AccessCredentials }
  | { readonly authentic: false; readonly failure: AuthenticationFailure };

const SKEW_MS = 300_000;
const INVALID_TOKEN = 'The security token included in the request is invalid.';
const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';

/** Never throws, but for what the lookup throws. */
export async function verify(request: SignedRequest, expected: Expectations): Promise<Verdict> {
  try {
    return { authentic: true, credentials: await credentialsOf(request, expected) };
  } catch (error) {
    if (error instanceof NotAuthentic) return { authentic: false, failure: error.failure };
    throw error;
  }
}

async function credentialsOf(
  request: SignedRequest,
  expected: Expectations,
): Promise<AccessCredentials> {
  const headers = headersOf(request.rawHeaders);
  const [path, query] = splitTarget(request.target);
  const header = one(headers, 'authorization');
  if (header === undefined) throw missing(query);
  const authorization = readAuthorization(header);
  const time = readSigningTime(one(headers, 'x-amz-date'), one(headers, 'date'));
  checkScope(authorization, time, expected);
  checkTime(time, expected.now);
  checkSigned(headers, authorization, time);
  const token = one(headers, 'x-amz-security-token');
  const credentials = await expected.lookup(authorization.accessKeyId, token);
  if (credentials?.sessionToken !== token || credentials === undefined) {
    throw new NotAuthentic('unknown-key', INVALID_TOKEN);
  }
  if (credentials.expiresAt !== undefined && credentials.expiresAt <= expected.now) {
    throw new NotAuthentic(
      'expired-token',
      'The security token included in the request is expired',
    );
  }
  const hash = createHash('sha256').update(request.body).digest('hex');
  checkPayload(one(headers, 'x-amz-content-sha256'), hash);
  const canonical = [
    request.method,
    canonicalPath(path),
    canonicalQuery(query),
    ...authorization.signedHeaders.map(
      (name) => `${name}:${canonicalHeaderValue(one(headers, name) ?? '')}`,
    ),
    '',
    authorization.signedHeaders.join(';'),
    hash,
  ].join('\n');
  const { date, region, service } = authorization;
  const digest = createHash('sha256').update(canonical, 'latin1').digest('hex');
  const text = [ALGORITHM, time.text, `${date}/${region}/${service}/aws4_request`, digest];
  const key = expected.keys.of(credentials.secretAccessKey, authorization);
  if (!same(hmac(key, text.join('\n')), authorization.signature)) {
    throw new NotAuthentic('mismatch', MISMATCH);
  }
  return credentials;
}

function headersOf(raw: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const headers = new Map<string, string[]>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const values = headers.get(name);
    if (values) values.push(raw[index + 1] ?? '');
    else headers.set(name, [raw[index + 1] ?? '']);
  }
  return headers;
}

/** The only value of a header. @throws NotAuthentic when there are several: which one would count, is open */
function one(headers: ReadonlyMap<string, readonly string[]>, name: string): string | undefined {
  const [value, ...others] = headers.get(name) ?? [];
  if (others.length === 0) return value;
  throw new NotAuthentic('incomplete', `Header '${name}' is in the request more than once.`);
}

function splitTarget(target: string): readonly [string, string] {
  const mark = target.indexOf('?');
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
}

function missing(query: string): NotAuthentic {
  if (/(^|&)X-Amz-(Algorithm|Credential|Signature)=/i.test(query)) {
    return new NotAuthentic(
      'incomplete',
      'Requests that are signed in the query string are not accepted: sign them in the Authorization header.',
    );
  }
  return new NotAuthentic('missing', 'Missing Authentication Token');
}

function checkScope(
  { date, region, service }: Authorization,
  time: SigningTime,
  expected: Expectations,
): void {
  const wrong: string[] = [];
  if (region !== expected.region) {
    wrong.push(`Credential should be scoped to a valid region, not '${region}'.`);
  }
  if (service !== expected.service) {
    wrong.push(`Credential should be scoped to correct service: '${expected.service}'.`);
  }
  const day = time.text.slice(0, 8);
  if (date !== day) {
    const said = `'${time.text}'`;
    wrong.push(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${date}' != '${day}', from ${said}.`,
    );
  }
  if (wrong.length > 0) throw new NotAuthentic('mismatch', wrong.join(' '));
}

function checkTime({ ms, text }: SigningTime, now: number): void {
  const at = basicTime(now);
  if (ms < now - SKEW_MS) {
    throw new NotAuthentic(
      'expired',
      `Signature expired: ${text} is now earlier than ${basicTime(now - SKEW_MS)} (${at} - 5 min.)`,
    );
  }
  if (ms > now + SKEW_MS) {
    throw new NotAuthentic(
      'mismatch',
      `Signature not yet current: ${text} is still later than ${basicTime(now + SKEW_MS)} (${at} + 5 min.)`,
    );
  }
}

/** What decides who is asked for what must be under the signature. */
function checkSigned(
  headers: ReadonlyMap<string, readonly string[]>,
  { signedHeaders }: Authorization,
  time: SigningTime,
): void {
  const signed = new Set(signedHeaders);
  const absent = signedHeaders.find((name) => !headers.has(name));
  if (absent !== undefined) {
    throw new NotAuthentic(
      'mismatch',
      `'${absent}' is named in SignedHeaders, and there is no such header in the request.`,
    );
  }
  const needed = ['host', time.header, ...[...headers.keys()].filter(isAmz)];
  const unsigned = needed.find((name) => !signed.has(name));
  if (unsigned !== undefined) {
    throw new NotAuthentic(
      'mismatch',
      `'${unsigned}' must be a 'SignedHeader' in the AWS Authorization.`,
    );
  }
}

function isAmz(name: string): boolean {
  return name.startsWith('x-amz-');
}

function checkPayload(claimed: string | undefined, hash: string): void {
  if (claimed === undefined || claimed === hash) return;
  if (/^[0-9a-f]{64}$/.test(claimed)) {
    throw new NotAuthentic(
      'mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
  }
  throw new NotAuthentic(
    'mismatch',
    `x-amz-content-sha256 is '${claimed.slice(0, 60)}'; expected the SHA-256 of the body: the payload must be signed.`,
  );
}

function same(calculated: Buffer, given: string): boolean {
  const bytes = Buffer.from(/^[0-9a-f]{64}$/.test(given) ? given : '', 'hex');
  return bytes.length === calculated.length && timingSafeEqual(bytes, calculated);
}
