import assert from 'node:assert/strict';

import fc from 'fast-check';

import { settle, VirtualClock } from '@berth/control/virtual-clock.ts';
import type { RoutingUpdate } from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { emptyUpdate } from '@berth/model/routing/records.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import { complete } from '@berth/rpc/codec.ts';
import { testLogger } from '@berth/rpc/testing/fixtures.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { putRecord } from '@berth/store/record.ts';
import { startCache } from '@berth/store/state-cache.ts';
import type { Put, Transaction } from '@berth/store/store.ts';

import { COOKIE_KEYS } from './cookie-keys.ts';
import {
  noteRoutingChanges,
  routingDifference,
  routingSnapshot,
  type RoutingChanges,
  type RoutingSource,
} from './routing.ts';
import { partsOf } from './update-parts.ts';

/** What a proxy would hold after these updates: each record as text, by its name. */
class Table {
  readonly records = new Map<string, string>();
  revision = 0;

  apply(update: RoutingUpdate): void {
    assert.ok(update.revision >= this.revision);
    this.revision = update.revision;
    if (update.snapshot) this.records.clear();
    assert.ok(!update.more);
    const put = (name: string, record: object): void => {
      this.records.set(name, JSON.stringify(record));
    };
    for (const item of update.listeners) put(`listener ${item.id}`, item);
    for (const item of update.rules) put(`rule ${item.listenerId}/${item.id}`, item);
    for (const item of update.targetGroups) put(`group ${item.name}`, item);
    for (const item of update.targets) put(`target ${item.group}/${item.id}`, item);
    for (const item of update.loadBalancers) put(`balancer ${item.name}`, item);
    for (const item of update.certificates) put(`certificate ${item.arn}`, item);
    for (const item of update.trustStores) put(`trust store ${item.name}`, item);
    if (update.cookieKeys.length > 0) put('cookie keys', update.cookieKeys);
    if (update.acmeChanged) put('challenges', update.acmeChallenges);
    for (const name of update.removedLoadBalancers) this.records.delete(`balancer ${name}`);
    for (const name of update.removedCertificates) this.records.delete(`certificate ${name}`);
    for (const name of update.removedTrustStores) this.records.delete(`trust store ${name}`);
    for (const name of update.removedListeners) this.records.delete(`listener ${name}`);
    for (const name of update.removedRules) this.records.delete(`rule ${name}`);
    for (const name of update.removedTargetGroups) this.records.delete(`group ${name}`);
    for (const name of update.removedTargets) this.records.delete(`target ${name}`);
  }
}

const KINDS = [
  'listener',
  'rule',
  'group',
  'target',
  'service',
  'balancer',
  'certificate',
  'trust store',
  'cookie keys',
  'challenge',
] as const;

const realm: Realm = { region: 'local', account: '000000000000' };
const sealer = KeyRing.create();
const source: RoutingSource = {
  realm,
  sealer,
  unreadable: (key, error) => assert.fail(`${key}: ${String(error)}`),
};
const seal = (text: string, key: string): Uint8Array => sealer.seal(Buffer.from(text), key);

interface Step {
  readonly kind: (typeof KINDS)[number];
  readonly id: string;
  readonly value: number | undefined;
  readonly send: boolean;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    id: fc.constantFrom('a', 'b', 'c'),
    value: fc.option(fc.nat(3), { nil: undefined }),
    send: fc.boolean(),
  }),
  { maxLength: 30 },
);

/** Of a value there are four forms; listeners name another certificate and trust store in each. */
function record(kind: Step['kind'], id: string, value: number): Put | undefined {
  const port = value;
  switch (kind) {
    case 'listener': {
      const listener = complete('ListenerRecord', {
        id,
        port,
        defaultActions: [oidc(keyOf(collections.listeners, id))],
        certificates: [
          { certificateArn: arn.certificate(realm, 'abc'.charAt(value % 3)) },
          { certificateArn: 'file:mine' },
        ],
        mutualAuthentication: value === 0 ? undefined : { mode: 'verify', trustStore: 'a' },
      });
      return putRecord(collections.listeners, [id], listener);
    }
    case 'rule': {
      const actions = [oidc(keyOf(collections.rules, 'l', id))];
      const rule = complete('RuleRecord', { id, listenerId: 'l', priority: port, actions });
      return putRecord(collections.rules, ['l', id], rule);
    }
    case 'group':
      return putRecord(
        collections.targetGroups,
        [id],
        complete('TargetGroupRecord', { name: id, port }),
      );
    case 'target':
      return putRecord(
        collections.targets,
        ['g', id],
        complete('TargetRecord', { group: 'g', id, port }),
      );
    case 'balancer':
      return putRecord(
        collections.loadBalancers,
        [id],
        complete('LoadBalancerRecord', { name: id, id: String(value) }),
      );
    case 'certificate': {
      const key = keyOf(collections.certificates, id);
      const certificate = complete('CertificateRecord', {
        id,
        chainPem: value === 0 ? '' : `chain ${value}`,
        sealedKeyPem: seal(`key ${value}`, key),
      });
      return putRecord(collections.certificates, [id], certificate);
    }
    case 'trust store':
      return putRecord(
        collections.trustStores,
        [id],
        complete('TrustStoreRecord', { name: id, bundlePem: `bundle ${value}` }),
      );
    case 'cookie keys': {
      const key = keyOf(collections.secrets, COOKIE_KEYS);
      const secret = complete('SecretRecord', {
        name: COOKIE_KEYS,
        sealed: seal(`id${value} ${value} AAAA`, key),
      });
      return putRecord(collections.secrets, [COOKIE_KEYS], secret);
    }
    case 'challenge':
      return putRecord(
        collections.acmeChallenges,
        [id],
        complete('AcmeChallengeRecord', { token: id, domain: `d${value}` }),
      );
    case 'service':
      return undefined;
  }
}

