// The other side of lifecycle hooks: somebody's service that says yes, not yet, no, or nothing that arrives.
import type { Random } from '@berth/control/clock.ts';
import type { HookCaller } from '@berth/controller/hook-caller.ts';

import type { Process } from './process.ts';
import type { World } from './world.ts';

export class HookEndpoint {
  readonly #world: World;
  readonly #random: Random;
  /** Ids of hooks that it has said yes to. */
  readonly agreed = new Set<string>();
  /** From now on it says yes. */
  agreeable = false;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.randomOf('hooks');
  }

  callerOf(process: Process): HookCaller {
    return async ({ payload }, signal) => {
      const random = this.#random;
      const { hookId } = payload['executionDetails'] as { readonly hookId: string };
      await process.clock.sleep(10 + random() ** 3 * 8_000, signal);
      const choice = this.agreeable ? 1 : random();
      if (choice < 0.05) return { status: 'FAILED', reason: 'it said FAILED' };
      if (choice < 0.3) {
        return { status: 'IN_PROGRESS', callBackMs: 1_000 + Math.floor(random() * 20_000) };
      }
      this.agreed.add(hookId);
      this.#world.trace.note('hook', `${hookId} agreed`);
      if (choice < 0.33) return { status: 'FAILED', reason: 'it could not be asked' };
      return { status: 'SUCCEEDED' };
    };
  }
}
