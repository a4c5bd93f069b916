// The bench `million` with a tenth of everything: real processes, a real etcd, and simulated agents over real sessions. What is counted
// is asserted; how long it took is not.
import assert from 'node:assert/strict';

import { runMillion } from '../bench/million/run.ts';

const TASKS = 100_000;
const SERVICES = 100;
const HOSTS = 500;
const LIMIT_MS = 300_000;

describe('the bench million', () => {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new Error('interrupted'));
  before(() => void process.once('SIGTERM', interrupt));
  after(() => void process.off('SIGTERM', interrupt));

  it('brings all tasks to RUNNING, replaces those of an update and of lost hosts, and goes on after a restart', async () => {
    const said: string[] = [];
    const { counted, phases } = await runMillion({
      tasks: TASKS,
      services: SERVICES,
      hosts: HOSTS,
      hostProcesses: 2,
      hostsLost: 5,
      limitMs: LIMIT_MS,
      say: (line) => said.push(line),
      signal: interrupted.signal,
    }).catch((error: unknown) => {
      throw new Error(`after: ${said.join('\n')}`, { cause: error });
    });
    assert.deepEqual(counted, { running: TASKS, pending: 0, listed: TASKS, distinct: TASKS });
    assert.equal(phases.length, 8);
    assert.ok(phases.every(({ peakMiB }) => peakMiB > 0));
  }).timeout(8 * LIMIT_MS);
});
