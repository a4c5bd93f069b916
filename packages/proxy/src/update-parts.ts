// An update that is too large for one message comes in parts; only all of them together are one.
import { BerthError } from '@berth/model/errors.ts';
import type { RoutingUpdate } from '@berth/model/generated/messages.ts';

/** Records of an update in parts: several times what a proxy is made for. */
const MOST_RECORDS = 1_000_000;

export class UpdateParts {
  #parts: RoutingUpdate[] = [];
  #records = 0;

  /**
   * @returns the whole update when this was its last part
   * @throws BerthError LimitExceededException when it does not end
   */
  take(part: RoutingUpdate): RoutingUpdate | undefined {
    this.#parts.push(part);
    this.#records += Object.values(part)
      .filter((value) => Array.isArray(value))
      .reduce((sum, list) => sum + list.length, 0);
    if (this.#records > MOST_RECORDS) {
      throw new BerthError(
        'LimitExceededException',
        `A routing update of more than ${MOST_RECORDS} records does not fit into this proxy.`,
      );
    }
    if (part.more) return undefined;
    const parts = this.#parts;
    this.#parts = [];
    this.#records = 0;
    return parts.length === 1 ? part : joined(parts);
  }
}

/** Lists one after the other; the rest as the last part, or for what any part says, says it. */
function joined(parts: readonly RoutingUpdate[]): RoutingUpdate {
  const whole: Record<string, unknown> = { ...parts.at(-1) };
  for (const [name, value] of Object.entries(whole)) {
    if (Array.isArray(value)) {
      whole[name] = parts.flatMap((part) => part[name as keyof RoutingUpdate] as unknown[]);
    }
  }
  whole['snapshot'] = parts[0]?.snapshot;
  whole['acmeChanged'] = parts.some(({ acmeChanged }) => acmeChanged);
  return whole as unknown as RoutingUpdate;
}
