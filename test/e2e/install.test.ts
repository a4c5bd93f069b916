// deploy/install.sh as on a machine of its own: in a mount namespace, on a copy-on-write view of this machine's files, which is gone
// with the process. systemd does not run there; its units are checked with its own tool.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ROOT, printed } from './cluster.ts';

const ROLES = ['etcd', 'server', 'agent', 'proxy'] as const;
const LIMIT_MS = 240_000;

/** Runs a script as root of a machine that has this one's files, and the checkout at /berth. */
function onOtherMachine(directory: string, script: string): { code: number | null; text: string } {
  const file = join(directory, 'script');
  writeFileSync(file, `set -eu\n${script}`);
  const prepare = [
    `cd ${directory}; mkdir -p all`,
    'mount -t tmpfs -o size=4g,mode=755 other all; mkdir all/upper all/work all/root',
    'mount -t overlay -o lowerdir=/,upperdir=all/upper,workdir=all/work other all/root',
    'mount --bind /proc all/root/proc; mount --bind /dev all/root/dev',
    'mount -t tmpfs run all/root/run; mkdir all/root/berth',
    `mount --bind ${ROOT} all/root/berth; cp ${file} all/root/script`,
    'exec chroot all/root /bin/sh /script',
  ].join('\n');
  const unshare = ['--mount', '--propagation', 'private', 'sh', '-euc', prepare];
  const ended = spawnSync('unshare', unshare, {
    encoding: 'utf8',
    timeout: LIMIT_MS,
    // npm has its cache, and its way to the registry, from the environment. Where there is no way it would try for two minutes to
    // find out whether what its cache has is still the newest.
    env: {
      ...process.env,
      npm_config_prefer_offline: 'true',
      PATH: `${join(process.execPath, '..')}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    },
  });
  return { code: ended.status, text: `${ended.stdout}\n${ended.stderr}` };
}

describe('deploy/install.sh', () => {
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'berth-install-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('installs every role, which then accepts its settings, and leaves certificates and settings alone', function () {
    this.timeout(LIMIT_MS);
    const { code, text } = onOtherMachine(
      directory,
      `
      install() { sh /berth/deploy/install.sh "$@"; }
      install server BERTH_ETCD=10.0.0.1:7402 BERTH_LISTEN=10.0.0.1:7400 BERTH_LEASE=5
      install agent BERTH_API=10.0.0.1:7400 BERTH_HOST_ATTRIBUTES=ecs.availability-zone=a,rack=1
      install proxy BERTH_API=10.0.0.1:7400
      install etcd ETCD_NAME=s1
      berth certificate create-authority
      berth certificate issue control s1 --san 10.0.0.1
      install server BERTH_LEASE=7
      stat -c '%n %a %G' /etc/berth/tls/*
      for role in server agent proxy; do
        (set -a; . /etc/berth/$role.env; setpriv --reuid berth --regid berth --clear-groups berth $role --check-config)
      done
      cat /etc/berth/etcd.env
      for role in ${ROLES.join(' ')}; do
        systemd-analyze verify /etc/systemd/system/berth-$role.service && echo verified $role
      done
      install agent --start || echo refused
      `,
    );
    assert.equal(code, 0, text);
    for (const role of ROLES) {
      assert.match(text, new RegExp(`berth ${role} is installed; its settings are in /etc/berth/`));
      assert.match(text, new RegExp(`^verified ${role}$`, 'm'));
    }
    assert.match(text, /\/etc\/berth\/tls\/ca\.key 600 berth/);
    assert.match(text, /\/etc\/berth\/tls\/control\.key 640 berth/);
    assert.match(text, /"leaseSeconds": 7/);
    assert.match(text, /"listen": "10\.0\.0\.1:7400"/);
    assert.match(text, /"name": "rack",\s+"value": "1"/);
    assert.match(text, /^ETCD_NAME=s1$/m);
    assert.match(text, /^refused$/m);
    assert.match(text, /systemd does not run here/);
  });

  it('says what it does not understand, and changes nothing', () => {
    for (const [words, message] of [
      [['nosuch'], /^Usage: deploy\/install\.sh ROLE/],
      [['proxy', 'lower=1'], /what is "lower=1"\?/],
    ] as const) {
      const ended = spawnSync('sh', [join(ROOT, 'deploy/install.sh'), ...words], {
        encoding: 'utf8',
      });
      assert.equal(ended.status, 2);
      assert.match(ended.stderr, message);
    }
  });

  it('is what the virtual machines of deploy/vagrant are provisioned with', function () {
    if (spawnSync('vagrant', ['--version']).error) return this.skip();
    this.timeout(60_000);
    const environment = [
      'env',
      `VAGRANT_HOME=${directory}/home`,
      `VAGRANT_DOTFILE_PATH=${directory}/dot`,
    ];
    const said = printed(
      'sh',
      ...[
        '-c',
        `cd ${ROOT}/deploy/vagrant && HOSTS=4 ${environment.join(' ')} vagrant validate --ignore-provider`,
      ],
    );
    assert.match(said, /==> h4:[\s\S]*Vagrantfile validated successfully/);
    return undefined;
  });
});
