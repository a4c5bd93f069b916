// Finds the api and the identity to show it: flags, then the environment, then the running `berth dev`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Client, TlsIdentity } from '@berth/rpc/api.ts';

import { type ClusterFile, dataDirectory, readClusterFile } from './cluster-file.ts';
import { CommandError, exitCodes } from './failure.ts';
import type { Environment, Flags } from './flags.ts';

export interface Api {
  readonly ecs: Client<'Ecs'>;
  readonly loadBalancing: Client<'LoadBalancing'>;
  readonly access: Client<'Access'>;
  readonly operations: Client<'Operations'>;
  close(): void;
}

export interface Location {
  readonly addresses: readonly string[];
  readonly tlsDirectory: string;
  readonly file: ClusterFile | undefined;
}

/** @throws CommandError when nothing says where the api is */
export function locate(flags: Flags, environment: Environment): Location {
  const directory = dataDirectory(environment);
  const file = readClusterFile(directory);
  const addresses = flags.text('api')?.split(',').filter(Boolean) ?? (file ? [file.api] : []);
  if (addresses.length === 0) {
    throw new CommandError(
      exitCodes.unavailable,
      `found no cluster to talk to: neither --api nor BERTH_API is set, and no berth dev runs on ${directory}`,
      { next: 'npx berth dev' },
    );
  }
  const tlsDirectory = environment['BERTH_TLS_DIR'] ?? file?.tlsDirectory ?? '/etc/berth/tls';
  return { addresses, tlsDirectory, file };
}

/** @throws CommandError when a file is missing; `name`.crt and `name`.key are the identity */
export function readIdentity(directory: string, name: string): TlsIdentity {
  const read = (file: string): string => {
    try {
      return readFileSync(join(directory, file), 'utf8');
    } catch (cause) {
      throw new CommandError(
        exitCodes.failed,
        `can't read ${join(directory, file)}, which the connections between roles need`,
        {
          cause,
          next: 'set BERTH_TLS_DIR, or: berth certificate create-authority; berth certificate issue ...',
        },
      );
    }
  };
  return {
    certificate: read(`${name}.crt`),
    key: read(`${name}.key`),
    authority: read('ca.crt'),
  };
}

/** Connect lazily: nothing is loaded or dialled before the first call. */
export async function connectApi(location: Location): Promise<Api> {
  const { connect } = await import('@berth/rpc/client.ts');
  const connection = connect({
    addresses: location.addresses,
    tls: readIdentity(location.tlsDirectory, 'admin'),
  });
  return {
    ecs: connection.client('Ecs'),
    loadBalancing: connection.client('LoadBalancing'),
    access: connection.client('Access'),
    operations: connection.client('Operations'),
    close: () => connection.close(),
  };
}
