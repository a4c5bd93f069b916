// How Berth's ends of a gRPC connection are set up, the same on both sides. The reasons are in the list of
// pitfalls (G2 to G14): grpc-js has no keepalive, follows proxies of the environment and waits up to two
// minutes between attempts unless told otherwise.
import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext, type SecureContext } from 'node:tls';

import { BerthError } from '@berth/model/errors.ts';
import { credentials, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';

import type { TlsIdentity } from './api.ts';

export const MESSAGE_LIMIT = 64 * 1024 * 1024;

const COMMON_OPTIONS = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.max_receive_message_length': MESSAGE_LIMIT,
  'grpc.max_send_message_length': MESSAGE_LIMIT,
  'grpc.enable_channelz': 0,
} satisfies ChannelOptions;

/** The server pings by itself, when it has heard nothing: see silence.ts. */
export const SERVER_OPTIONS: ChannelOptions = {
  ...COMMON_OPTIONS,
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
};

/** Towards our own servers: it is they that ping, and silence.ts judges them. */
export const OWN_KEEPALIVE: ChannelOptions = {
  'grpc.keepalive_time_ms': 15_000,
  'grpc.keepalive_timeout_ms': 20_000,
};

/** Also towards etcd, which ends connections that ping it more often than every 5 s. */
export const LINK_OPTIONS: ChannelOptions = {
  ...COMMON_OPTIONS,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 3_000,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc-node.flow_control_window': 1024 * 1024,
};

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** Parse HOST:PORT or [IPV6]:PORT. @throws BerthError InvalidParameterException */
export function parseAddress(address: string): HostAndPort {
  const [, bracketed, plain, digits] =
    /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6)) {
    throw new BerthError(
      'InvalidParameterException',
      `"${address}" is not an address: expected HOST:PORT, for instance 10.0.0.7:7400.`,
    );
  }
  return { host, port };
}

export function formatAddress({ host, port }: HostAndPort): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

const secureContexts = new WeakMap<TlsIdentity, SecureContext>();

/** Made once for an identity: it takes a millisecond, and who finds nobody dials again and again. */
function secureContextOf(identity: TlsIdentity): SecureContext {
  let context = secureContexts.get(identity);
  if (!context) {
    const { authority: ca, certificate: cert, key } = identity;
    context = createSecureContext({ ca, cert, key });
    secureContexts.set(identity, context);
  }
  return context;
}

interface LinkSettings {
  readonly target: string;
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/** What it takes to dial one address: the peer must show a certificate of our authority that names the host dialled. */
export function linkTo(address: string, tls: TlsIdentity): LinkSettings {
  const { host } = parseAddress(address);
  const family = isIP(host);
  const scheme = family === 4 ? 'ipv4' : family === 6 ? 'ipv6' : 'dns';
  return {
    target: `${scheme}:${address}`,
    credentials: credentials.createFromSecureContext(secureContextOf(tls), {
      checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    }),
    // TLS has no server name for an IP address; the check above is made against the address all the same.
    options: family === 0 ? {} : { 'grpc.ssl_target_name_override': 'berth.invalid' },
  };
}
