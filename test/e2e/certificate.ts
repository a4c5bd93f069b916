// What roles.test.ts asks of the certificate of a deployment, under load through two proxies: what they counted is what the client counted, task by task; the one
// request that outlasted the deregistration delay is named.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';

import type { DeploymentCertificateRecord, Task } from '@berth/model/generated/messages.ts';

import {
  type Answer,
  type Place,
  type Running,
  ROOT,
  ask,
  berth,
  berthJson,
  eventually,
  launch,
} from './cluster.ts';

const REQUESTS_PER_SECOND = 60;
const LEAST_REQUESTS = 200;
const SLOW_EVERY = 20;
const SLOW_MS = 1_000;
const SECOND_BIND = '127.0.0.2';

/** The first proxy listens on 127.0.0.1. */
export async function startSecondProxy(place: Place): Promise<Running> {
  const tls = join(place.dataDirectory, 'tls');
  const own = join(place.dataDirectory, 'tls-p2');
  mkdirSync(own);
  copyFileSync(join(tls, 'ca.crt'), join(own, 'ca.crt'));
  const issue = ['certificate', 'issue', 'proxy', 'p2', '--out', join(own, 'proxy')];
  const issued = await berth(place, issue);
  assert.equal(issued.code, 0, issued.stderr);
  const admin = `127.0.0.1:${place.portBase + 15}`;
  const proxy = launch(
    process.execPath,
    [
      ...[join(ROOT, 'packages/cli/bin/berth.mjs'), 'proxy', '--id', 'p2', '--bind', SECOND_BIND],
      ...['--api', `127.0.0.1:${place.portBase}`, '--admin', admin, '--tls-dir', own],
      ...['--data-dir', join(place.dataDirectory, 'proxy-2'), '--workers', '2'],
    ],
    place.env,
  );
  await eventually('the second proxy is ready', 30_000, async () =>
    (await fetch(`http://${admin}/readyz`)).ok ? true : undefined,
  );
  return proxy;
}

/** A request that never ends by itself: the body that it announces does not come. */
function hold(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', agent: false }, (incoming) => {
      incoming.resume();
      incoming.once('close', () => resolve(incoming.statusCode ?? 0));
    });
    outgoing.setHeader('content-length', 2);
    outgoing.once('error', reject);
    outgoing.write('h');
  });
}

function taskOf({ body }: Answer): string {
  return /\b[0-9a-f]{32}\b/.exec(body)?.[0] ?? assert.fail(body);
}

/** Requests on a fixed schedule, each on a connection of its own, until there are enough and new tasks have answered too. */
async function load(urls: readonly string[], known: ReadonlySet<string>): Promise<Answer[]> {
  const sent: Promise<Answer>[] = [];
  const news = new Set<string>();
  let failed = false;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (failed || (sent.length >= LEAST_REQUESTS && news.size >= 2)) {
        clearInterval(timer);
        resolve();
        return;
      }
      const url = urls[sent.length % urls.length] ?? assert.fail();
      const slow = sent.length % SLOW_EVERY === 0 ? `/slow?ms=${SLOW_MS}` : '';
      const answer = sent.length % 3 === 0 ? ask(url, 'POST', 'a body') : ask(url + slow);
      answer.then(
        (each) => {
          if (each.status === 200 && !known.has(taskOf(each))) news.add(taskOf(each));
        },
        () => (failed = true),
      );
      sent.push(answer);
    }, 1_000 / REQUESTS_PER_SECOND);
  });
  return Promise.all(sent);
}

/** Each request counted once, as the client does, and the one that failed named. @param place with both proxies */
export async function certifiesUpdate(place: Place): Promise<void> {
  const certificate = (): Promise<DeploymentCertificateRecord> =>
    berthJson<DeploymentCertificateRecord>(place, ['deployment', 'certificate', 'hello']);
  const urls = [place.url, place.url.replace('127.0.0.1', SECOND_BIND)];
  await eventually('the second proxy serves', 30_000, async () =>
    (await ask(urls[1] ?? '')).status === 200 ? true : undefined,
  );
  const first = await eventually('the first certificate is closed', 30_000, async () => {
    const found = await certificate();
    return found.status === 'SUCCESSFUL' ? found : undefined;
  });
  const { tasks } = await berthJson<{ tasks: Task[] }>(place, [
    ...['task', 'list', '--service', 'hello'],
  ]);
  const old = new Set(tasks.map(({ taskArn }) => taskArn.split('/').at(-1) ?? ''));
  assert.equal(old.size, 4);

  const held = hold(place.url);
  const update = ['service', 'update', 'hello', '--force-new-deployment', '--detach'];
  const { code, stdout, stderr } = await berth(place, update);
  assert.equal(code, 0, stdout + stderr);
  const open = await eventually('the certificate is open', 30_000, async () => {
    const found = await certificate();
    return found.id === first.id ? undefined : found;
  });
  assert.equal(open.status, 'OPEN');
  // Its end waits for the held request, for which the old tasks wait as long as the group's deregistration delay is.
  const answers = await load(urls, old);
  assert.equal(await held, 502);
  const closed = await eventually('the certificate is closed', 60_000, async () => {
    const found = await certificate();
    return found.status === 'OPEN' ? undefined : found;
  });
  assert.equal(closed.id, open.id);
  assert.equal(closed.status, 'SUCCESSFUL');

  assert.deepEqual(closed.unknown, []);
  assert.equal(closed.requests, answers.length + 1);
  assert.deepEqual([closed.failed, closed.failedOtherwise, closed.untaken], [1, 0, []]);
  const [failure = assert.fail('the failed request is not named')] = closed.failures;
  assert.equal(closed.failures.length, 1);
  assert.ok(failure.ofChange && failure.requestId !== '' && failure.reason !== '');
  assert.ok(old.has(failure.taskId), 'it was at an old task');

  const byClient = new Map([[failure.taskId, 1]]);
  for (const answer of answers) {
    assert.equal(answer.status, 200, answer.body);
    byClient.set(taskOf(answer), (byClient.get(taskOf(answer)) ?? 0) + 1);
  }
  const byProxies = new Map(
    closed.revisions.flatMap(({ targets }) =>
      targets.map(({ taskId, requests }) => [taskId, requests] as const),
    ),
  );
  assert.deepEqual(new Map([...byProxies].sort()), new Map([...byClient].sort()));
  assert.equal(closed.revisions.length, 2, 'of the old and the new deployment');
  assert.ok(closed.revisions.some(({ deploymentId }) => deploymentId === closed.deploymentId));

  assert.ok((closed.latency?.worst?.milliseconds ?? 0) >= SLOW_MS);
  const [rolling] = closed.phases;
  assert.equal(rolling?.name, 'ROLLING');
  assert.ok((rolling.to ?? 0) > rolling.from);
  assert.ok(rolling.waits.some(({ waitsFor }) => waitsFor === 'requests on old tasks to end'));
  const shown = await berth(place, ['deployment', 'certificate', 'hello']);
  assert.match(shown.stdout, /Failed: +1 because of it, 0 otherwise/);
  assert.match(shown.stdout, /Counts: +exact/);
  assert.ok(shown.stdout.includes(failure.requestId), shown.stdout);
}
