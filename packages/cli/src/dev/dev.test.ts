import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { realClock } from '@berth/process/real-clock.ts';
import fc from 'fast-check';

import { chooseRanges, overlap, parseRange } from './address-pool.ts';
import { ensureCertificates } from './certificates.ts';
import { endProcess, runningPid } from './child.ts';
import { parseTables, undoEngine } from './firewall.ts';
import { isLocked, readHolder, takeLock } from './lock.ts';
import { refuseTakenPorts } from './ports.ts';
import { tar } from './tar.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-dev-test-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('address ranges of an engine of our own', () => {
  const range = fc
    .tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255), fc.integer({ min: 8, max: 32 }))
    .map(([a, b, c, d, bits]) => `${a}.${b}.${c}.${d}/${bits}`);

  it('touch nothing that is used', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), (used) => {
        const chosen = chooseRanges(used);
        if (!chosen) return;
        const [bip, pool] = [parseRange(chosen.bip)!, parseRange(chosen.pool)!];
        assert.ok(!overlap(bip, pool));
        for (const text of used) {
          assert.ok(!overlap(bip, parseRange(text)!), `${chosen.bip} and ${text}`);
          assert.ok(!overlap(pool, parseRange(text)!), `${chosen.pool} and ${text}`);
        }
      }),
    );
  });

  it('are not found where everything is taken, and a default route takes nothing', () => {
    assert.equal(chooseRanges(['172.16.0.0/12', '10.0.0.0/8']), undefined);
    assert.ok(chooseRanges(['0.0.0.0/0', '::/0', 'default']));
  });
});

describe('undoing an engine in the packet filter', () => {
  const ranges = [parseRange('172.29.0.1/16')!, parseRange('172.30.0.0/16')!];
  const marks = { bridge: 'berth0', ranges };
  const saved = (...lines: string[]): string => `${lines.join('\n')}\n`;
  const clean = saved(
    '*filter',
    ':INPUT ACCEPT [1:2]',
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT ACCEPT [3:4]',
    '-A INPUT -s 10.0.0.0/8 -j ACCEPT',
    'COMMIT',
  );
  const engine = saved(
    '*filter',
    ':INPUT ACCEPT [9:9]',
    ':FORWARD DROP [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':DOCKER - [0:0]',
    ':DOCKER-USER - [0:0]',
    '-A INPUT -s 10.0.0.0/8 -j ACCEPT',
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -o berth0 -j DOCKER',
    '-A DOCKER -d 172.29.0.2/32 ! -i berth0 -o berth0 -p tcp -m tcp --dport 8080 -j ACCEPT',
    '-A DOCKER-USER -j RETURN',
    'COMMIT',
    '*nat',
    ':POSTROUTING ACCEPT [0:0]',
    ':DOCKER - [0:0]',
    '-A POSTROUTING -s 172.29.0.0/16 ! -o berth0 -j MASQUERADE',
    '-A POSTROUTING -s 172.29.0.2/32 -d 172.29.0.2/32 -p tcp -m tcp --dport 8080 -j MASQUERADE',
    'COMMIT',
  );

  it('takes its chains, rules and policy away', () => {
    const [filter, nat] = parseTables(undoEngine(clean, engine, marks)!);
    assert.deepEqual(
      [...filter!.chains],
      [
        ['INPUT', 'ACCEPT'],
        ['FORWARD', 'ACCEPT'],
        ['OUTPUT', 'ACCEPT'],
      ],
    );
    assert.deepEqual(filter!.rules, ['-A INPUT -s 10.0.0.0/8 -j ACCEPT']);
    assert.deepEqual([[...nat!.chains], nat!.rules], [[['POSTROUTING', 'ACCEPT']], []]);
  });

  it('has nothing to do the second time', () => {
    const undone = undoEngine(clean, engine, marks)!;
    assert.equal(undoEngine(clean, undone, marks), undefined);
    assert.equal(undoEngine(clean, clean, marks), undefined);
  });

  it('keeps what others changed meanwhile', () => {
    const other = '-A INPUT -p tcp --dport 22 -j ACCEPT';
    const changed = engine.replace(
      '-A FORWARD -j DOCKER-USER',
      `${other}\n-A FORWARD -j DOCKER-USER`,
    );
    const [filter] = parseTables(undoEngine(clean, changed, marks)!);
    assert.deepEqual(filter!.rules, ['-A INPUT -s 10.0.0.0/8 -j ACCEPT', other]);
  });

  it('gives back the chains and the policy of an engine that was there before', () => {
    const former = saved(
      '*filter',
      ':FORWARD DROP [0:0]',
      ':DOCKER - [0:0]',
      '-A FORWARD -o docker0 -j DOCKER',
      '-A DOCKER -i docker0 -j RETURN',
      'COMMIT',
    );
    const [filter] = parseTables(undoEngine(former, engine, marks)!);
    assert.deepEqual(
      [filter!.chains.get('FORWARD'), filter!.rules.filter((rule) => rule.includes('DOCKER'))],
      ['DROP', ['-A FORWARD -o docker0 -j DOCKER', '-A DOCKER -i docker0 -j RETURN']],
    );
  });
});

