// A health check over HTTP/2: of HTTP2 groups a GET, of GRPC groups a call whose status counts. Source: ALB reference, section 3.3.
import { type ClientHttp2Session, type IncomingHttpHeaders, connect } from 'node:http2';

import type { ProbeOutcome } from '@berth/model/routing/target-health.ts';

export interface Http2Check {
  readonly address: string;
  readonly port: number;
  readonly authority: string;
  readonly path: string;
  readonly grpc: boolean;
  readonly secure: boolean;
  readonly userAgent: string;
}

/** A gRPC message of no bytes: every field of the request has its default. */
const EMPTY_MESSAGE = Buffer.alloc(5);
/** Source: gRPC's health checking protocol: `status` is SERVING. */
const HEALTH_SERVICE = '/grpc.health.v1.Health/Check';
const SERVING = Buffer.from('00000000020801', 'hex');
const NOT_SERVING = 14;
const LONGEST_MESSAGE = 1_024;

/** @throws when the path or the port is none */
export function checkHttp2(
  check: Http2Check,
  end: (outcome: ProbeOutcome) => void,
): { abandon(): void } {
  const { address, port, secure } = check;
  const host = address.includes(':') ? `[${address}]` : address;
  const session = connect(`${secure ? 'https' : 'http'}://${host}:${port}`, {
    rejectUnauthorized: false,
    settings: { enablePush: false },
  });
  session.on('error', () => end({ kind: 'failed' }));
  session.on('close', () => end({ kind: 'failed' }));
  if (check.grpc) call(session, check, end);
  else get(session, check, end);
  return { abandon: () => session.destroy() };
}

function get(
  session: ClientHttp2Session,
  { authority, path, userAgent }: Http2Check,
  end: (outcome: ProbeOutcome) => void,
): void {
  const stream = session.request({
    ':method': 'GET',
    ':path': path,
    ':authority': authority,
    'user-agent': userAgent,
  });
  stream.on('error', () => end({ kind: 'failed' }));
  stream.on('response', (headers) => end({ kind: 'answered', code: headers[':status'] ?? 0 }));
  stream.on('close', () => end({ kind: 'failed' }));
  stream.resume();
}

function call(
  session: ClientHttp2Session,
  { authority, path, userAgent }: Http2Check,
  end: (outcome: ProbeOutcome) => void,
): void {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    ':authority': authority,
    'content-type': 'application/grpc',
    'user-agent': userAgent,
    te: 'trailers',
  });
  let status: number | undefined;
  let message = Buffer.alloc(0);
  const read = (value: unknown): void => {
    if (typeof value === 'string' && /^[0-9]{1,2}$/.test(value)) status = Number(value);
  };
  stream.on('error', () => end({ kind: 'failed' }));
  stream.on('response', (headers) => read(headers['grpc-status']));
  stream.on('trailers', (trailers: IncomingHttpHeaders) => read(trailers['grpc-status']));
  stream.on('data', (chunk: Buffer) => {
    if (message.length < LONGEST_MESSAGE) message = Buffer.concat([message, chunk]);
  });
  stream.on('end', () => {
    if (status === undefined) end({ kind: 'failed' });
    else end({ kind: 'answered', code: healthOf(path, status, message) });
  });
  stream.on('close', () => end({ kind: 'failed' }));
  stream.end(EMPTY_MESSAGE);
}

/** Of gRPC's own health service the answer counts too: OK only says that it has answered. */
function healthOf(path: string, status: number, message: Buffer): number {
  if (path !== HEALTH_SERVICE || status !== 0) return status;
  return message.equals(SERVING) ? 0 : NOT_SERVING;
}
