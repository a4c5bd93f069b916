// A proxy without a control plane for the benchmark: routes everything on PORT to 127.0.0.1:TARGET-PORT. Prints
// "ready" once the target is healthy and the port is open.
import { EMPTY_TABLE, updateTable } from '@berth/model/routing/table.ts';
import * as records from '@berth/model/routing/testing.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import { DataPath } from '@berth/proxy/data-path.ts';
import { silent } from '@berth/proxy/testing/data-path.ts';
import { Registry } from 'prom-client';

const [port, targetPort] = process.argv.slice(2).map(Number);
if (port === undefined || targetPort === undefined) throw new Error('usage: PORT TARGET-PORT');

const path = new DataPath({
  bindAddress: '127.0.0.1',
  clock: realClock,
  random: realRandom,
  logger: silent,
  metrics: new Registry(),
});
path.swap(
  updateTable(
    EMPTY_TABLE,
    records.update(1, {
      snapshot: true,
      listeners: [records.listener(port, records.fixed('404'), 'l')],
      rules: [
        records.rule(
          'l',
          1,
          [records.condition('host-header', ['other.test'])],
          records.fixed('403'),
        ),
        records.rule('l', 2, [records.condition('path-pattern', ['/*'])], records.forward('bench')),
      ],
      targetGroups: [records.targetGroup('bench')],
      targets: [{ ...records.target('bench', 't'), port: targetPort }],
    }),
  ),
);
await path.serve();
const opened = setInterval(() => {
  if (path.listeners.actualPort(port) === undefined) return;
  clearInterval(opened);
  console.log('ready');
}, 10);
process.on('SIGTERM', () => {
  void path.stop(100).then(() => process.exit(0));
});
