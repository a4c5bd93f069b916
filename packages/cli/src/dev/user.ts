// The user of a one-machine cluster, who may do everything, and its access key: made at the first start and kept in the data
// directory, so that shells that were set up once go on working.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { isBerthError } from '@berth/model/errors.ts';

import type { Api } from '../connection.ts';

export const DEV_USER = 'dev';
const FILE = 'access-key.json';
const PRIVATE = 0o600;
const MOST_KEYS = 2;

export interface DevKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The key of the file, if there is one. */
export function readDevKey(dataDirectory: string): DevKey | undefined {
  try {
    const { accessKeyId, secretAccessKey } = JSON.parse(
      readFileSync(join(dataDirectory, FILE), 'utf8'),
    ) as Partial<DevKey>;
    if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string') return undefined;
    return { accessKeyId, secretAccessKey };
  } catch {
    return undefined; // none yet, or cut short: another is made
  }
}

/** @returns the key, and whether it was made now */
export async function ensureDevKey(
  { access }: Api,
  dataDirectory: string,
): Promise<readonly [DevKey, boolean]> {
  try {
    await access.CreateUser({ userName: DEV_USER });
  } catch (error) {
    if (!isBerthError(error, 'EntityAlreadyExists')) throw error;
  }
  await access.AttachPolicy({ userName: DEV_USER, policy: 'AdministratorAccess' });
  const { accessKeys } = await access.ListAccessKeys({ userName: DEV_USER });
  const kept = readDevKey(dataDirectory);
  if (kept && accessKeys.some(({ accessKeyId }) => accessKeyId === kept.accessKeyId)) {
    return [kept, false];
  }
  const [oldest] = accessKeys;
  if (oldest && accessKeys.length >= MOST_KEYS) {
    await access.DeleteAccessKey({ userName: DEV_USER, accessKeyId: oldest.accessKeyId });
  }
  const { accessKey } = await access.CreateAccessKey({ userName: DEV_USER });
  const made: DevKey = {
    accessKeyId: accessKey?.accessKeyId ?? '',
    secretAccessKey: accessKey?.secretAccessKey ?? '',
  };
  const path = join(dataDirectory, FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(made, undefined, 2)}\n`, { mode: PRIVATE });
  renameSync(`${path}.new`, path);
  return [made, true];
}
