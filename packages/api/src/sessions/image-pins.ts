// Answers what agents ask about images: which digest the tag stands for in a service revision. The first finding is kept for
// good; who finds something else later is told the first.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { isBerthError } from '@berth/model/errors.ts';
import type {
  ImageAnswer,
  ImagePin,
  ImagePinsRecord,
  ImageQuestion,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardPresent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { StateCache, Stored } from '@berth/store/state.ts';
import type { Store } from '@berth/store/store.ts';

import { definitionOf } from '../views/definition.ts';
import { pinsOf, revisionOfTask } from '../views/image-pins.ts';
import type { Reporter } from './status-writer.ts';

export interface ImagePinsDeps {
  readonly store: Store;
  readonly cache: StateCache;
  readonly clock: Clock;
  readonly logger: Logger;
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const MOST_REASON = 1024;
/** How often a write is repeated at once on a newer view. */
const MOST_TRIES = 5;

/** Answer one question of the reporter's agent. @throws the signal's reason */
export async function answerAboutImage(
  { taskId, image, found }: ImageQuestion,
  reporter: Reporter,
  deps: ImagePinsDeps,
): Promise<ImageAnswer> {
  const answer = (pin: ImagePin): ImageAnswer => ({ taskId, image, answer: 'pinned', pin });
  const later: ImageAnswer = { taskId, image, answer: 'later' };
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const task = deps.cache.get(collections.tasks, reporter.cluster, taskId);
    if (task?.value.hostId !== reporter.hostId) return later; // it is told to forget it
    const revision = revisionOfTask(deps.cache, task.value);
    const known = pinsOf(deps.cache, reporter.cluster, revision).find((pin) => pin.image === image);
    if (known) return answer(known);
    if (revision === undefined || !isImageOf(deps.cache, task.value, image)) {
      const reason = 'The image is none of a task of a service.';
      return answer({ image, reason, hostId: reporter.hostId, at: deps.clock.now() });
    }
    if (!found) return { taskId, image, answer: 'find' };
    const { digest, reason } = found;
    if (digest !== undefined && !DIGEST.test(digest)) return { taskId, image, answer: 'find' };
    const pin: ImagePin = {
      image,
      digest,
      reason: digest === undefined ? reason?.slice(0, MOST_REASON) : undefined,
      hostId: reporter.hostId,
      at: deps.clock.now(),
    };
    if (!(await keep(pin, task, revision, reporter, deps))) return later;
  }
  return later;
}

function isImageOf(cache: StateCache, task: TaskRecord, image: string): boolean {
  const containers = definitionOf(cache, task.taskDefinition)?.containerDefinitions ?? [];
  return containers.some((container) => container.image === image);
}

/** @returns false when it could not be tried: ask later. After true the view shows what is kept now, this or another */
async function keep(
  pin: ImagePin,
  task: Stored<TaskRecord>,
  revision: string,
  reporter: Reporter,
  { store, cache, logger }: ImagePinsDeps,
): Promise<boolean> {
  const { cluster, service = '' } = task.value;
  const parts = [cluster, revision] as const;
  const stored = cache.get(collections.imagePins, ...parts);
  const pins = [...(stored?.value.pins ?? []), pin];
  const record: ImagePinsRecord = { cluster, service, revision, pins };
  try {
    const guards = [
      reporter.guard(),
      guardPresent(task),
      stored ? guardUnchanged(stored) : guardAbsent(collections.imagePins, ...parts),
    ];
    const puts = [putRecord(collections.imagePins, parts, record)];
    const result = await store.commit({ guards, puts, deletes: [] }, reporter.signal);
    await cache.reached(result.revision, reporter.signal);
    if (result.committed) logger.info({ ...pin, service, revision }, 'an image was pinned');
    return true;
  } catch (error) {
    if (reporter.signal.aborted || !isBerthError(error)) throw error;
    logger.warn({ err: error, image: pin.image, revision }, 'an image could not be pinned');
    return false;
  }
}
