// What the controller needs of ACME: an account, an order, its challenges, a certificate. Source: RFC 8555.
import { type KeyObject, createHash, createPublicKey } from 'node:crypto';

import type { Clock } from '@berth/control/clock.ts';
import { BerthError } from '@berth/model/errors.ts';
import { FlattenedSign } from 'jose';

import type { HttpAnswer } from '../http-exchange.ts';
import type { Ask } from './https-client.ts';

export interface Challenge {
  readonly type: string;
  readonly url: string;
  readonly token: string;
  readonly status: string;
}

export interface Authorization {
  readonly url: string;
  readonly domain: string;
  readonly status: string;
  readonly challenges: readonly Challenge[];
}

export interface Order {
  readonly url: string;
  readonly status: string;
  readonly authorizations: readonly string[];
  readonly finalize: string;
  readonly certificate: string | undefined;
}

interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
}

const POLL_MS = 1_000;
/** How often a resource is looked at until it is ready; authorities answer within seconds. */
const POLLS = 60;
const NONCE_TRIES = 6;

export class AcmeClient {
  readonly #ask: Ask;
  readonly #directoryUrl: string;
  readonly #key: KeyObject;
  readonly #clock: Clock;
  #directory: Directory | undefined;
  #account: string | undefined;
  #nonce: string | undefined;

  /** @param key the account's, on the curve P-256 */
  constructor(ask: Ask, directoryUrl: string, key: KeyObject, clock: Clock) {
    this.#ask = ask;
    this.#directoryUrl = directoryUrl;
    this.#key = key;
    this.#clock = clock;
  }

  /** Finds the account of the key, or makes one. @param email undefined leaves the authority without an address */
  async register(email: string | undefined, signal: AbortSignal): Promise<void> {
    const { newAccount } = await this.#find(signal);
    const contact = email === undefined ? {} : { contact: [`mailto:${email}`] };
    const payload = { termsOfServiceAgreed: true, ...contact };
    const answer = await this.#post(newAccount, payload, signal);
    this.#account = required(answer.headers.location, newAccount, 'the address of the account');
  }

  async order(domains: readonly string[], signal: AbortSignal): Promise<Order> {
    const { newOrder } = await this.#find(signal);
    const identifiers = domains.map((value) => ({ type: 'dns', value }));
    const answer = await this.#post(newOrder, { identifiers }, signal);
    const url = required(answer.headers.location, newOrder, 'the address of the order');
    return readOrder(url, parse(answer, newOrder));
  }

