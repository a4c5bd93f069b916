// `cluster.json` of a data directory: where a running `berth dev` is reached. It writes the file when it serves and
// removes it when it stops; every other command only reads it.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Environment } from './flags.ts';

export interface ClusterFile {
  readonly pid: number;
  /** HOST:PORT */
  readonly api: string;
  readonly cluster: string;
  readonly proxyUrl: string;
  readonly dockerHost: string;
  /** URL of /metrics, /healthz and /readyz. */
  readonly adminUrl: string;
  /** URL of the AWS endpoint. */
  readonly awsUrl: string;
  /** That requests to it are signed for. */
  readonly region: string;
  /** The sample, if any, has been deployed. */
  readonly ready: boolean;
  /** Directory of ca.crt, admin.crt and admin.key. */
  readonly tlsDirectory: string;
}

export const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

/** The data directory of `berth dev`: BERTH_DATA_DIR, else `.berth/dev` in the checkout. */
export function dataDirectory(environment: Environment): string {
  return resolve(environment['BERTH_DATA_DIR'] ?? join(CHECKOUT, '.berth/dev'));
}

const path = (directory: string): string => join(directory, 'cluster.json');

/** @returns undefined where no cluster serves on that data directory */
export function readClusterFile(directory: string): ClusterFile | undefined {
  try {
    return JSON.parse(readFileSync(path(directory), 'utf8')) as ClusterFile;
  } catch {
    return undefined;
  }
}

export function writeClusterFile(directory: string, file: ClusterFile): void {
  const staged = `${path(directory)}.new`;
  writeFileSync(staged, `${JSON.stringify(file, undefined, 2)}\n`);
  renameSync(staged, path(directory));
}

export function removeClusterFile(directory: string): void {
  rmSync(path(directory), { force: true });
}
