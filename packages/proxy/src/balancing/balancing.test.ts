import assert from 'node:assert/strict';

import type { Action, RuleRecord } from '@berth/model/generated/messages.ts';
import { EMPTY_TABLE, updateTable } from '@berth/model/routing/table.ts';
import * as records from '@berth/model/routing/testing.ts';

import {
  type BackEnd,
  type BackEndHandler,
  TestProxy,
  group,
  startBackEnd,
  startRawBackEnd,
  targetAt,
  until,
} from '../testing/data-path.ts';
import { rawClient, statuses } from '../testing/raw.ts';

type Attributes = Readonly<Record<string, string>>;

const get = (path: string, more = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}Connection: close\r\n\r\n`;

describe('balancing over real connections', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function backEnd(name: string, handler?: BackEndHandler): Promise<BackEnd> {
    const made = await startBackEnd(name, handler);
    closers.push(() => made.close());
    return made;
  }

  /** A proxy that routes everything to these, in a group `web` with these attributes. */
  async function proxyTo(
    backEnds: readonly { readonly port: number }[],
    attributes: Attributes = {},
    more: { rules?: RuleRecord[]; listener?: Attributes; others?: BackEnd[]; action?: Action } = {},
  ): Promise<TestProxy> {
    const proxy = new TestProxy({ settings: { halfCloseGraceMs: 20 } });
    closers.push(() => proxy.stop());
    const { others = [], rules = [], action = records.forward('web') } = more;
    proxy.route({
      listeners: [{ ...records.listener(0, action), attributes: more.listener ?? {} }],
      rules,
      groups: [group('web', attributes), group('shadow')],
      targets: [
        ...backEnds.map((made) => targetAt('web', made.port)),
        ...others.map((made) => targetAt('shadow', made.port)),
      ],
    });
    await proxy.open();
    return proxy;
  }

  const ask = (proxy: TestProxy, text: string): Promise<string> =>
    rawClient(proxy.port, text).answer();

  it('keeps a browser on its target by the cookie that it was given', async () => {
    const all = [await backEnd('b0'), await backEnd('b1'), await backEnd('b2')];
    const proxy = new TestProxy();
    closers.push(() => proxy.stop());
    const parts = records.update(1, {
      snapshot: true,
      listeners: [records.listener(0, records.forward('web'))],
      targetGroups: [group('web', { 'stickiness.enabled': 'true' })],
      targets: all.map((made) => targetAt('web', made.port)),
      cookieKeys: [{ id: 'k', key: new Uint8Array(32).fill(7) }],
    });
    proxy.path.swap(updateTable(EMPTY_TABLE, parts));
    await proxy.open();
    const first = await ask(proxy, get('/'));
    const cookie = /^Set-Cookie: (AWSALB=[^;]+);/m.exec(first)?.[1] ?? '';
    const name = first.slice(-2);
    for (let i = 0; i < 5; i += 1) {
      assert.ok((await ask(proxy, get('/', `Cookie: ${cookie}\r\n`))).endsWith(name));
    }
  });

  it('lets requests wait for room, and refuses what is too much with Retry-After', async () => {
    const held: (() => void)[] = [];
    const slow = await backEnd('slow', (message, response) => {
      message.resume();
      held.push(() => response.end('done'));
    });
    const proxy = await proxyTo([slow], {
      'berth.concurrency.per_target': '1',
      'berth.concurrency.queue_length': '1',
      'berth.concurrency.queue_timeout_ms': '60000',
    });
    const first = ask(proxy, get('/1'));
    await until('the first is there', () => held.length === 1);
    const second = ask(proxy, get('/2'));
    const [target] = proxy.targets();
    assert.ok(target);
    await until('the second waits', () => proxy.path.routing.groups.get('web')?.meter.active === 2);
    const third = await ask(proxy, get('/3'));
    assert.deepEqual(statuses(third), [503]);
    assert.match(third, /\r\nRetry-After: 60\r\n/);
    assert.equal(target.inFlight, 1);
    held.shift()?.();
    assert.deepEqual(statuses(await first), [200]);
    await until('the second is there', () => held.length === 1);
    held.shift()?.();
    assert.deepEqual(statuses(await second), [200]);
  });

  it('forgets a waiting request whose client has gone', async () => {
    const held: (() => void)[] = [];
    const slow = await backEnd('slow', (message, response) => {
      message.resume();
      held.push(() => response.end('done'));
    });
    const proxy = await proxyTo([slow], {
      'berth.concurrency.per_target': '1',
      'berth.concurrency.queue_timeout_ms': '60000',
    });
    const active = (): number | undefined => proxy.path.routing.groups.get('web')?.meter.active;
    const first = ask(proxy, get('/1'));
    await until('the first is there', () => held.length === 1);
    const impatient = rawClient(proxy.port, get('/2'));
    await until('the second waits', () => active() === 2);
    impatient.socket.destroy();
    await until('it is forgotten', () => active() === 1);
    held.shift()?.();
    assert.deepEqual(statuses(await first), [200]);
    assert.equal(slow.requests, 1);
  });

  it('leaves a target that is silent for too long, and takes another', async () => {
    const silent = await startRawBackEnd((socket) => {
      socket.on('data', (chunk) => {
        if (chunk.includes('/healthz')) {
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        }
      });
    });
    closers.push(() => silent.close());
    const quick = await backEnd('quick');
    const proxy = await proxyTo([silent, quick], { 'berth.retries.try_timeout_ms': '50' });
    for (let i = 0; i < 4; i += 1) {
      assert.deepEqual(statuses(await ask(proxy, get('/'))), [200]);
    }
    assert.equal(quick.requests, 4);
  });

  it('answers 504 when no target has answered in the time of its rule', async () => {
    const stuck = await backEnd('stuck', (message) => message.resume());
    const rule = records.rule(
      'l0',
      1,
      [records.condition('path-pattern', ['/quick'])],
      records.forward('web'),
    );
    const proxy = await proxyTo(
      [stuck],
      {},
      {
        rules: [{ ...rule, attributes: { 'berth.timeouts.request_ms': '50' } }],
      },
    );
    assert.deepEqual(statuses(await ask(proxy, get('/quick'))), [504]);
  });

  it('ejects a target that answers 503 again and again, and lets it back in', async () => {
    let well = false;
    const bad = await backEnd('bad', (message, response) => {
      message.resume();
      response.statusCode = well ? 200 : 503;
      response.end();
    });
    const good = await backEnd('good');
    const proxy = await proxyTo([bad, good], {
      'berth.ejection.consecutive_failures': '2',
      'berth.ejection.base_seconds': '1',
    });
    const target = proxy.targets().find(({ record }) => record.port === bad.port);
    assert.ok(target);
    for (let i = 0; i < 4; i += 1) await ask(proxy, get('/'));
    assert.ok(target.ejected);
    const before = bad.requests;
    for (let i = 0; i < 4; i += 1) {
      assert.deepEqual(statuses(await ask(proxy, get('/'))), [200]);
    }
    assert.equal(bad.requests, before);
    well = true;
    await until('it is back', () => !target.ejected);
  });

  it('sends a copy of each request to another group, and waits for nothing', async () => {
    const web = await backEnd('web');
    const bodies: string[] = [];
    const shadow = await backEnd('shadow', (message) => {
      let body = '';
      message.setEncoding('utf8');
      message.on('data', (chunk: string) => (body += chunk));
      message.on('end', () => bodies.push(`${message.method} ${message.url} ${body}`));
      // It never answers.
    });
    const rule = records.rule(
      'l0',
      1,
      [records.condition('path-pattern', ['/*'])],
      records.forward('web'),
    );
    const proxy = await proxyTo(
      [web],
      {},
      {
        others: [shadow],
        rules: [
          {
            ...rule,
            attributes: {
              'berth.mirror.target_group': 'shadow',
              'berth.mirror.max_body_bytes': '5',
            },
          },
        ],
      },
    );
    await until('the shadow is checked', () => proxy.targets('shadow')[0]?.healthy === true);
    const post = (body: string): string =>
      `POST /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const chunked =
      'PUT /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n';
    for (const text of [get('/g'), post('12345'), post('123456'), chunked]) {
      assert.deepEqual(statuses(await ask(proxy, text)), [200]);
    }
    await until('the copies are there', () => bodies.length === 3);
    assert.deepEqual(bodies.sort(), ['GET /g ', 'POST /p 12345', 'PUT /c abcd']);
    assert.equal(web.requests, 4);
  });

  it('refuses what is over a rate with 429', async () => {
    const web = await backEnd('web');
    const proxy = await proxyTo(
      [web],
      {},
      {
        listener: {
          'berth.client_rate_limit.requests_per_second': '0.01',
          'berth.client_rate_limit.burst': '2',
        },
      },
    );
    const answers: string[] = [];
    for (let i = 0; i < 3; i += 1) answers.push(await ask(proxy, get('/')));
    assert.deepEqual(answers.flatMap(statuses), [200, 200, 429]);
    assert.match(answers[2] ?? '', /\r\nRetry-After: \d+\r\n/);
    assert.equal(web.requests, 2);
  });

  it('makes paths plain before rules see them, or refuses those that are not', async () => {
    const paths: string[] = [];
    const web = await backEnd('web', (message, response) => {
      paths.push(message.url ?? '');
      response.end();
    });
    const rules = [
      records.rule(
        'l0',
        1,
        [records.condition('path-pattern', ['/admin/*'])],
        records.fixed('403'),
      ),
    ];
    const hidden = get('/a/..//%61dmin/x?q=/../');
    const off = await proxyTo([web], {}, { rules });
    assert.deepEqual(statuses(await ask(off, hidden)), [200], 'as ALB does');
    const normal = await proxyTo(
      [web],
      {},
      {
        rules,
        listener: { 'berth.path.normalization': 'normalize' },
      },
    );
    assert.deepEqual(statuses(await ask(normal, hidden)), [403]);
    assert.deepEqual(statuses(await ask(normal, get('/b/./c//d?q=//'))), [200]);
    assert.deepEqual(statuses(await ask(normal, get('/b%2fc'))), [400]);
    const strict = await proxyTo(
      [web],
      {},
      {
        rules,
        listener: { 'berth.path.normalization': 'reject' },
      },
    );
    assert.deepEqual(statuses(await ask(strict, hidden)), [400]);
    assert.deepEqual(paths, ['/a/..//%61dmin/x?q=/../', '/b/c/d?q=//']);
  });

  it('refuses a body that is too large', async () => {
    const web = await backEnd('web');
    const proxy = await proxyTo([web], { 'berth.request.max_body_bytes': '3' });
    const known = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n1234';
    const unknown =
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n0\r\n\r\n';
    const small = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n123';
    assert.deepEqual(statuses(await ask(proxy, known)), [413]);
    assert.deepEqual(statuses(await ask(proxy, unknown)), [413]);
    assert.deepEqual(statuses(await ask(proxy, small)), [200]);
  });
});
