// The account's key at the certificate authority, made once for the installation and kept sealed. Another directory gets another key.
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

import { collections, keyOf } from '@berth/store/keys.ts';
import { guardAbsent, putRecord } from '@berth/store/record.ts';

import type { AcmeContext } from './context.ts';

/** @returns undefined when somebody else was quicker: the next attempt finds theirs */
export async function accountKey(
  context: AcmeContext,
  directoryUrl: string,
  signal: AbortSignal,
): Promise<KeyObject | undefined> {
  const { cache, store, sealer, leadership, clock } = context;
  const name = `acme-account-${createHash('sha256').update(directoryUrl).digest('hex').slice(0, 16)}`;
  const purpose = keyOf(collections.secrets, name);
  const found = cache.get(collections.secrets, name)?.value;
  if (found !== undefined) {
    return createPrivateKey(Buffer.from(sealer.open(found.sealed, purpose)).toString('utf8'));
  }
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const sealed = sealer.seal(Buffer.from(pem), purpose);
  const outcome = await store.commit(
    {
      guards: [leadership.guard, guardAbsent(collections.secrets, name)],
      puts: [putRecord(collections.secrets, [name], { name, sealed, createdAt: clock.now() })],
      deletes: [],
    },
    signal,
  );
  await cache.reached(outcome.revision, signal);
  return outcome.committed ? privateKey : undefined;
}
