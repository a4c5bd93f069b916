// Which records hold secrets, and sealing them anew after the ring has got another first key.
import type {
  Action,
  ResealSecretsRequest,
  ResealSecretsResponse,
} from '@berth/model/generated/messages.ts';
import type { Sealer } from '@berth/process/seal.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';
import type { Guard, Put } from '@berth/store/store.ts';

import type { OperationContext } from '../../operations/deps.ts';
import { replace, write } from '../../operations/write.ts';

/** A record with its sealed secrets, and how to put others in their place. */
interface Holder {
  readonly key: string;
  readonly sealed: readonly Uint8Array[];
  /** @param change seals one anew */
  readonly changed: (change: (sealed: Uint8Array) => Uint8Array) => { guard: Guard; put: Put };
}

/** All records that hold secrets now. Each is sealed for the key of its record. */
export function* sealedRecords(state: State): Generator<Holder, void, undefined> {
  for (const stored of state.list(collections.accessKeys)) {
    const { value, key } = stored;
    yield {
      key,
      sealed: [value.sealedSecret],
      changed: (change) =>
        replace(collections.accessKeys, stored, {
          ...value,
          sealedSecret: change(value.sealedSecret),
        }),
    };
  }
  for (const stored of state.list(collections.secrets)) {
    const { value, key } = stored;
    yield {
      key,
      sealed: [value.sealed],
      changed: (change) =>
        replace(collections.secrets, stored, { ...value, sealed: change(value.sealed) }),
    };
  }
  for (const stored of state.list(collections.eventSinks)) {
    const { value, key } = stored;
    if (value.headers.length === 0) continue;
    yield {
      key,
      sealed: value.headers.map(({ sealedValue }) => sealedValue),
      changed: (change) =>
        replace(collections.eventSinks, stored, {
          ...value,
          headers: value.headers.map(({ name, sealedValue }) => ({
            name,
            sealedValue: change(sealedValue),
          })),
        }),
    };
  }
  for (const stored of state.list(collections.certificates)) {
    const { value, key } = stored;
    if (value.sealedKeyPem.length === 0) continue;
    yield {
      key,
      sealed: [value.sealedKeyPem],
      changed: (change) =>
        replace(collections.certificates, stored, {
          ...value,
          sealedKeyPem: change(value.sealedKeyPem),
        }),
    };
  }
  for (const stored of state.list(collections.listeners)) {
    const { value, key } = stored;
    const sealed = secretsOf(value.defaultActions);
    if (sealed.length === 0) continue;
    yield {
      key,
      sealed,
      changed: (change) =>
        replace(collections.listeners, stored, {
          ...value,
          defaultActions: resealed(value.defaultActions, change),
        }),
    };
  }
  for (const stored of state.list(collections.rules)) {
    const { value, key } = stored;
    const sealed = secretsOf(value.actions);
    if (sealed.length === 0) continue;
    yield {
      key,
      sealed,
      changed: (change) =>
        replace(collections.rules, stored, { ...value, actions: resealed(value.actions, change) }),
    };
  }
}

/** Keys that sealed something and are not in the ring, with the records that they sealed. */
export function missingSealKeys(state: State, sealer: Sealer): Map<string, string[]> {
  const missing = new Map<string, string[]>();
  for (const { key, sealed } of sealedRecords(state)) {
    for (const id of sealed.map((item) => sealer.keyIdOf(item) ?? 'none')) {
      if (sealer.keyIds.includes(id)) continue;
      missing.set(id, [...(missing.get(id) ?? []), key]);
    }
  }
  return missing;
}

export async function resealSecrets(
  on: OperationContext,
  _request: ResealSecretsRequest,
  { signal }: CallContext,
): Promise<ResealSecretsResponse> {
  const { sealer } = on;
  const [first] = sealer.keyIds;
  const unreadable = [...missingSealKeys(on.cache, sealer).values()].flat();
  let [done, already] = [0, 0];
  const keys = Array.from(sealedRecords(on.cache), ({ key }) => key);
  for (const key of keys.filter((item) => !unreadable.includes(item))) {
    const changed = await write(on, { signal, attempted: `seal ${key} anew` }, (state) => {
      const holder = [...sealedRecords(state)].find((item) => item.key === key);
      if (holder?.sealed.some((item) => sealer.keyIdOf(item) !== first) !== true) {
        return { result: () => false };
      }
      const { guard, put } = holder.changed((sealed) =>
        sealer.keyIdOf(sealed) === first ? sealed : sealer.seal(sealer.open(sealed, key), key),
      );
      return { guards: [guard], puts: [put], result: () => true };
    });
    if (changed) done += 1;
    else already += 1;
  }
  return { resealed: done, already, unreadable };
}

function secretsOf(actions: readonly Action[]): Uint8Array[] {
  return actions.flatMap(({ authenticateOidc }) => authenticateOidc?.sealedClientSecret ?? []);
}

function resealed(
  actions: readonly Action[],
  change: (sealed: Uint8Array) => Uint8Array,
): readonly Action[] {
  return actions.map((action) => {
    const { authenticateOidc } = action;
    const sealed = authenticateOidc?.sealedClientSecret;
    if (!sealed) return action;
    return {
      ...action,
      authenticateOidc: { ...authenticateOidc, sealedClientSecret: change(sealed) },
    };
  });
}
