// A proxy in a process of its own, so that a test can give it few files to open, measure its memory and see it die: everything goes to one
// target, what begins with /bad to another. Whatever its parent says is a question for what it holds.
import { getHeapStatistics } from 'node:v8';

import * as records from '@berth/model/routing/testing.ts';

import { TestProxy, group, targetAt, until } from '../testing/data-path.ts';

import type { Held, HostileSetup } from './proxy-process.ts';

const setup = JSON.parse(process.argv[2] ?? '') as HostileSetup;
const { target, bad, settings = {}, listener = {}, attributes = {} } = setup;
const proxy = new TestProxy({ settings });
proxy.route({
  listeners: [{ ...records.listener(0, records.forward('web'), 'l'), attributes: listener }],
  rules: [
    records.rule(
      'l',
      1,
      [records.condition('path-pattern', ['/bad*'])],
      records.forward(bad === undefined ? 'web' : 'bad'),
    ),
  ],
  groups: [group('web', attributes), group('bad', attributes)],
  targets: [targetAt('web', target), ...(bad === undefined ? [] : [targetAt('bad', bad)])],
});
await proxy.open();
await until('the target is healthy', () => proxy.targets().every(({ healthy }) => healthy));

function held(): Held {
  globalThis.gc?.();
  // Not `process.memoryUsage`, which opens a file.
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  const targets = [...proxy.targets('web'), ...proxy.targets('bad')];
  return {
    port: proxy.port,
    connections: proxy.path.listeners.connections,
    inFlight: targets.reduce((sum, { inFlight }) => sum + inFlight, 0),
    well: proxy.targets().every((one) => one.healthy && !one.ejected),
    memory: heap + external,
  };
}

process.on('message', () => process.send?.(held()));
process.on('disconnect', () => process.exit(0));
process.send?.(held());
