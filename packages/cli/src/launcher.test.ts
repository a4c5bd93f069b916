// The launcher as a process: whichever Node starts it, with its input, output, signals and exit codes.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BERTH = fileURLToPath(new URL('../bin/berth.mjs', import.meta.url));

/** The first Node of each major version on the path, ours included. */
function nodes(): Map<number, string> {
  const found = new Map([[majorOf(process.execPath), process.execPath]]);
  const directories = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/bin',
    '/usr/local/bin',
  ];
  for (const path of directories.map((directory) => join(directory, 'node'))) {
    if (!existsSync(path)) continue;
    const major = majorOf(path);
    if (major >= 20 && !found.has(major)) found.set(major, path);
  }
  return found;
}

function majorOf(node: string): number {
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)/.exec(stdout)?.[1] ?? 0);
}

describe('the launcher', function () {
  this.timeout(60_000);
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'berth-launcher-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  for (const [major, node] of nodes()) {
    const run = (args: readonly string[], input = '') =>
      spawnSync(node, [BERTH, ...args], {
        encoding: 'utf8',
        input,
        cwd: tmpdir(),
        env: { PATH: process.env['PATH'], BERTH_DATA_DIR: directory },
      });

    describe(`started by Node ${major}`, () => {
      it('answers help and mistakes', () => {
        const help = run(['--help']);
        assert.equal(help.status, 0);
        assert.match(help.stdout, /^Usage: berth COMMAND/);
        const mistake = run(['servcie']);
        assert.deepEqual([mistake.status, mistake.stdout], [2, '']);
        assert.match(mistake.stderr, /did you mean "service"/);
      });

      it('runs a command with Node 24, and ends as it does', () => {
        const version = run(['version', '--json']);
        assert.equal(version.status, 0, version.stderr);
        const { node: used } = JSON.parse(version.stdout) as { node: string };
        assert.ok(Number(/^v(\d+)/.exec(used)?.[1]) >= 24, used);
        const none = run(['service', 'list']);
        assert.deepEqual([none.status, none.stdout], [6, '']);
        assert.match(
          none.stderr,
          /^berth service list: found no cluster.*\nNext: npx berth dev\n$/,
        );
      });

      it('passes standard input on', () => {
        const register = run(['task-definition', 'register', '-'], '{ "family": "x", }');
        assert.equal(register.status, 4);
        assert.match(register.stderr, /line 1, column 18/);
      });

      it('passes a signal on, and ends with the code of an interrupted command', async () => {
        // It waits for its standard input, which never ends.
        const child = spawn(node, [BERTH, 'task-definition', 'register', '-'], {
          env: { PATH: process.env['PATH'], BERTH_DATA_DIR: directory, NODE_DEBUG: 'esm' },
          stdio: ['pipe', 'ignore', 'pipe'],
        });
        // Both processes have loaded our main module before they are interrupted.
        await new Promise<void>((resolve) => {
          let text = '';
          child.stderr.on('data', (chunk: Buffer) => {
            text += chunk.toString();
            if (text.includes('json-file.ts')) resolve();
          });
          child.once('exit', () => resolve());
        });
        child.kill('SIGINT');
        const code = await new Promise((resolve) => child.once('exit', resolve));
        assert.equal(code, 130);
      });
    });
  }
});
