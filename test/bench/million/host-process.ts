// One of the load processes: some hundreds to thousands of simulated hosts. What they are comes by message, so do the
// orders; what they have said so far goes back with each answer.
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
  | { readonly of: 'lose'; readonly numbers: readonly number[] };

/** Also the answer to every order. */
export interface HostsCount {
  readonly connected: number;
  readonly running: number;
  readonly stopped: number;
}

const ZONES = ['a', 'b', 'c'];
/** Certificates and connections that are made at a time. */
const AT_A_TIME = 32;

const said = { running: 0, stopped: 0 };
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

async function lose(numbers: readonly number[]): Promise<void> {
  await Promise.all(numbers.map(async (number) => hosts.get(number)?.lose()));
  for (const number of numbers) hosts.delete(number);
}

function count(): HostsCount {
  const connected = [...hosts.values()].filter((host) => host.connected).length;
  return { connected, ...said };
}

async function obey(order: HostsOrder): Promise<void> {
  if (order.of === 'begin') await begin(order.plan);
  if (order.of === 'lose') await lose(order.numbers);
  process.send?.(count());
}

process.on('message', (order) => void obey(order as HostsOrder));
process.once('disconnect', () => process.exit(0));
