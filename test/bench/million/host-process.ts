// One of the load processes: some hundreds to thousands of simulated hosts. What they are comes by message, so do the
// orders; what they have said so far goes back with each answer.
import { countBuffersAsHeap } from '@berth/process/heap.ts';
import { createLogger } from '@berth/process/logger.ts';
import { type Authority, issue } from '@berth/rpc/authority.ts';

import { SimulatedHost } from './simulated-host.ts';

export interface HostsPlan {
  readonly authority: Authority;
  readonly api: readonly string[];
  /** Numbers of the hosts of this process, in the whole. */
  readonly numbers: readonly number[];
  readonly cpu: number;
  readonly memory: number;
}

export type HostsOrder =
  | { readonly of: 'begin'; readonly plan: HostsPlan }
  | { readonly of: 'count' }
  | { readonly of: 'lose'; readonly count: number };

/** Also the answer to every order. */
export interface HostsCount {
  readonly connected: number;
  readonly running: number;
  readonly stopped: number;
  /** Tasks that ran on hosts which were switched off. */
  readonly lost: number;
}

const ZONES = ['a', 'b', 'c'];
/** Certificates and connections that are made at a time. */
const AT_A_TIME = 32;

countBuffersAsHeap();
const said = { running: 0, stopped: 0 };
let lost = 0;
const hosts = new Map<number, SimulatedHost>();
const logger = createLogger({ level: 'error', to: 'stdout' });

function hostIdOf(number: number): string {
  return number.toString(16).padStart(32, '0');
}

async function begin({ authority, api, numbers, cpu, memory }: HostsPlan): Promise<void> {
  const left = [...numbers];
  const worker = async (): Promise<void> => {
    for (let number = left.shift(); number !== undefined; number = left.shift()) {
      const hostId = hostIdOf(number);
      const tls = await issue(authority, { role: 'host', name: hostId }, [], Date.now(), 1);
      const zone = ZONES[number % ZONES.length] ?? '';
      const plan = { hostId, name: `host-${number}`, api, tls, cpu, memory, zone };
      const host = new SimulatedHost(plan, said, logger);
      hosts.set(number, host);
      host.start();
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}

async function lose(count: number): Promise<void> {
  const fullest = [...hosts].sort(([, a], [, b]) => b.tasks - a.tasks).slice(0, count);
  for (const [number, host] of fullest) {
    lost += host.tasks;
    hosts.delete(number);
  }
  await Promise.all(fullest.map(([, host]) => host.lose()));
}

function count(): HostsCount {
  const connected = [...hosts.values()].filter((host) => host.connected).length;
  return { connected, ...said, lost };
}

async function obey(order: HostsOrder): Promise<void> {
  if (order.of === 'begin') await begin(order.plan);
  if (order.of === 'lose') await lose(order.count);
  process.send?.(count());
}

process.on('message', (order) => void obey(order as HostsOrder));
process.once('disconnect', () => process.exit(0));