  async authorization(url: string, signal: AbortSignal): Promise<Authorization> {
    const value = parse(await this.#post(url, undefined, signal), url);
    const identifier = value['identifier'] as { readonly value?: unknown } | undefined;
    return {
      url,
      domain: required(identifier?.value, url, 'a domain'),
      status: required(value['status'], url, 'a status'),
      challenges: list(value['challenges']).map((item) => readChallenge(item, url)),
    };
  }

  /** What stands at the place where the authority looks. Source: RFC 8555, section 8.1. */
  keyAuthorization(token: string): string {
    const { crv, kty, x, y } = this.#publicKey();
    const thumbprint = createHash('sha256')
      .update(JSON.stringify({ crv, kty, x, y }))
      .digest('base64url');
    return `${token}.${thumbprint}`;
  }

  /** Tells the authority that it may look. */
  async begin(challenge: Challenge, signal: AbortSignal): Promise<void> {
    await this.#post(challenge.url, {}, signal);
  }

  /** @throws BerthError ClientException with what the authority found when it has refused, DeadlineExceeded */
  async authorized(url: string, signal: AbortSignal): Promise<void> {
    await this.#until(url, signal, (value) => {
      const { status } = value;
      if (status === 'valid') return true;
      if (status === 'pending' || status === 'processing') return false;
      const found = list(value['challenges']).find(({ error }) => error !== undefined);
      throw new BerthError(
        'ClientException',
        `The certificate authority could not verify ${JSON.stringify(value['identifier'])}: ${detailOf(found?.['error'])}`,
      );
    });
  }

  /** @param request the certificate request, DER @returns the chain as PEM, leaf first */
  async certificate(order: Order, request: Buffer, signal: AbortSignal): Promise<string> {
    await this.#post(order.finalize, { csr: request.toString('base64url') }, signal);
    const done = await this.#until(order.url, signal, (value) => {
      if (value['status'] === 'valid') return true;
      if (value['status'] === 'processing' || value['status'] === 'ready') return false;
      throw new BerthError('ClientException', `The order failed: ${detailOf(value['error'])}`);
    });
    const url = required(done['certificate'], order.url, 'the address of a certificate');
    return (await this.#post(url, undefined, signal)).body;
  }

  async #until(url: string, signal: AbortSignal, done: (value: Json) => boolean): Promise<Json> {
    for (let poll = 0; poll < POLLS; poll += 1) {
      const value = parse(await this.#post(url, undefined, signal), url);
      if (done(value)) return value;
      await this.#clock.sleep(POLL_MS, signal);
    }
    throw new BerthError(
      'DeadlineExceeded',
      `${url} was not ready after ${POLLS} looks, ${POLL_MS} ms apart`,
    );
  }

  async #find(signal: AbortSignal): Promise<Directory> {
    if (this.#directory !== undefined) return this.#directory;
    const url = this.#directoryUrl;
    const value = parse(await this.#ask({ method: 'GET', url }, signal), url);
    this.#directory = {
      newNonce: required(value['newNonce'], url, 'newNonce'),
      newAccount: required(value['newAccount'], url, 'newAccount'),
      newOrder: required(value['newOrder'], url, 'newOrder'),
    };
    return this.#directory;
  }

  /** @param payload undefined reads the resource (POST-as-GET). Source: RFC 8555, sections 6.2 to 6.5. */
  async #post(url: string, payload: object | undefined, signal: AbortSignal): Promise<HttpAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      const nonce = await this.#takeNonce(signal);
      const who = this.#account === undefined ? { jwk: this.#publicKey() } : { kid: this.#account };
      const text = payload === undefined ? '' : JSON.stringify(payload);
      const signed = await new FlattenedSign(new TextEncoder().encode(text))
        .setProtectedHeader({ alg: 'ES256', nonce, url, ...who })
        .sign(this.#key);
      const body = JSON.stringify(signed);
      const answer = await this.#ask({ method: 'POST', url, body }, signal);
      const fresh = answer.headers['replay-nonce'];
      this.#nonce = typeof fresh === 'string' ? fresh : undefined;
      if (answer.status < 400) return answer;
      const problem = problemOf(answer);
      if (problem.type.endsWith(':badNonce') && attempt < NONCE_TRIES) continue;
      throw new BerthError(
        problem.type.endsWith(':rateLimited') ? 'LimitExceededException' : 'ClientException',
        `The certificate authority refused POST ${url} with status ${answer.status}: ${problem.detail}`,
      );
    }
  }

  async #takeNonce(signal: AbortSignal): Promise<string> {
    const kept = this.#nonce;
    this.#nonce = undefined;
    if (kept !== undefined) return kept;
    const { newNonce: url } = await this.#find(signal);
    const { headers } = await this.#ask({ method: 'HEAD', url }, signal);
    return required(headers['replay-nonce'], url, 'a nonce');
  }

  #publicKey(): {
    readonly kty: string;
    readonly crv: string;
    readonly x: string;
    readonly y: string;
  } {
    const {
      kty = '',
      crv = '',
      x = '',
      y = '',
    } = createPublicKey(this.#key).export({ format: 'jwk' });
    return { kty, crv, x, y };
  }
}

type Json = Readonly<Record<string, unknown>>;

function parse({ body }: HttpAnswer, url: string): Json {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null) return value as Json;
  } catch {
    // What came is shown below.
  }
  throw new BerthError('Unavailable', `${url} answered with no JSON: ${body.slice(0, 200)}`);
}

function list(value: unknown): readonly Json[] {
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is Json => typeof item === 'object' && item !== null);
}

function required(value: unknown, url: string, what: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new BerthError('Unavailable', `${url} did not give ${what}`);
}

function readOrder(url: string, value: Json): Order {
  const authorizations = Array.isArray(value['authorizations']) ? value['authorizations'] : [];
  return {
    url,
    status: required(value['status'], url, 'a status'),
    authorizations: authorizations.filter((item) => typeof item === 'string'),
    finalize: required(value['finalize'], url, 'where to finalize'),
    certificate: typeof value['certificate'] === 'string' ? value['certificate'] : undefined,
  };
}

function readChallenge(value: Json, url: string): Challenge {
  return {
    type: required(value['type'], url, 'the type of a challenge'),
    url: required(value['url'], url, 'the address of a challenge'),
    // Challenges that other clients take need not have one.
    token: typeof value['token'] === 'string' ? value['token'] : '',
    status: required(value['status'], url, 'the status of a challenge'),
  };
}

function detailOf(error: unknown): string {
  const detail = (error as { readonly detail?: unknown } | undefined)?.detail;
  return typeof detail === 'string' ? detail : 'it gave no reason';
}

/** Source: RFC 7807. */
function problemOf({ body }: HttpAnswer): { readonly type: string; readonly detail: string } {
  try {
    const value = JSON.parse(body) as Json;
    const type = typeof value['type'] === 'string' ? value['type'] : '';
    return { type, detail: detailOf(value) };
  } catch {
    return { type: '', detail: body.slice(0, 200) };
  }
}
