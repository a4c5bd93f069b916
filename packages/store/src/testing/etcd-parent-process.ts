// Starts an embedded etcd, prints {"pid": of etcd} and waits to be killed.
import { type EmbeddedEtcdOptions, startEmbeddedEtcd } from '../embedded-etcd.ts';
import { realClock, silent } from './time.ts';

const given = JSON.parse(process.argv[2] ?? '') as EmbeddedEtcdOptions;
const signal = new AbortController().signal;
const own = { clock: realClock, random: Math.random, logger: silent, signal };
const etcd = await startEmbeddedEtcd({ ...given, ...own });
console.log(JSON.stringify({ pid: etcd.pid }));
await realClock.sleep(600_000, signal);
