// Measures the store on a real etcd with TLS. The peer is etcd's own put, one request a record, with as many
// in flight; the ratio says what commits in groups are worth.
import { EtcdLink } from '@berth/store/etcd-link.ts';
import { collections, keyOf, ROOT } from '@berth/store/keys.ts';
import { putRecord } from '@berth/store/record.ts';
import { startCache } from '@berth/store/state-cache.ts';
import { startTestEtcd } from '@berth/store/testing/etcd.ts';
import { realClock, silent } from '@berth/store/testing/time.ts';
import { transaction } from '@berth/store/transaction.ts';
import { complete } from '@berth/rpc/codec.ts';

const stop = new AbortController();
const server = await startTestEtcd();
const store = server.open();
const link = new EtcdLink({
  endpoints: [server.etcd.endpoint],
  tls: server.tls,
  clock: realClock,
  random: Math.random,
});

const statusPut = (id: string) =>
  putRecord(
    collections.taskStatus,
    ['c', id],
    complete('TaskStatusRecord', { id, cluster: 'c', hostId: 'h', lastStatus: 'RUNNING' }),
  );

async function commit(id: string): Promise<void> {
  await store.commit(transaction({ puts: [statusPut(id)] }), stop.signal);
}

async function bare(id: string): Promise<void> {
  const { key, value } = statusPut(id);
  await link.member.kv.put({ key: Buffer.from(key), value });
}

/** How many a second, with so many at a time. */
async function rate(
  count: number,
  atATime: number,
  run: (at: number) => Promise<void>,
): Promise<number> {
  const began = performance.now();
  const worker = async (first: number): Promise<void> => {
    for (let at = first; at < count; at += atATime) await run(at);
  };
  await Promise.all(Array.from({ length: atATime }, (_, first) => worker(first)));
  return Math.round((count * 1000) / (performance.now() - began));
}

async function milliseconds(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return Math.round(performance.now() - began);
}

await commit('warm');
await bare('warm');
for (const atATime of [1, 16, 128, 1_024]) {
  const count = atATime === 1 ? 500 : 10_000;
  const puts = await rate(count, atATime, (at) => bare(`p${at}`));
  const commits = await rate(count, atATime, (at) => commit(`g${at}`));
  const ratio = (commits / puts).toFixed(1);
  console.log(`${atATime} at a time: ${puts} bare puts/s, ${commits} commits/s: ${ratio} times`);
}
let records = 0;
const listed = await milliseconds(async () => {
  records = (await store.list(ROOT, stop.signal)).entries.length;
});
console.log(`${records} records listed in ${listed} ms`);
const cache = await startCache(
  { store, clock: realClock, random: Math.random, logger: silent },
  stop.signal,
);
const name = keyOf(collections.clusters, 'c');
const seen = await rate(300, 1, async () => {
  const puts = [{ key: name, value: Buffer.alloc(0) }];
  const { revision } = await store.commit(transaction({ puts }), stop.signal);
  await cache.reached(revision, stop.signal);
});
console.log(`${seen} commits/s, each awaited in the view`);
stop.abort();
link.close();
await server.close();
