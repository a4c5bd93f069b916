// An identity provider for tests: OpenID Connect's authorization code flow and published keys over HTTP, with one person who may log in.
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { type CryptoKey, type JWK, SignJWT, exportJWK, generateKeyPair } from 'jose';

export interface IssuerOptions {
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** Claims besides `sub`. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly accessTokenSeconds?: number;
}

interface Grant {
  readonly nonce: string;
  readonly redirectUri: string;
}

export class Issuer {
  readonly clientId: string;
  readonly clientSecret: string;
  claims: Readonly<Record<string, unknown>>;
  /** The page clicks its own link, for a browser without hands. */
  clicks = false;
  /** What it has been asked for: `token code`, `token refresh`, `userinfo`, `keys`. */
  readonly asked: string[] = [];
  /** Answers that a test wants instead of its own, by path. */
  readonly instead = new Map<string, (response: ServerResponse) => void>();
  readonly #server: Server;
  readonly #accessTokenSeconds: number | undefined;
  readonly #grants = new Map<string, Grant>();
  readonly #refreshTokens = new Set<string>();
  readonly #accessTokens = new Set<string>();
  #keys: { readonly id: string; readonly key: CryptoKey; readonly jwk: JWK }[] = [];

  constructor(options: IssuerOptions = {}) {
    this.clientId = options.clientId ?? 'berth-test';
    this.clientSecret = options.clientSecret ?? 'a secret: 100%';
    this.claims = options.claims ?? { email: 'ada@example.com' };
    this.#accessTokenSeconds = options.accessTokenSeconds;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    });
  }

  async start(): Promise<void> {
    await this.rotateKeys();
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on tokens are signed by a new key; those of the old ones are no longer published. */
  async rotateKeys(): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair('RS256');
    const id = randomBytes(4).toString('hex');
    const jwk = { ...(await exportJWK(publicKey)), kid: id, use: 'sig', alg: 'RS256' };
    this.#keys = [{ id, key: privateKey, jwk }];
  }

  /** @param header overrides; undefined leaves a member out */
  async token(
    claims: Readonly<Record<string, unknown>>,
    header: { readonly kid?: string | undefined } = {},
  ): Promise<string> {
    const [signing] = this.#keys;
    if (signing === undefined) throw new Error('the issuer has not started');
    const kid = 'kid' in header ? header.kid : signing.id;
    return new SignJWT({ iss: this.url, ...claims })
      .setProtectedHeader({ alg: 'RS256', ...(kid === undefined ? {} : { kid }) })
      .sign(signing.key);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const instead = this.instead.get(url.pathname);
    if (instead !== undefined) {
      instead(response);
      return;
    }
    switch (url.pathname) {
      case '/keys':
        this.asked.push('keys');
        json(response, 200, { keys: this.#keys.map(({ jwk }) => jwk) });
        return;
      case '/authorize':
        this.#authorize(url, response);
        return;
      case '/token':
        await this.#token(request, response);
        return;
      case '/userinfo': {
        this.asked.push('userinfo');
        const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
        if (this.#accessTokens.has(token)) json(response, 200, { sub: 'ada', ...this.claims });
        else json(response, 401, { error: 'invalid_token' });
        return;
      }
      default:
        json(response, 404, { error: 'not_found' });
    }
  }

  /** Shows a page with one button; whoever follows its link is Ada. */
  #authorize(url: URL, response: ServerResponse): void {
    const query = url.searchParams;
    const redirectUri = query.get('redirect_uri') ?? '';
    const wrong = query.get('client_id') !== this.clientId || query.get('response_type') !== 'code';
    if (wrong || !(query.get('scope') ?? '').split(' ').includes('openid')) {
      json(response, 400, { error: 'invalid_request' });
      return;
    }
    const code = randomBytes(16).toString('base64url');
    this.#grants.set(code, { nonce: query.get('nonce') ?? '', redirectUri });
    const back = new URL(redirectUri);
    back.searchParams.set('code', code);
    back.searchParams.set('state', query.get('state') ?? '');
    response.writeHead(200, { 'content-type': 'text/html' });
    const link = back.href.replaceAll('&', '&amp;');
    const page = `<!doctype html><title>Log in</title><a id="login" href="${link}">Log in as Ada</a>`;
    response.end(
      this.clicks ? `${page}<script>document.getElementById('login').click()</script>` : page,
    );
  }

  async #token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const encoded = [this.clientId, this.clientSecret].map(encodeURIComponent).join(':');
    const expected = `Basic ${Buffer.from(encoded).toString('base64')}`;
    if (request.headers.authorization !== expected) {
      json(response, 401, { error: 'invalid_client' });
      return;
    }
    const refreshing = form.get('grant_type') === 'refresh_token';
    this.asked.push(refreshing ? 'token refresh' : 'token code');
    const grant = this.#grants.get(form.get('code') ?? '');
    const good = refreshing
      ? this.#refreshTokens.delete(form.get('refresh_token') ?? '')
      : grant !== undefined && grant.redirectUri === form.get('redirect_uri');
    if (!good) {
      json(response, 400, { error: 'invalid_grant' });
      return;
    }
    this.#grants.delete(form.get('code') ?? '');
    const accessToken = randomBytes(12).toString('base64url');
    const refreshToken = randomBytes(12).toString('base64url');
    this.#accessTokens.add(accessToken);
    this.#refreshTokens.add(refreshToken);
    const now = Math.floor(Date.now() / 1000);
    const idToken = await this.token({
      sub: 'ada',
      aud: this.clientId,
      nonce: grant?.nonce,
      exp: now + 300,
    });
    json(response, 200, {
      access_token: accessToken,
      token_type: 'Bearer',
      refresh_token: refreshToken,
      expires_in: this.#accessTokenSeconds,
      id_token: idToken,
    });
  }
}

/** What the browser would send back after a click on the page's link. */
export function loginLink(html: string): string {
  const link = /href="([^"]+)"/.exec(html)?.[1];
  if (link === undefined) throw new Error(`no link in ${html}`);
  return link.replaceAll('&amp;', '&');
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
