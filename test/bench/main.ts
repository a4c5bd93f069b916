// `npm run bench [NAME...] [-- FLAGS]`: measures Berth against a peer or a bound in the same run, and prints ratios.
// Flags go to the bench that is named; without a name all run but those that need the machine for many minutes.
// Absolute figures drift with the machine; the ratios are what counts.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BENCHES: Readonly<Record<string, string>> = {
  proxy: 'requests proxied, against HAProxy, nginx, Caddy and http-proxy',
  'proxy-workers':
    'two workers against HAProxy with two threads, table changes, a target’s first request',
  cluster: 'from service create to 20 running tasks, a rolling update, memory at rest',
  placement: 'placements a second',
  rules: 'choosing one of 10 to 10,000 rules; building and changing the routing table',
  aws: 'DescribeTasks, ListTasks and RunTask over the AWS wire with 10,000 tasks, against gRPC',
  store: 'grouped commits against single ones',
  million:
    'a million tasks on 5,000 simulated hosts to RUNNING; an update, lost hosts and a restart at that size',
  help: 'berth --help against an empty Node program',
};

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
let interrupted = false;
for (const signal of SIGNALS) process.once(signal, () => (interrupted = true));

/** Only when named. */
const LARGE = ['million'];

const args = process.argv.slice(2);
const firstFlag = args.findIndex((arg) => arg.startsWith('-'));
const wanted = firstFlag === -1 ? args : args.slice(0, firstFlag);
const flags = firstFlag === -1 ? [] : args.slice(firstFlag);
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`No such bench: ${unknown.join(', ')}. There are:`);
  for (const [name, what] of Object.entries(BENCHES)) console.error(`  ${name.padEnd(10)} ${what}`);
  process.exit(2);
}

for (const [name, what] of Object.entries(BENCHES)) {
  if (wanted.length > 0 ? !wanted.includes(name) : LARGE.includes(name)) continue;
  console.log(`\n# ${name}: ${what}\n`);
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const options = ['--disable-warning=ExperimentalWarning', file, ...flags];
  const child = spawn(process.execPath, options, { stdio: 'inherit' });
  // A bench clears away what it has started before it ends.
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, pass);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  for (const signal of SIGNALS) process.off(signal, pass);
  if (code !== 0) process.exitCode = 1;
  if (interrupted) break;
}
