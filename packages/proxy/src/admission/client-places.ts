// How many connections of clients this process takes, of all its listeners together: as many as leave it files enough for connections to
// targets, health checks, its session and its logs. One more is closed at once, before anything else suffers.
import { readFileSync } from 'node:fs';

/** For what is neither a connection of a client nor one to a target. */
const OWN_FILES = 64;
/** Of the rest: many clients are idle, and share connections to targets. */
const SHARE_OF_CLIENTS = 0.75;
const FEWEST = 8;

/** How many files this process may have open; infinity where the system does not say. Node.js has raised it as far as it may. */
export function openFileLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1');
    const found = /^Max open files +([0-9]+)/m.exec(limits)?.[1];
    return found === undefined ? Infinity : Number(found);
  } catch {
    return Infinity;
  }
}

export class ClientPlaces {
  readonly most: number;
  #taken = 0;

  constructor(files: number) {
    this.most = Math.max(FEWEST, Math.floor((files - OWN_FILES) * SHARE_OF_CLIENTS));
  }

  get taken(): number {
    return this.#taken;
  }

  /** @returns false when there is none; else `giveBack` must follow once */
  take(): boolean {
    if (this.#taken >= this.most) return false;
    this.#taken += 1;
    return true;
  }

  giveBack(): void {
    this.#taken -= 1;
  }
}
