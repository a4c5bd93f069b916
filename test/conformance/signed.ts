// Calls that no client of the tests makes: of services without a client here, and such as no client would send.
import { type RawAnswer, send } from '@berth/aws/testing/endpoint.ts';

import type { Ground } from './cases.ts';

/** Any body, signed with the key of the tests. @param target of X-Amz-Target; without it the body is that of a Query call */
export function signed(
  { plane }: Ground,
  how: {
    readonly service: string;
    readonly target?: string;
    readonly body: string | Uint8Array<ArrayBuffer>;
  },
): Promise<RawAnswer> {
  const { endpoint, accessKeyId, secretAccessKey } = plane;
  return send({ url: endpoint, credentials: { accessKeyId, secretAccessKey } }, how);
}

/** A call in the Query protocol, parameter by parameter. */
export function queried(
  on: Ground,
  service: string,
  parameters: Readonly<Record<string, string>>,
): Promise<RawAnswer> {
  return signed(on, { service, body: new URLSearchParams(parameters).toString() });
}
