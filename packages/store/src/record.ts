// From typed records to the store's entries and back. Writers build their transactions from these helpers;
// nobody else encodes values or names keys in guards.
import type { MessageName, MessageTypes } from '@berth/model/generated/messages.ts';
import { codec } from '@berth/rpc/codec.ts';

import { type Collection, type CollectionName, collections, keyOf, parseKey } from './keys.ts';
import type { Stored } from './state.ts';
import type { Entry, Guard, Put } from './store.ts';

/** The put that stores `value`; with a lease the record vanishes with it. */
export function putRecord<N extends MessageName>(
  of: Collection<N>,
  parts: readonly string[],
  value: MessageTypes[N],
  lease?: string,
): Put {
  return { key: keyOf(of, ...parts), value: codec(of.message).encode(value), lease };
}

/** Holds while the record is the one that was read. */
export function guardUnchanged(stored: Pick<Stored<unknown>, 'key' | 'modRevision'>): Guard {
  return { key: stored.key, modRevision: stored.modRevision };
}

/** Holds while there is no such record. */
export function guardAbsent(of: Collection, ...parts: readonly string[]): Guard {
  return { key: keyOf(of, ...parts), modRevision: 0 };
}

/** Holds while a record of that name exists since the same creation, whatever is in it. */
export function guardPresent(stored: Pick<Stored<unknown>, 'key' | 'createRevision'>): Guard {
  return { key: stored.key, createRevision: stored.createRevision };
}

/**
 * The typed record of an entry of a known collection.
 * @throws Error when the bytes are no such record
 */
export function decodeRecord<N extends MessageName>(
  of: Collection<N>,
  entry: Entry,
): Stored<MessageTypes[N]> {
  return stored(of, entry);
}

export interface DecodedEntry {
  readonly collection: CollectionName;
  readonly stored: Stored<unknown>;
  readonly parts: readonly string[];
}

/**
 * The record of an entry of any collection.
 * @throws Error when the key is of no collection that this version knows, or the bytes are no such record
 */
export function decodeEntry(entry: Entry): DecodedEntry {
  const parsed = parseKey(entry.key);
  if (!parsed) throw new Error(`${entry.key} is in no collection that this version knows`);
  const { collection, parts } = parsed;
  const record = stored(collection, entry);
  return { collection: collectionName(collection), stored: record, parts: flat(parts, record) };
}

/** A part of a key is a view of the key, which is slow to compare: the id in the record itself is the same text. */
function flat(parts: readonly string[], { value }: Stored<unknown>): readonly string[] {
  const { id } = value as { readonly id?: unknown };
  return id === parts.at(-1) ? [...parts.slice(0, -1), id as string] : parts;
}

const names = new Map<string, CollectionName>(
  Object.entries(collections).map(([name, of]) => [of.name, name as CollectionName]),
);

/** The name of a collection in `collections`. */
export function collectionName(of: Collection): CollectionName {
  const name = names.get(of.name);
  if (!name) throw new Error(`${of.name} is no collection`);
  return name;
}

function stored<N extends MessageName>(
  of: Collection<N>,
  { key, value, createRevision, modRevision }: Entry,
): Stored<MessageTypes[N]> {
  return new Decoded(key, codec(of.message).decode(value), createRevision, modRevision);
}

/** A million of them are held: the parts of the key are not held a second time. */
class Decoded<T> implements Stored<T> {
  readonly key: string;
  readonly value: T;
  readonly createRevision: number;
  readonly modRevision: number;

  constructor(key: string, value: T, createRevision: number, modRevision: number) {
    this.key = key;
    this.value = value;
    this.createRevision = createRevision;
    this.modRevision = modRevision;
  }

  get parts(): readonly string[] {
    const parsed = parseKey(this.key);
    if (!parsed) throw new Error(`${this.key} is in no collection that this version knows`);
    return parsed.parts;
  }
}
