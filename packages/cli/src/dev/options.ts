import { dataDirectory } from '../cluster-file.ts';
import type { Environment, Flags } from '../flags.ts';
import { resolve } from 'node:path';

export interface DevOptions {
  readonly dataDirectory: string;
  readonly ports: {
    readonly api: number;
    readonly scheduler: number;
    readonly etcdClient: number;
    readonly etcdPeer: number;
    readonly admin: number;
    readonly console: number;
    readonly aws: number;
    readonly http: number;
  };
  readonly fresh: boolean;
  readonly sample: boolean;
  readonly plain: boolean;
}

const PORT_BASE = 7400;
const HTTP_PORT = 8080;
const PORT_MAX = 65_535;
const PORTS_FROM_BASE = 7;

/** @throws UsageError */
export function devOptions(flags: Flags, environment: Environment): DevOptions {
  const base = flags.integer('port-base', { min: 1, max: PORT_MAX - PORTS_FROM_BASE }) ?? PORT_BASE;
  const directory = flags.text('data-dir');
  return {
    dataDirectory: directory === undefined ? dataDirectory(environment) : resolve(directory),
    ports: {
      api: base,
      scheduler: base + 1,
      etcdClient: base + 2,
      etcdPeer: base + 3,
      admin: base + 4,
      console: base + 5,
      aws: base + 6,
      http: flags.integer('http-port', { min: 1, max: PORT_MAX }) ?? HTTP_PORT,
    },
    fresh: flags.on('fresh'),
    sample: !flags.on('no-sample'),
    plain: flags.on('plain'),
  };
}
