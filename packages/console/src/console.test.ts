import assert from 'node:assert/strict';
import { request } from 'node:http';

import { BerthError, isBerthError } from '@berth/model/errors.ts';
import type { Handlers } from '@berth/rpc/api.ts';
import { type RpcServer, serve } from '@berth/rpc/server.ts';
import { testIdentity, testLogger } from '@berth/rpc/testing/fixtures.ts';

import { startConsole } from './start.ts';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const CLUSTER = 'demo';

/** The part of the api that the console reads; everything else is refused. */
function ecs(parts: Partial<Handlers<'Ecs'>>): Handlers<'Ecs'> {
  const refuse = (): never => {
    throw new BerthError('Internal', 'not part of this test');
  };
  return new Proxy(parts as Handlers<'Ecs'>, {
    get: (known, name): unknown => Reflect.get(known, name) ?? refuse,
    has: () => true,
  });
}

/** A cluster of one host and as many services as asked for, two a page. */
function cluster(services: number): Handlers<'Ecs'> {
  const arns = Array.from({ length: services }, (_, at) => `service/${at}`);
  return ecs({
    ListHosts: () => Promise.resolve({ containerInstanceArns: ['host/1'] }),
    DescribeHosts: ({ hosts }) =>
      Promise.resolve({ hosts: hosts.map((arn) => ({ containerInstanceArn: arn })) }),
    ListServices: ({ nextToken }) => {
      const from = Number(nextToken ?? 0);
      const next = from + 2 < services ? String(from + 2) : undefined;
      return Promise.resolve({ serviceArns: arns.slice(from, from + 2), nextToken: next });
    },
    DescribeServices: (asked) => {
      assert.equal(asked.cluster, CLUSTER);
      assert.ok(asked.services.length <= 10, 'ECS describes ten services at once');
      return Promise.resolve({ services: asked.services.map((arn) => ({ serviceArn: arn })) });
    },
    ListTasks: () => Promise.resolve({ taskArns: [] }),
  });
}

describe('the console', () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function api(services: number): Promise<RpcServer> {
    const server = await serve({
      address: '127.0.0.1:0',
      tls: await testIdentity('control', 'api'),
      services: { Ecs: cluster(services) },
      logger: testLogger(),
    });
    closers.push(() => server.close(0));
    return server;
  }

  async function consoleOf(address: string, port = 0): Promise<string> {
    const tls = await testIdentity('admin', 'console');
    const options = { port, api: [address], tls, cluster: CLUSTER };
    const started = await startConsole(options, { logger: testLogger() });
    closers.push(() => started.stop(0));
    return started.url;
  }

  function ask(url: string, method = 'GET', host?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = host === undefined ? {} : { host };
      const sent = request(url, { method, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            text,
          }),
        );
      });
      sent.on('error', reject).end();
    });
  }

  it('serves its page and the script that the page names', async () => {
    const url = await consoleOf('127.0.0.1:1');
    const page = await ask(url);
    assert.equal(page.status, 200);
    assert.match(page.type, /^text\/html/);
    const script = /<script[^>]* src="([^"]+)"/.exec(page.text)?.[1];
    assert.ok(script !== undefined, 'the page has no script');
    const served = await ask(new URL(script, url).href);
    assert.equal(served.status, 200);
    assert.match(served.type, /^text\/javascript/);
    assert.equal((await ask(`${url}/nothing`)).status, 404);
  });

  it('shows all of a cluster, however many pages and batches that takes', async () => {
    const server = await api(25);
    const answer = await ask(`${await consoleOf(server.address)}/overview.json`);
    assert.equal(answer.status, 200, answer.text);
    const shown = JSON.parse(answer.text) as {
      cluster: string;
      hosts: { containerInstanceArn: string }[];
      services: { serviceArn: string }[];
      tasks: unknown[];
    };
    assert.equal(shown.cluster, CLUSTER);
    assert.deepEqual(
      shown.hosts.map((host) => host.containerInstanceArn),
      ['host/1'],
    );
    assert.deepEqual(
      shown.services.map((service) => service.serviceArn),
      Array.from({ length: 25 }, (_, at) => `service/${at}`),
    );
    assert.deepEqual(shown.tasks, []);
  });

  it('refuses a foreign page that reads it through a browser', async () => {
    const url = await consoleOf('127.0.0.1:1');
    const { port } = new URL(url);
    for (const host of ['evil.test', `evil.test:${port}`, `127.0.0.1.evil.test:${port}`]) {
      assert.equal((await ask(`${url}/overview.json`, 'GET', host)).status, 403, host);
    }
    assert.equal((await ask(url, 'GET', `localhost:${port}`)).status, 200);
  });

  it('reads only', async () => {
    const url = await consoleOf('127.0.0.1:1');
    for (const method of ['POST', 'PUT', 'DELETE']) {
      assert.equal((await ask(`${url}/overview.json`, method)).status, 405, method);
    }
  });

  it('says which port it could not have', async () => {
    const { port } = new URL(await consoleOf('127.0.0.1:1'));
    await assert.rejects(
      consoleOf('127.0.0.1:1', Number(port)),
      (error) => isBerthError(error, 'Unavailable') && error.message.includes(port),
    );
  });

  it('says in a sentence that the api is away', async () => {
    const server = await api(0);
    const url = await consoleOf(server.address);
    await server.close(0);
    const answer = await ask(`${url}/overview.json`);
    assert.equal(answer.status, 502);
    assert.match(answer.type, /^text\/plain/);
    assert.match(answer.text, /^[A-Z].*[a-z]/);
    assert.equal((await ask(url)).status, 200, 'the page is there all the same');
  });
});
