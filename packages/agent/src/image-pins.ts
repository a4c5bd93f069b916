// Which image a task of a service runs: the one that its tag stood for when the first task of the service revision needed it,
// on whichever host that was. Asks the control plane; where nobody knows yet, finds out and says so; the first to say so
// is right, for all. Source: ECS reference, section 6.10.
import type { Clock } from '@berth/control/clock.ts';
import type {
  ContainerDefinition,
  ImageFinding,
  ImagePin,
  ImageQuestion,
  TaskRecord,
} from '@berth/model/generated/messages.ts';

import { Flights } from './flights.ts';
import type { ImageQuestions } from './image-questions.ts';
import { byDigest, parseImageName } from './runtime/image-name.ts';
import type { Images } from './runtime/images.ts';
import { RuntimeError, type Runtime } from './runtime/runtime.ts';
import { retryDelayMs } from './transition-policy.ts';

/** Source: ECS reference, section 6.10. */
export const MAX_RESOLVE_TRIES = 3;
const ASK_AGAIN_MS = 1_000;

export interface ImagePinsOptions {
  readonly runtime: Runtime;
  readonly images: Images;
  readonly questions: ImageQuestions;
  readonly clock: Clock;
}

/** The task is one of a service, and its container's image may change behind its name. */
export function needsPin(task: TaskRecord, container: ContainerDefinition): boolean {
  return (
    task.service !== undefined &&
    container.versionConsistency !== 'disabled' &&
    parseImageName(container.image).digest === undefined
  );
}

/** The name to pull and create the container by. */
export function pinnedName(image: string, pin: ImagePin | undefined): string {
  return pin?.digest === undefined ? image : byDigest(image, pin.digest);
}

export class ImagePins {
  readonly #options: ImagePinsOptions;
  readonly #findings = new Flights<ImageFinding>();

  constructor(options: ImagePinsOptions) {
    this.#options = options;
  }

  /** Waits for the control plane while it is away. @throws RuntimeError when the image can't be had at all */
  async pinOf(task: TaskRecord, image: string, signal: AbortSignal): Promise<ImagePin> {
    const { questions, clock } = this.#options;
    let found: ImageFinding | undefined;
    for (;;) {
      const question: ImageQuestion = { taskId: task.id, image, found };
      const { answer, pin } = await questions.ask(question, signal);
      if (answer === 'pinned' && pin) return pin;
      if (answer === 'find') {
        // The tasks of one deployment that come to a host together look once.
        const look = (until: AbortSignal): Promise<ImageFinding> => this.#find(image, until);
        found = await this.#findings.join(`${task.owner} ${image}`, look, signal);
      } else await clock.sleep(ASK_AGAIN_MS, signal);
    }
  }

  async #find(image: string, signal: AbortSignal): Promise<ImageFinding> {
    const { runtime, images } = this.#options;
    const local = await runtime.findImage(image, signal);
    if (local && local.digest === undefined) {
      return { reason: 'The image has never been in a registry.' };
    }
    const answer = await this.#resolve(image, signal);
    if (typeof answer === 'string') return { digest: answer };
    if (local) return { reason: answer.message };
    // Perhaps only the question failed. A pull that fails has words of its own.
    const { digest } = await images.ensure(image, signal);
    return digest === undefined ? { reason: answer.message } : { digest };
  }

  async #resolve(image: string, signal: AbortSignal): Promise<string | RuntimeError> {
    const { runtime, clock } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        return await runtime.resolveImage(image, signal);
      } catch (error) {
        if (!(error instanceof RuntimeError) || !isOfRegistry(error)) throw error;
        if (tries === MAX_RESOLVE_TRIES || isFinal(error)) return error;
      }
      await clock.sleep(retryDelayMs(tries), signal);
    }
  }
}

/** It says nothing of the registry when the engine itself is away or the caller has given up. */
function isOfRegistry({ kind }: RuntimeError): boolean {
  return kind !== 'engine' && kind !== 'cancelled';
}

function isFinal({ kind }: RuntimeError): boolean {
  return kind === 'gone' || kind === 'invalid';
}
