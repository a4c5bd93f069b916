// The AWS endpoint beside an api, from its flags.
import type { ApiRole } from '@berth/api/start.ts';
import { startAws } from '@berth/aws/start.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { parseAddress } from '@berth/rpc/channel-options.ts';
import { readFileSync } from 'node:fs';

import type { Flags } from '../flags.ts';
import type { Ground, Start } from './run.ts';

export interface AwsConfig {
  /** HOST:PORT, or off. */
  readonly awsListen: string;
  /** Files in PEM. */
  readonly awsTls: { readonly certificate: string; readonly key: string } | undefined;
}

export const AWS_PORT = 7406;

export function awsConfig(flags: Flags): AwsConfig {
  const awsListen = flags.text('aws-listen') ?? `127.0.0.1:${AWS_PORT}`;
  if (awsListen !== 'off') checkAddress(flags, awsListen);
  const [certificate, key] = [flags.text('aws-tls-cert'), flags.text('aws-tls-key')];
  if ((certificate === undefined) !== (key === undefined)) {
    throw flags.wrong('--aws-tls-cert and --aws-tls-key belong together: give both or neither');
  }
  return {
    awsListen,
    awsTls: certificate !== undefined && key !== undefined ? { certificate, key } : undefined,
  };
}

function checkAddress(flags: Flags, text: string): void {
  try {
    parseAddress(text);
  } catch {
    throw flags.wrong(`--aws-listen must be HOST:PORT or off, found "${text}"`);
  }
}

/** The api, and the endpoint over its operations where one is wanted. */
export function apiStarts(
  api: (ground: Ground) => Promise<ApiRole>,
  { awsListen, awsTls }: AwsConfig,
  realm: Realm,
): readonly Start[] {
  if (awsListen === 'off') return [api];
  let started: ApiRole | undefined;
  return [
    async (ground) => (started = await api(ground)),
    ({ surroundings }) => {
      if (!started) throw new Error('the AWS endpoint was started before the api');
      const { handlers, access } = started;
      const tls = awsTls && {
        certificate: readPem(awsTls.certificate, '--aws-tls-cert'),
        key: readPem(awsTls.key, '--aws-tls-key'),
      };
      return startAws({ listen: awsListen, tls, realm, handlers, access }, surroundings);
    },
  ];
}

function readPem(path: string, flag: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new BerthError('Unavailable', `Can't read ${path}, the file of ${flag}`, { cause });
  }
}
