// `docs/aws-walkthrough.md`, as it stands there: its `sh` blocks run one after another with Debian's awscli, while requests are made.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type Load, startLoad } from '../support/load.ts';
import {
  type Place,
  type Running,
  ROOT,
  ask,
  berth,
  berthJson,
  newPlace,
  startDev,
} from './cluster.ts';

const PAGE = readFileSync(join(ROOT, 'docs/aws-walkthrough.md'), 'utf8');
const STEP_MS = 240_000;

/** The blocks of a language in a section, as one text. */
function blocks(number: number, language: 'sh' | 'console'): string {
  const text = PAGE.split(/^## /m).find((part) => part.startsWith(`${number}. `)) ?? '';
  const found = Array.from(text.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, is, block = '']) =>
    is === language ? block : '',
  );
  assert.ok(found.join('') !== '', `the page has no ${language} block in section ${number}`);
  return found.join('\n');
}

const section = (number: number): string => blocks(number, 'sh');

/** What the page shows of a command that is not for everybody's run: the command, and what it prints. */
function shownOf(number: number, start: string): { command: string; output: string } {
  const at = blocks(number, 'console')
    .split(/^\$ /m)
    .find((part) => part.startsWith(start));
  assert.ok(at, `section ${number} of the page does not show ${start}`);
  const [command = '', ...output] = at.split('\n');
  return { command, output: output.join('\n').trim() };
}

/** Without what lines and blanks make of it, nor what is left out behind an ellipsis. */
const words = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

describe('the AWS CLI', function () {
  this.timeout(STEP_MS + 20_000);
  const place: Place = newPlace(9);
  const port = place.portBase + 90;
  const url = `http://127.0.0.1:${port}/hello`;
  const state = join(place.dataDirectory, 'shell-state');
  let dev: Running;
  let environment: NodeJS.ProcessEnv;
  let load: Load | undefined;

  /** Goes on where the last script ended: with its variables, functions and directory. */
  async function shell(script: string): Promise<string> {
    const whole = `set -aeuo pipefail
if [ -f '${state}' ]; then . '${state}'; fi
${script}
{ export -p; declare -f; echo "cd '$PWD'"; } > '${state}'`;
    const run = promisify(execFile)('bash', ['-c', whole], {
      cwd: ROOT,
      env: environment,
      timeout: STEP_MS,
    });
    return (await run).stdout;
  }

  const revisionOf = async (): Promise<unknown> =>
    (JSON.parse((await ask(url)).body) as { revision: unknown }).revision;

  before(async () => {
    dev = await startDev(place);
    const variables = await berthJson<Record<string, string>>(place, ['env']);
    // Nothing of the machine's own configuration, and Debian's program before any other.
    const home = join(place.dataDirectory, 'home');
    const tools = join(place.dataDirectory, 'tools');
    for (const directory of [home, tools]) mkdirSync(directory);
    // The CLI asks for this program before it makes the call.
    const plugin = join(tools, 'session-manager-plugin');
    writeFileSync(plugin, '#!/bin/sh\n');
    chmodSync(plugin, 0o755);
    environment = {
      ...variables,
      HOME: home,
      PATH: `${tools}:/usr/bin:/bin:${process.env['PATH'] ?? ''}`,
      PORT: String(port),
      LANG: 'C.UTF-8',
    };
  });

  after(async function () {
    this.timeout(90_000);
    await load?.stop();
    await dev.end('SIGINT', 60_000);
    place.remove();
  });

  it('proves who it is and sees the host', async () => {
    const output = await shell(section(1));
    assert.match(output, /^arn:aws:iam::\d{12}:user\/\S+$/m);
    assert.match(output, /container-instance\/default\/[0-9a-f]{32}/);
  });

  it('makes a load balancer, a target group and a listener', async () => {
    await shell(section(2));
    assert.match(
      await shell('echo "$LOAD_BALANCER $LISTENER"'),
      /loadbalancer\/app\/shop\/.*listener\//,
    );
  });

  it('makes a service, waits until it is stable, and reaches it', async () => {
    const output = await shell(section(3));
    assert.match(output, /task-definition\/shop:1$/m);
    assert.match(output, /^healthy\s+healthy$/m);
    assert.match(output, /"revision":1\b/);
    assert.equal(await revisionOf(), 1);
  });

  it('updates it to another revision, and no request fails', async () => {
    load = startLoad({ url, requestsPerSecond: 40, timeoutMs: 15_000 });
    const output = await shell(section(4));
    await load.stop();
    assert.match(output, /PRIMARY\s+\S+shop:2/);
    assert.match(output, /ACTIVE\s+\S+shop:1/);
    assert.equal(await revisionOf(), 2);
    assert.deepEqual(load.failures().slice(0, 10), []);
    assert.ok(load.fates.length > 100, `only ${load.fates.length} requests were made`);
  });

  it('runs a task to its end, and keeps what it wrote', async () => {
    assert.match(await shell(section(5)), /^EssentialContainerExited\s+0$/m);
    const task = (await shell('echo "$TASK"')).trim();
    assert.ok(shownOf(5, 'npx berth logs').command.endsWith('logs "$TASK"'));
    const { code, stdout, stderr } = await berth(place, ['logs', task]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /working.*done/s);
  });

  it('is told by execute-command what to use', async () => {
    const { command, output } = shownOf(5, 'aws ecs execute-command');
    const answer = words(await shell(`${command} 2>&1 || true`));
    for (const part of output.split('...')) assert.ok(answer.includes(words(part)), answer);
  });

  it('takes everything away again', async () => {
    const output = await shell(section(6));
    assert.match(output, /^INACTIVE$/m);
    const left = await shell(`aws ecs list-services --query serviceArns
aws elbv2 describe-load-balancers --query "LoadBalancers[?LoadBalancerName=='shop']"
aws elbv2 describe-target-groups --query "TargetGroups[?TargetGroupName=='shop']"
aws ecs list-task-definitions --family-prefix shop --query taskDefinitionArns`);
    assert.doesNotMatch(left, /shop/);
    await assert.rejects(ask(url));
  });
});
