// Images, each pulled once however many tasks want it. An image that is there by its name is used as it is;
// only a missing one is pulled (ECS's "prefer cached"): a host keeps starting what it knows when the
// registry is away, and a locally built image needs no registry.
import { abortable, childScope } from '@berth/control/scope.ts';
import { Semaphore } from '@berth/control/semaphore.ts';

import { RuntimeError, type ImageFacts, type Runtime } from './runtime.ts';

const MAX_PULLS = 2;

interface Flight {
  readonly done: Promise<ImageFacts>;
  readonly abort: () => void;
  waiters: number;
}

export interface Images {
  /**
   * The image's facts, once it is on the host. Giving up leaves the pull to those who still wait; the last ends it.
   * @throws RuntimeError with the engine's or the registry's words
   */
  ensure(image: string, signal: AbortSignal): Promise<ImageFacts>;
}

/** @param onPull told of each finished pull */
export function createImages(runtime: Runtime, onPull: (outcome: 'ok' | 'failed') => void): Images {
  const flights = new Map<string, Flight>();
  const slots = new Semaphore(MAX_PULLS);

  async function pull(image: string, signal: AbortSignal): Promise<ImageFacts> {
    return await slots.run(signal, async () => {
      try {
        await runtime.pull(image, signal);
        const facts = await runtime.findImage(image, signal);
        if (!facts) {
          throw new RuntimeError('server', 'pull', 'the pull ended but the image is not there');
        }
        onPull('ok');
        return facts;
      } catch (error) {
        onPull('failed');
        throw error;
      }
    });
  }

  function begin(image: string): Flight {
    const scope = childScope();
    const flight = { done: pull(image, scope.signal), abort: () => scope.abort(), waiters: 0 };
    flights.set(image, flight);
    const end = (): void => {
      if (flights.get(image) === flight) flights.delete(image);
    };
    flight.done.then(end, end); // its waiters are told how it went
    return flight;
  }

  return {
    async ensure(image, signal) {
      const local = await runtime.findImage(image, signal);
      if (local) return local;
      const flight = flights.get(image) ?? begin(image);
      flight.waiters += 1;
      try {
        return await abortable(flight.done, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
        throw new RuntimeError('cancelled', 'pull', 'The pull was given up', error);
      } finally {
        flight.waiters -= 1;
        if (flight.waiters === 0) {
          if (flights.get(image) === flight) flights.delete(image);
          flight.abort();
        }
      }
    },
  };
}
