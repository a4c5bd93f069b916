// A million tasks: see `million/run.ts`. Prints rates and where the time went. Flags: --tasks, --services, --hosts,
// --host-processes, --hosts-lost, --profiles DIRECTORY. Interrupted, it ends all that it has started before it ends itself.
import { parseArgs } from 'node:util';

import { runMillion } from './million/run.ts';
import { printTable } from './million/table.ts';

const LIMIT_MS = 900_000;

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '1000000' },
    services: { type: 'string' },
    hosts: { type: 'string' },
    'host-processes': { type: 'string', default: '2' },
    'hosts-lost': { type: 'string' },
    profiles: { type: 'string' },
  },
});
const tasks = Number(values.tasks);
const services = Number(values.services ?? Math.max(1, Math.round(tasks / 1_000)));
const hosts = Number(values.hosts ?? Math.max(1, Math.round(tasks / 200)));
const hostProcesses = Number(values['host-processes']);
const hostsLost = Number(values['hosts-lost'] ?? Math.min(50, Math.ceil(hosts / 100)));
for (const [name, value] of Object.entries({ tasks, services, hosts, hostProcesses, hostsLost })) {
  if (!Number.isSafeInteger(value) || value < 1) {
    console.error(`${name} must be a whole number of at least 1, found ${value}`);
    process.exit(2);
  }
}

const interrupted = new AbortController();
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    process.exitCode = code;
    interrupted.abort(new Error(`interrupted by ${signal}`));
  });
}

console.log(`${tasks} tasks, ${services} services, ${hosts} hosts\n`);
const result = await runMillion({
  tasks,
  services,
  hosts,
  hostProcesses,
  hostsLost,
  profiles: values.profiles,
  limitMs: LIMIT_MS,
  say: (line) => console.log(line),
  signal: interrupted.signal,
}).catch((error: unknown) => {
  console.error(interrupted.signal.aborted ? interrupted.signal.reason : error);
  process.exit(process.exitCode ?? 1);
});
const { running, pending, listed, distinct } = result.counted;
console.log(
  `\ncounted by the API: ${running} running, ${pending} pending; listed ${listed}, ${distinct} different`,
);
printTable(result);
if (running !== tasks || pending !== 0 || distinct !== tasks) process.exitCode = 1;
