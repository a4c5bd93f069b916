// `berth server`: the three roles of the control plane in one process, as docs/running.md starts them.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { type Running, ROOT, berth, eventually, launch, newPlace } from './cluster.ts';
import { certificates, etcdCommand } from './separate-roles.ts';

describe('berth server', () => {
  const place = newPlace(8);
  const port = (offset: number): string => `127.0.0.1:${place.portBase + offset}`;
  const running: Running[] = [];

  after(async () => {
    for (const process of running.reverse()) await process.end('SIGTERM', 20_000);
    place.remove();
  });

  it('leads as scheduler and controller, answers as api, and ends in order', async () => {
    const tls = join(place.dataDirectory, 'tls');
    mkdirSync(tls);
    const audit = join(place.dataDirectory, 'audit.log');
    Object.assign(place.env, {
      BERTH_TLS_DIR: tls,
      BERTH_API: port(0),
      BERTH_AUDIT_LOG: audit,
    });
    await certificates(place);
    const { program, args } = etcdCommand(place, tls);
    running.push(launch(program, args, place.env));
    const server = launch(
      process.execPath,
      [
        join(ROOT, 'packages/cli/bin/berth.mjs'),
        ...['server', '--etcd', port(2), '--listen', port(0)],
        ...['--scheduler-listen', port(1), '--admin', port(4), '--aws-listen', port(6)],
      ],
      place.env,
    );
    running.push(server);
    await eventually('the server is ready', 30_000, async () =>
      (await fetch(`http://${port(4)}/readyz`)).ok ? true : undefined,
    );
    const created = await berth(place, ['cluster', 'create', 'trial']);
    assert.equal(created.code, 0, created.stderr);
    await eventually('both roles lead', 30_000, async () => {
      const metrics = await (await fetch(`http://${port(4)}/metrics`)).text();
      const leads = (role: string): boolean => metrics.includes(`berth_${role}_leader 1`);
      return leads('scheduler') && leads('controller') ? true : undefined;
    });
    const listed = await berth(place, ['cluster', 'list']);
    assert.match(listed.stdout, /trial/);
    assert.equal(await server.end('SIGTERM', 20_000), 0, server.output());
  });
});
