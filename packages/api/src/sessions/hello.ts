// How every stream from an agent or proxy begins: its first message says what it is about, and comes soon.
import type { Clock } from '@berth/control/clock.ts';
import { withDeadline } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';

const FIRST_MESSAGE_MS = 10_000;

/**
 * The first message's part that `pick` takes from it; `rest` goes on after it.
 * @throws BerthError InvalidParameterException when it has no such part, DeadlineExceeded when it does not come in time
 */
export async function firstMessage<M, T>(
  rest: AsyncIterator<M>,
  pick: (message: M) => T | undefined,
  what: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  const step = await withDeadline(
    rest.next(),
    FIRST_MESSAGE_MS,
    clock,
    signal,
    `waiting for "${what}", the first message of a stream,`,
  );
  const found = step.done ? undefined : pick(step.value);
  if (found !== undefined) return found;
  throw new BerthError(
    'InvalidParameterException',
    `The first message of a stream must be "${what}"; found ${step.done ? 'its end' : 'another'}.`,
  );
}
