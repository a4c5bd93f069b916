// `npm run bench [NAME...]`: measures Berth against a peer or a bound in the same run, and prints ratios.
// Absolute figures drift with the machine; the ratios are what counts.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BENCHES: Readonly<Record<string, string>> = {
  proxy: 'requests proxied, against HAProxy, nginx and http-proxy',
  'proxy-workers':
    'two workers against HAProxy with two threads, table changes, a target’s first request',
  cluster: 'from service create to 20 running tasks, a rolling update, memory at rest',
  placement: 'placements a second',
  rules: 'choosing one of 10 to 10,000 rules; building and changing the routing table',
  aws: 'DescribeTasks, ListTasks and RunTask over the AWS wire with 10,000 tasks, against gRPC',
  store: 'grouped commits against single ones',
  help: 'berth --help against an empty Node program',
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`No such bench: ${unknown.join(', ')}. There are:`);
  for (const [name, what] of Object.entries(BENCHES)) console.error(`  ${name.padEnd(10)} ${what}`);
  process.exit(2);
}

for (const [name, what] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n# ${name}: ${what}\n`);
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file], {
    stdio: 'inherit',
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) process.exitCode = 1;
}
