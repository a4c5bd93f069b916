// Images, each pulled once however many tasks want it. An image that is there by its name is used as it is;
// only a missing one is pulled (ECS's "prefer cached"): a host keeps starting what it knows when the
// registry is away, and a locally built image needs no registry.
import { Semaphore } from '@berth/control/semaphore.ts';

import { Flights } from '../flights.ts';
import { RuntimeError, type ImageFacts, type Runtime } from './runtime.ts';

const MAX_PULLS = 2;

export interface Images {
  /**
   * The image's facts, once it is on the host. Giving up leaves the pull to those who still wait; the last ends it.
   * @throws RuntimeError with the engine's or the registry's words
   */
  ensure(image: string, signal: AbortSignal): Promise<ImageFacts>;
}

/** @param onPull told of each finished pull */
export function createImages(runtime: Runtime, onPull: (outcome: 'ok' | 'failed') => void): Images {
  const flights = new Flights<ImageFacts>();
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

  return {
    async ensure(image, signal) {
      const local = await runtime.findImage(image, signal);
      if (local) return local;
      try {
        return await flights.join(image, (until) => pull(image, until), signal);
      } catch (error) {
        if (!signal.aborted) throw error;
        throw new RuntimeError('cancelled', 'pull', 'The pull was given up', error);
      }
    },
  };
}
