// What targets are told of a person who has logged in: the claims as a token signed by the proxy, so that a target which checks it can't be
// deceived by somebody who reaches it past the proxy. Source: ALB reference, section 2.3 (x-amzn-oidc-data).
import {
  type KeyObject,
  createECDH,
  createHash,
  createPrivateKey,
  hkdfSync,
  sign,
} from 'node:crypto';

import type { CookieKey } from '@berth/model/generated/messages.ts';

const CURVE = 'prime256v1';
/** The order of the curve P-256. Source: SEC 2, section 2.4.2. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
/** More bits than the order has, so that the remainder is as good as uniform. Source: FIPS 186-5, A.2.1. */
const SEED_BYTES = 48;

export interface ClaimsSigner {
  /** Names the public key: `publicKey` of the same cookie key. */
  readonly keyId: string;
  /** The public half as a JWK. */
  readonly publicKey: {
    readonly kty: 'EC';
    readonly crv: 'P-256';
    readonly x: string;
    readonly y: string;
  };
  sign(claims: Readonly<Record<string, unknown>>, about: TokenHeader): string;
}

export interface TokenHeader {
  /** app/NAME/ID of the load balancer. */
  readonly signer: string;
  readonly issuer: string;
  readonly clientId: string;
  /** Seconds since the epoch. */
  readonly expires: number;
}

/** The signer that every proxy derives from the same cookie key. */
export function claimsSigner(key: CookieKey): ClaimsSigner {
  const seed = Buffer.from(hkdfSync('sha256', key.key, '', 'berth oidc claims', SEED_BYTES));
  const secret = (BigInt(`0x${seed.toString('hex')}`) % (ORDER - 1n)) + 1n;
  const d = Buffer.from(secret.toString(16).padStart(64, '0'), 'hex');
  const pair = createECDH(CURVE);
  pair.setPrivateKey(d);
  const point = pair.getPublicKey();
  const publicKey = {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  } as const;
  const jwk = { ...publicKey, d: d.toString('base64url') };
  const privateKey: KeyObject = createPrivateKey({ key: jwk, format: 'jwk' });
  const keyId = createHash('sha256').update(point).digest('hex').slice(0, 32);
  return {
    keyId,
    publicKey,
    sign: (claims, about) => {
      const header = {
        alg: 'ES256',
        kid: keyId,
        signer: about.signer,
        iss: about.issuer,
        client: about.clientId,
        exp: about.expires,
      };
      const body = { ...claims, exp: about.expires, iss: about.issuer };
      const text = `${padded(header)}.${padded(body)}`;
      const signature = sign('sha256', Buffer.from(text), {
        key: privateKey,
        dsaEncoding: 'ieee-p1363',
      });
      return `${text}.${padBase64(signature.toString('base64url'))}`;
    },
  };
}

/** ALB keeps the padding that JWTs leave out. */
function padded(value: object): string {
  return padBase64(Buffer.from(JSON.stringify(value)).toString('base64url'));
}

function padBase64(text: string): string {
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}
