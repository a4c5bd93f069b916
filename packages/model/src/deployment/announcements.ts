// What was said to people and when, so that the same is not said again and again: the ring of a service's
// events is short, and repetition would push the cause out of it. Pure. Source: ECS reference, 6.4 and 15.51.

/** A message is repeated after so long while its cause lasts. */
export const REPEAT_AFTER_MS = 6 * 3_600_000;

export interface Announcements {
  readonly announced: Readonly<Record<string, number>>;
  readonly messages: readonly string[];
}

/** Something that holds now and should be known. */
export interface Concern {
  /** What it is about; the same trouble of the same thing has the same key. */
  readonly key: string;
  readonly message: string;
}

/**
 * Say what is new or was last said long ago, and forget what has passed.
 * @param isOver whether a trouble that was announced and is no concern now has passed
 */
export function announce(
  before: Readonly<Record<string, number>>,
  concerns: readonly Concern[],
  isOver: (key: string) => boolean,
  now: number,
): Announcements {
  const current = new Set(concerns.map(({ key }) => key));
  const announced = Object.fromEntries(
    Object.entries(before).filter(([key]) => current.has(key) || !isOver(key)),
  );
  const messages: string[] = [];
  for (const { key, message } of concerns) {
    const said = announced[key];
    if (said !== undefined && now < said + REPEAT_AFTER_MS) continue;
    announced[key] = now;
    messages.push(message);
  }
  return { announced, messages };
}
