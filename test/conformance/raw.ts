// Calls of Amazon ECS over plain HTTP: with any body, any operation, signed as the SDK signs or in another way.
import { SignatureV4 } from '@smithy/signature-v4';
import { createHash, createHmac } from 'node:crypto';

import type { Ground } from './cases.ts';
import { REALM } from './control-plane.ts';

const TARGET = 'AmazonEC2ContainerServiceV20141113';

class Sha256 {
  readonly #hash: { update(data: string | Uint8Array): unknown; digest(): Buffer };

  constructor(secret?: unknown) {
    this.#hash =
      secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Buffer);
  }

  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    throw new Error('a hash is used once');
  }
}

export interface Raw {
  readonly operation?: string;
  readonly body?: string;
  /** What is sent in its place once it is signed. */
  readonly sent?: string;
  readonly region?: string;
  readonly service?: string;
  readonly at?: Date;
  readonly key?: {
    readonly accessKeyId?: string;
    readonly secretAccessKey?: string;
    readonly sessionToken?: string;
  };
  readonly change?: (headers: Record<string, string>) => void;
}

/** A call of Amazon ECS as the SDK signs it, or not quite. @throws SyntaxError when the answer is no JSON */
export async function raw({ plane }: Ground, how: Raw) {
  const { operation = 'ListClusters', body = '{}', region = REALM.region, service = 'ecs' } = how;
  const { accessKeyId, secretAccessKey } = plane;
  const credentials = { accessKeyId, secretAccessKey, ...how.key };
  const { host, hostname } = new URL(plane.endpoint);
  const signer = new SignatureV4({ credentials, region, service, sha256: Sha256 });
  const unsigned = {
    method: 'POST',
    protocol: 'http:',
    hostname,
    path: '/',
    query: {},
    headers: {
      host,
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `${TARGET}.${operation}`,
    },
    body,
  };
  const { headers } = await signer.sign(unsigned, how.at ? { signingDate: how.at } : {});
  how.change?.(headers);
  const answer = await fetch(plane.endpoint, { method: 'POST', headers, body: how.sent ?? body });
  const text = await answer.text();
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    id: answer.headers.get('x-amzn-requestid'),
    date: answer.headers.get('date'),
    body: JSON.parse(text) as Record<string, unknown>,
  };
}
