// What the store holds, as JSON, for people who look for a fault. Reads the store itself, not the cache.
import { BerthError, messageChain } from '@berth/model/errors.ts';
import type {
  GetStateRequest,
  GetStateResponse,
  ListStateRequest,
  ListStateResponse,
} from '@berth/model/generated/messages.ts';
import { ROOT } from '@berth/store/keys.ts';
import { decodeEntry } from '@berth/store/record.ts';
import type { Store } from '@berth/store/store.ts';

const DEFAULT_KEYS = 1_000;
const MOST_KEYS = 10_000;

/** @throws BerthError TargetNotFoundException when there is no such key, InvalidParameterException when it is no record */
export async function getState(
  store: Store,
  request: GetStateRequest,
  signal: AbortSignal,
): Promise<GetStateResponse> {
  const key = withRoot(request.key);
  const entry = await store.get(key, signal);
  if (!entry) {
    throw new BerthError(
      'TargetNotFoundException',
      `There is no key ${key}; \`berth state ls\` lists them.`,
    );
  }
  const { createRevision, modRevision, version } = entry;
  try {
    const json = JSON.stringify(decodeEntry(entry).stored.value, undefined, 2);
    return { key, json, createRevision, modRevision, version };
  } catch (cause) {
    throw new BerthError(
      'InvalidParameterException',
      `${key} holds no record that this version can read: ${messageChain(cause)}`,
    );
  }
}

/** @throws BerthError InvalidParameterException when the limit is out of range */
export async function listState(
  store: Store,
  request: ListStateRequest,
  signal: AbortSignal,
): Promise<ListStateResponse> {
  const limit = request.limit ?? DEFAULT_KEYS;
  if (limit < 1 || limit > MOST_KEYS) {
    throw new BerthError(
      'InvalidParameterException',
      `limit is ${limit}; expected 1 to ${MOST_KEYS}.`,
    );
  }
  const { entries, revision } = await store.list(withRoot(request.prefix), signal, {
    limit: limit + 1,
  });
  const keys = entries.slice(0, limit).map(({ key }) => key);
  return { keys, truncated: entries.length > limit, revision };
}

/** People may leave `/berth/v1/` out. Other keys of a shared etcd are none of ours. */
function withRoot(text: string): string {
  if (text.startsWith(ROOT)) return text;
  if (!text.startsWith('/')) return ROOT + text;
  if (ROOT.startsWith(text)) return ROOT;
  throw new BerthError(
    'InvalidParameterException',
    `"${text}" is outside of Berth's keys; expected one below ${ROOT}, with or without that prefix.`,
  );
}