describe('tar archives', () => {
  it('are what tar reads', () => {
    const archive = tar([
      { path: 'app/', mode: 0o755 },
      { path: 'app/server.mjs', mode: 0o644, content: Buffer.from('x'.repeat(513)) },
      { path: 'app/link', mode: 0o777, link: 'server.mjs' },
      { path: 'app/empty', mode: 0o600, content: Buffer.alloc(0) },
    ]);
    execFileSync('tar', ['-x', '-C', directory], { input: archive });
    assert.equal(readFileSync(join(directory, 'app/link'), 'utf8'), 'x'.repeat(513));
    assert.equal(readFileSync(join(directory, 'app/empty'), 'utf8'), '');
    const listing = execFileSync('tar', ['-tv'], { input: archive }).toString();
    assert.match(listing, /^drwxr-xr-x 0\/0 .* app\/$/m);
    assert.match(listing, /^-rw-r--r-- 0\/0 +513 /m);
  });

  it('refuse a path that does not fit', () => {
    assert.throws(() => tar([{ path: 'x'.repeat(101), mode: 0o644 }]), /too long/);
  });
});

describe('the lock of a data directory', () => {
  const holder = { pid: process.pid, api: '127.0.0.1:1', proxyUrl: 'http://localhost:2' };

  it('is held by one, says by whom, and is free again afterwards', async () => {
    const lock = await takeLock(directory, holder);
    assert.ok(lock);
    assert.equal(await takeLock(directory, holder), undefined);
    assert.equal(await isLocked(directory), true);
    assert.deepEqual(readHolder(directory), holder);
    await lock.release();
    assert.equal(await isLocked(directory), false);
    const again = await takeLock(directory, holder);
    assert.ok(again);
    await again.release();
  });

  it('is not held by a process that is gone, whatever the file says', async () => {
    writeFileSync(join(directory, 'lock'), JSON.stringify({ ...holder, pid: 999_999 }));
    assert.equal(await isLocked(directory), false);
    const lock = await takeLock(directory, holder);
    assert.ok(lock);
    await lock.release();
  });
});

describe('the ports of a one-machine cluster', () => {
  it('that are taken are named, with the flag that moves them', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const ports = {
      api: 0,
      scheduler: 0,
      etcdClient: port,
      etcdPeer: 0,
      admin: 0,
      console: 0,
      aws: 0,
    };
    const options = { dataDirectory: directory, fresh: false, sample: true, plain: true };
    try {
      await refuseTakenPorts({ ...options, ports: { ...ports, http: 0 } });
      await assert.rejects(
        refuseTakenPorts({ ...options, ports: { ...ports, http: port } }),
        new RegExp(`port ${port}, which the proxy’s listener needs`),
      );
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('child processes', () => {
  it('are found by their pid file only while the command line is theirs', async () => {
    const child = spawn('sleep', ['1000.125']);
    await once(child, 'spawn');
    const file = join(directory, 'pid');
    writeFileSync(file, `${child.pid!}\n`);
    assert.equal(runningPid(file, '1000.125'), child.pid);
    assert.equal(runningPid(file, 'another mark'), undefined);
    const ended = once(child, 'exit');
    await endProcess(child.pid!, '1000.125', 5000, realClock);
    await ended;
    assert.equal(runningPid(file, '1000.125'), undefined);
  });
});

describe('certificates', () => {
  const now = Date.now();
  const hostId = 'ab'.repeat(16);

  it('are made once, kept, and made anew when they near their end or name another host', async () => {
    const first = await ensureCertificates(directory, hostId, now);
    assert.equal(first.renewed, true);
    const second = await ensureCertificates(directory, hostId, now);
    assert.deepEqual({ ...second, renewed: true }, first);
    const other = await ensureCertificates(directory, 'cd'.repeat(16), now);
    assert.equal(other.control.certificate, first.control.certificate);
    assert.notEqual(other.host.certificate, first.host.certificate);
    const later = await ensureCertificates(directory, hostId, now + 350 * 86_400_000);
    assert.notEqual(later.control.certificate, first.control.certificate);
    assert.equal(later.control.authority, first.control.authority);
    assert.ok(existsSync(join(directory, 'ca.key')));
  });

  it('that were cut short by a crash are made anew', async () => {
    const { control } = await ensureCertificates(directory, hostId, now);
    writeFileSync(join(directory, 'control.crt'), control.certificate.slice(0, 100));
    const again = await ensureCertificates(directory, hostId, now);
    assert.match(again.control.certificate, /END CERTIFICATE/);
  });
});
