// Measures the store on a real etcd with TLS: commits of one record each that are offered together, the same
// one after another, lists, and how soon a commit is in the view.
import { putRecord } from '@berth/store/record.ts';
import { collections, ROOT } from '@berth/store/keys.ts';
import { startCache } from '@berth/store/state-cache.ts';
import { startTestEtcd } from '@berth/store/testing/etcd.ts';
import { realClock, silent } from '@berth/store/testing/time.ts';
import { transaction } from '@berth/store/transaction.ts';
import { complete } from '@berth/rpc/codec.ts';

const signal = new AbortController().signal;

/** One line a measurement. */
export async function benchStore(print: (line: string) => void): Promise<void> {
  const server = await startTestEtcd();
  const store = server.open();
  const commit = (id: string): Promise<unknown> => {
    const status = complete('TaskStatusRecord', {
      id,
      cluster: 'c',
      hostId: 'h',
      lastStatus: 'RUNNING',
    });
    const put = putRecord(collections.taskStatus, ['c', id], status);
    return store.commit(transaction({ puts: [put] }), signal);
  };
  try {
    await commit('warm');
    const single = await rate(500, async (count) => {
      for (let at = 0; at < count; at += 1) await commit(`s${at}`);
    });
    print(`commits one after another: ${single} a second`);
    for (const together of [16, 128, 1_024]) {
      const grouped = await rate(20_000, async (count) => {
        const offer = async (who: number): Promise<void> => {
          for (let at = who; at < count; at += together) await commit(`g${at}`);
        };
        await Promise.all(Array.from({ length: together }, (_, who) => offer(who)));
      });
      print(`commits with ${together} offered together: ${grouped} a second`);
    }
    const listed = await rate(20_000, async () => {
      await store.list(ROOT, signal);
    });
    print(`records listed: ${listed} a second`);
    const stop = new AbortController();
    const began = performance.now();
    const cache = await startCache(
      { store, clock: realClock, random: Math.random, logger: silent },
      stop.signal,
    );
    const filled = performance.now() - began;
    print(`a view of ${cache.statistics.records} records is filled in ${filled.toFixed(0)} ms`);
    const seen = await rate(300, async (count) => {
      for (let at = 0; at < count; at += 1) {
        const put = putRecord(collections.clusters, [`c${at}`], complete('ClusterRecord', {}));
        const { revision } = await store.commit(transaction({ puts: [put] }), signal);
        await cache.reached(revision, signal);
      }
    });
    print(`commits seen in the view one after another: ${seen} a second`);
    stop.abort();
  } finally {
    await server.close();
  }
}

async function rate(count: number, run: (count: number) => Promise<void>): Promise<string> {
  const began = performance.now();
  await run(count);
  return ((count * 1000) / (performance.now() - began)).toFixed(0);
}

if (import.meta.main) await benchStore((line) => console.log(line));
