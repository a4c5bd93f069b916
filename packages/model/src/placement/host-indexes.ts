// The indexes of one ledger, one for each shape of request, of which those used last are kept.
import { HostIndex } from './host-index.ts';
import type { Ledger } from './ledger.ts';
import type { PlacementSpec } from './spec.ts';

/** Bounds the memory of all indexes together: an entry, which is one host in one index, takes about 170 bytes. */
const MAX_ENTRIES = 500_000;
const MAX_INDEXES = 256;
const MIN_INDEXES = 4;

export class HostIndexes {
  readonly #ledger: Ledger;
  /** By shape, the one used last at the end. */
  readonly #kept = new Map<string, HostIndex>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** An index that serves this request until the next call. One that is not kept is built: linear in the hosts. */
  serve(spec: PlacementSpec): HostIndex {
    const { shape } = spec;
    const index = this.#kept.get(shape) ?? new HostIndex(this.#ledger, spec);
    this.#kept.delete(shape);
    this.#kept.set(shape, index);
    this.#evict();
    index.serve(spec);
    return index;
  }

  #evict(): void {
    const fair = Math.floor(MAX_ENTRIES / Math.max(1, this.#ledger.size));
    const limit = Math.min(MAX_INDEXES, Math.max(MIN_INDEXES, fair));
    for (const shape of this.#kept.keys()) {
      if (this.#kept.size <= limit) return;
      this.#kept.delete(shape);
    }
  }
}
