// What makes a transaction acceptable, and how transactions are put together. Both stores refuse the same
// ones, before anything is sent: etcd's own refusals come late and in worse words. Pure.
import { invariant } from '@berth/model/assert.ts';
import { BerthError } from '@berth/model/errors.ts';

import type { Guard, Put, Transaction } from './store.ts';

/** etcd's default `--max-txn-ops`: it counts the longer of comparisons and operations. */
export const MAX_OPERATIONS = 128;
/** Below etcd's `--max-request-bytes` of 1.5 MiB, with room for the protocol. */
export const MAX_TRANSACTION_BYTES = 1024 * 1024;

/** A transaction with what is left out empty. */
export function transaction(parts: Partial<Transaction>): Transaction {
  return { guards: parts.guards ?? [], puts: parts.puts ?? [], deletes: parts.deletes ?? [] };
}

/**
 * One transaction that does all of these or nothing. Equal guards are kept once.
 * @throws InvariantError when two of them write the same key
 */
export function mergeTransactions(...transactions: readonly Partial<Transaction>[]): Transaction {
  const guards = new Map<string, Guard>();
  const puts: Put[] = [];
  const deletes: string[] = [];
  for (const one of transactions) {
    for (const guard of one.guards ?? []) guards.set(guardId(guard), guard);
    puts.push(...(one.puts ?? []));
    deletes.push(...(one.deletes ?? []));
  }
  const merged = { guards: [...guards.values()], puts, deletes };
  refuseDuplicates(merged);
  return merged;
}

/** Equal for guards that demand the same of the same key. */
function guardId(guard: Guard): string {
  return 'createRevision' in guard
    ? `c${guard.createRevision} ${guard.key}`
    : `m${guard.modRevision} ${guard.key}`;
}

/** Does the guard hold for a key in this state? Absent keys have revision 0. */
export function guardHolds(
  guard: Guard,
  found: { readonly createRevision: number; readonly modRevision: number } | undefined,
): boolean {
  return 'createRevision' in guard
    ? (found?.createRevision ?? 0) === guard.createRevision
    : (found?.modRevision ?? 0) === guard.modRevision;
}

/** How many bytes of etcd's request limit the transaction takes, with 48 bytes for the frame of each part. */
export function transactionBytes(of: Transaction): number {
  let bytes = 0;
  for (const guard of of.guards) bytes += 48 + guard.key.length;
  for (const put of of.puts) bytes += 48 + put.key.length + put.value.length;
  for (const key of of.deletes) bytes += 48 + key.length;
  return bytes;
}

/**
 * @throws BerthError LimitExceededException when the transaction is too large
 * @throws InvariantError when it writes a key twice
 */
export function checkTransaction(of: Transaction): void {
  const operations = of.puts.length + of.deletes.length;
  const bytes = transactionBytes(of);
  if (
    operations > MAX_OPERATIONS ||
    of.guards.length > MAX_OPERATIONS ||
    bytes > MAX_TRANSACTION_BYTES
  ) {
    throw new BerthError(
      'LimitExceededException',
      `The change was refused: it has ${operations} operations, ${of.guards.length} guards and ${bytes} bytes; ` +
        `one transaction may have ${MAX_OPERATIONS}, ${MAX_OPERATIONS} and ${MAX_TRANSACTION_BYTES}. Make it smaller or split it.`,
    );
  }
  refuseDuplicates(of);
}

function refuseDuplicates(of: Transaction): void {
  const keys = new Set<string>(of.deletes);
  let count = of.deletes.length;
  for (const put of of.puts) {
    keys.add(put.key);
    count += 1;
  }
  invariant(keys.size === count, 'a transaction writes the same key twice');
}