function oidc(key: string): object {
  return {
    type: 'authenticate-oidc',
    authenticateOidc: { issuer: 'i', sealedClientSecret: seal('secret', key) },
  };
}

function change({ kind, id, value }: Step): Transaction {
  const none = { guards: [], puts: [], deletes: [] };
  const put = record(kind, id, value ?? 0);
  if (!put) return { ...none, deletes: [keyOf(collections.services, 'c', id)] };
  // Cookie keys are never deleted.
  const stays = value !== undefined || kind === 'cookie keys';
  return stays ? { ...none, puts: [put] } : { ...none, deletes: [put.key] };
}

describe('routing updates', () => {
  it('make the same table as a fresh snapshot, whatever changes between them', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const clock = new VirtualClock();
        const store = new MemoryStore({ clock });
        const stop = new AbortController();
        const options = { store, clock, random: () => 0.5, logger: testLogger() };
        const cache = await startCache(options, stop.signal);
        const changes: RoutingChanges = new Map();
        cache.subscribe((batch) => void noteRoutingChanges(batch.changes, realm, changes));
        const followed = new Table();
        followed.apply(routingSnapshot(cache, source));
        for (const step of list) {
          const { revision } = await store.commit(change(step), stop.signal);
          await cache.reached(revision, stop.signal);
          if (step.send) {
            followed.apply(routingDifference(cache, changes, source));
            changes.clear();
          }
        }
        followed.apply(routingDifference(cache, changes, source));
        const fresh = new Table();
        fresh.apply(routingSnapshot(cache, source));
        assert.deepEqual([...followed.records].sort(), [...fresh.records].sort());
        stop.abort();
        await settle();
        await store.close();
      }),
      { numRuns: 60 },
    );
  });

  it('hold the secrets of actions in the open, and nothing that nobody names', async () => {
    const store = new MemoryStore({ clock: new VirtualClock() });
    const stop = new AbortController();
    const options = { store, clock: new VirtualClock(), random: () => 0.5, logger: testLogger() };
    const kinds = ['listener', 'certificate', 'trust store'] as const;
    const puts = kinds.flatMap((kind) =>
      ['b', 'c'].map((id) => record(kind, id, 1)).filter((put) => put !== undefined),
    );
    await store.commit({ guards: [], puts, deletes: [] }, stop.signal);
    const cache = await startCache(options, stop.signal);
    const update = routingSnapshot(cache, source);
    assert.equal(update.listeners[0]?.defaultActions[0]?.authenticateOidc?.clientSecret, 'secret');
    assert.deepEqual(update.certificates, [
      { arn: arn.certificate(realm, 'b'), chainPem: 'chain 1', keyPem: 'key 1' },
    ]);
    assert.deepEqual(update.trustStores, []);
    stop.abort();
    await settle();
    await store.close();
  });

  it('go on when a secret can not be opened', async () => {
    const store = new MemoryStore({ clock: new VirtualClock() });
    const stop = new AbortController();
    const options = { store, clock: new VirtualClock(), random: () => 0.5, logger: testLogger() };
    const puts = [record('listener', 'a', 0), record('certificate', 'a', 1)].filter(
      (put) => put !== undefined,
    );
    await store.commit({ guards: [], puts, deletes: [] }, stop.signal);
    const cache = await startCache(options, stop.signal);
    const lost: string[] = [];
    const update = routingSnapshot(cache, {
      realm,
      sealer: KeyRing.create(),
      unreadable: (key) => lost.push(key),
    });
    assert.equal(update.listeners.length, 1);
    assert.equal(update.listeners[0]?.defaultActions[0]?.authenticateOidc?.clientSecret, undefined);
    assert.deepEqual(update.certificates, []);
    assert.deepEqual(lost, [
      keyOf(collections.listeners, 'a'),
      keyOf(collections.certificates, 'a'),
    ]);
    stop.abort();
    await settle();
    await store.close();
  });
});

describe('the parts of an update', () => {
  const names = ['rules', 'targets', 'removedTargets', 'certificates'] as const;

  it('together say the same, in whole items, and none is too large', () => {
    fc.assert(
      fc.property(
        fc.record({
          rules: fc.nat(40),
          targets: fc.nat(200),
          removedTargets: fc.nat(500),
          certificates: fc.nat(5),
        }),
        fc.boolean(),
        (counts, snapshot) => {
          const items = (count: number): object[] =>
            Array.from({ length: count }, (_, id) => ({ id }));
          const update = {
            ...emptyUpdate(7, snapshot),
            ...Object.fromEntries(names.map((name) => [name, items(counts[name])])),
            acmeChanged: true,
          } as unknown as RoutingUpdate;
          const parts = partsOf(update, 512 * 1024);
          for (const name of names) {
            assert.deepEqual(
              parts.flatMap((part) => part[name] as readonly unknown[]),
              update[name],
            );
          }
          assert.deepEqual(
            parts.map(({ more }) => more),
            parts.map((_, index) => index < parts.length - 1),
          );
          assert.ok(parts.every((part) => part.revision === 7 && part.snapshot === snapshot));
          assert.ok(parts.every(({ rules }) => rules.length <= 16));
          assert.deepEqual(parts.filter(({ acmeChanged }) => acmeChanged).length, 1);
        },
      ),
    );
  });

  it('are one for what fits into a message', () => {
    assert.deepEqual(partsOf(emptyUpdate(3, true)), [emptyUpdate(3, true)]);
  });
});
