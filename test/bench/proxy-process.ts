// A proxy without a control plane for the benchmark: routes everything on PORT to 127.0.0.1:TARGET-PORT, and writes its access log
// into DIRECTORY (none: no log, no records of requests). Prints "ready" once the target is healthy and the port is open.
import { join } from 'node:path';

import { EMPTY_TABLE, updateTable } from '@berth/model/routing/table.ts';
import * as records from '@berth/model/routing/testing.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import { DataPath } from '@berth/proxy/data-path.ts';
import { LocalCore } from '@berth/proxy/local-core.ts';
import { silent } from '@berth/proxy/testing/data-path.ts';
import { Registry } from 'prom-client';

const [portText, targetText, directory] = process.argv.slice(2);
if (portText === undefined || targetText === undefined) {
  throw new Error('usage: PORT TARGET-PORT [DIRECTORY]');
}
const port = Number(portText);
const update = records.update(1, {
  snapshot: true,
  listeners: [records.listener(port, records.fixed('404'), 'l')],
  rules: [
    records.rule('l', 1, [records.condition('host-header', ['other.test'])], records.fixed('403')),
    records.rule('l', 2, [records.condition('path-pattern', ['/*'])], records.forward('bench')),
  ],
  targetGroups: [records.targetGroup('bench')],
  targets: [{ ...records.target('bench', 't'), port: Number(targetText) }],
});
const common = {
  bindAddress: '127.0.0.1',
  clock: realClock,
  random: realRandom,
  logger: silent,
  metrics: new Registry(),
};

async function start(): Promise<(ms: number) => Promise<void>> {
  if (directory === undefined) {
    const path = new DataPath(common);
    path.swap(updateTable(EMPTY_TABLE, update));
    await path.serve();
    return (ms) => path.stop(ms);
  }
  const accessLog = {
    path: join(directory, 'access.log'),
    format: 'alb',
    directory,
    node: '127.0.0.1',
  } as const;
  const ignore = (): undefined => undefined;
  const core = new LocalCore(
    { ...common, proxyId: 'bench', accessLog },
    { onTargetChange: ignore, onApplied: ignore },
  );
  core.update(update);
  await core.serve();
  return (ms) => core.stop(ms);
}

const stop = await start();
console.log('ready');
process.on('SIGTERM', () => {
  void stop(100).then(() => process.exit(0));
});
