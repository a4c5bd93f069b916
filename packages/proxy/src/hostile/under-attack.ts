// Runs an attack while well-behaved clients use the same proxy, and says what must be true of the proxy whatever the attack is: nobody
// else notices, its memory stays small, and nothing is left when it is over.
import assert from 'node:assert/strict';

import { until } from '../testing/data-path.ts';
import { Load } from '../testing/load.ts';

import type { Held, ProxyProcess } from './proxy-process.ts';

/** More than any attack may take of the proxy, however long it goes on; much less than it sends or asks for. */
const MOST_MEMORY = 48 * 1024 * 1024;
/** While an attack goes on, at least so many requests of others are served. */
const FEWEST_SERVED = 20;

export interface Siege {
  readonly port: number;
  /** What the proxy holds now; fails when that is too much memory. */
  look(): Promise<Held>;
  until(what: string, holds: (held: Held) => boolean): Promise<Held>;
  /** Waits until others have been served, and has a look. To be called at the height of the attack. */
  othersAreServed(): Promise<void>;
}

/** @param attack ends when it has been beaten off */
export async function besiege(
  proxy: ProxyProcess,
  attack: (siege: Siege) => Promise<void>,
): Promise<void> {
  const { memory } = await proxy.until('idle', ({ connections }) => connections === 0);
  const bounded = (held: Held): Held => {
    const grown = held.memory - memory;
    assert.ok(grown < MOST_MEMORY, `the proxy has taken ${grown} bytes`);
    return held;
  };
  const look = async (): Promise<Held> => bounded(await proxy.held());
  const load = new Load(proxy.port, 2);
  const othersAreServed = async (): Promise<void> => {
    const before = load.served;
    await until('others are served', () => load.served >= before + FEWEST_SERVED);
    await look();
  };
  try {
    const seen = async (what: string, holds: (held: Held) => boolean): Promise<Held> =>
      bounded(await proxy.until(what, holds));
    await othersAreServed();
    await attack({ port: proxy.port, look, until: seen, othersAreServed });
    await othersAreServed();
  } finally {
    const { failures } = await load.stop();
    assert.deepEqual(failures, [], 'no other client has noticed');
  }
  const left = await proxy.until(
    'nothing is left',
    ({ connections, inFlight }) => connections === 0 && inFlight === 0,
  );
  bounded(left);
  assert.ok(left.well, 'the target of the others is not blamed');
}
