import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Channel } from '@berth/control/channel.ts';
import type {
  ProxyMessage,
  RequestAnswer,
  RequestOrder,
  RoutingUpdate,
  TargetHealthRecord,
} from '@berth/model/generated/messages.ts';
import * as records from '@berth/model/routing/testing.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import type { Input, TlsIdentity } from '@berth/rpc/api.ts';
import { type RpcServer, serve } from '@berth/rpc/server.ts';
import { testIdentity } from '@berth/rpc/testing/fixtures.ts';
import { Registry } from 'prom-client';

import { type ProxyRole, startProxy } from './start.ts';
import { type BackEnd, group, silent, startBackEnd, targetAt, until } from './testing/data-path.ts';
import { rawClient, statuses } from './testing/raw.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

/** A stream over which a test asks about requests. */
interface Questions {
  readonly orders: Channel<Input<RequestOrder>>;
  readonly answers: RequestAnswer[];
}

/** An api that says what a test tells it to, and remembers what it hears. */
class ScriptedApi {
  readonly server: RpcServer;
  readonly heard: ProxyMessage[][];
  readonly questions: readonly Questions[];
  readonly #sessions: Channel<RoutingUpdate>[];

  constructor(
    server: RpcServer,
    heard: ProxyMessage[][],
    sessions: Channel<RoutingUpdate>[],
    questions: readonly Questions[],
  ) {
    this.server = server;
    this.heard = heard;
    this.#sessions = sessions;
    this.questions = questions;
  }

  static async start(
    tls: TlsIdentity,
    first: () => RoutingUpdate,
    address = '127.0.0.1:0',
  ): Promise<ScriptedApi> {
    const heard: ProxyMessage[][] = [];
    const sessions: Channel<RoutingUpdate>[] = [];
    const questions: Questions[] = [];
    const server = await serve({
      address,
      tls,
      logger: silent,
      services: {
        Proxies: {
          async *Session(messages, { signal }) {
            const channel = new Channel<RoutingUpdate>(100);
            const own: ProxyMessage[] = [];
            sessions.push(channel);
            heard.push(own);
            const listening = (async () => {
              for await (const message of messages) {
                own.push(message);
                if (message.hello !== undefined) channel.offer(first());
              }
            })();
            listening.catch(() => undefined).finally(() => channel.close());
            signal.addEventListener('abort', () => channel.close());
            yield* channel;
          },
          async *Requests(answers, { signal }) {
            const orders = new Channel<Input<RequestOrder>>(100);
            const own: RequestAnswer[] = [];
            questions.push({ orders, answers: own });
            const listening = (async () => {
              for await (const answer of answers) own.push(answer);
            })();
            listening.catch(() => undefined).finally(() => orders.close());
            signal.addEventListener('abort', () => orders.close());
            yield* orders;
          },
        },
      },
    });
    return new ScriptedApi(server, heard, sessions, questions);
  }

  /** What the session that stands now has heard. */
  get current(): ProxyMessage[] {
    return this.heard.at(-1) ?? [];
  }

  say(update: RoutingUpdate): void {
    assert.ok(this.#sessions.at(-1)?.offer(update));
  }

  hangUp(): void {
    this.#sessions.at(-1)?.close();
  }

  /** The last that was reported of a target, in the session that stands now. */
  health(target: string): TargetHealthRecord | undefined {
    return this.current
      .flatMap((message) => message.health?.targets ?? [])
      .findLast((record) => record.target === target);
  }

  get applied(): number | undefined {
    return this.current
      .map((message) => message.appliedRevision)
      .findLast((revision) => revision !== undefined);
  }
}

for (const workers of [1, 2])
  describe(`session of ${workers} processes`, () => {
    const closers: (() => Promise<unknown>)[] = [];
    let directory: string;
    let backEnd: BackEnd;
    let control: TlsIdentity;
    let identity: TlsIdentity;

    before(async () => {
      control = await testIdentity('control', 'api');
      identity = await testIdentity('proxy', 'p1');
    });
    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'berth-proxy-'));
      backEnd = await startBackEnd('ok');
    });
    afterEach(async () => {
      for (const close of closers.splice(0).reverse()) await close();
      await backEnd.close();
      await rm(directory, { recursive: true });
    });

    const snapshot = (revision = 10): RoutingUpdate =>
      records.update(revision, {
        snapshot: true,
        listeners: [records.listener(0, records.forward('web'))],
        targetGroups: [group('web')],
        targets: [targetAt('web', backEnd.port)],
      });
    const targetId = (): string => targetAt('web', backEnd.port).id;

    async function startApi(first = snapshot, address?: string): Promise<ScriptedApi> {
      const api = await ScriptedApi.start(control, first, address);
      closers.push(() => api.server.close(0));
      return api;
    }

    async function start(address: string, firstTableMs = 5_000): Promise<ProxyRole> {
      const proxy = await startProxy(
        {
          api: [address],
          tls: identity,
          id: 'p1',
          bindAddress: '127.0.0.1',
          dataDirectory: join(directory, 'proxy'),
          version: '1.2.3',
          firstTableMs,
          workers,
          logLevel: 'error',
        },
        { clock: realClock, random: realRandom, logger: silent, metrics: new Registry() },
      );
      closers.push(() => proxy.stop(0));
      return proxy;
    }

    async function ask(proxy: ProxyRole): Promise<string> {
      await until('its port is open', () => proxy.portOf(0) !== undefined);
      return rawClient(proxy.portOf(0) ?? 0, GET).answer();
    }

    it('says hello, serves by the snapshot, acknowledges it and reports health', async () => {
      const api = await startApi();
      const proxy = await start(api.server.address);
      await until('it is ready', () => proxy.unready() === undefined);
      assert.deepEqual(statuses(await ask(proxy)), [200]);
      const hello = api.current[0]?.hello;
      assert.deepEqual([hello?.proxyId, hello?.version], ['p1', '1.2.3']);
      await until('the revision is acknowledged', () => api.applied === 10);
      await until('the target is reported', () => api.health(targetId())?.state === 'healthy');
      const { since, ...rest } = api.health(targetId())!;
      assert.deepEqual(rest, {
        group: 'web',
        target: targetId(),
        proxy: 'p1',
        state: 'healthy',
        routingRevision: 10,
      });
      assert.ok(since > 1_600_000_000_000);
      assert.match(proxy.routes(), /^revision 10\nlistener 0 HTTP/);
    });

    it('applies changes before it acknowledges them, and reports drained', async () => {
      const api = await startApi();
      const proxy = await start(api.server.address);
      await until('the target is healthy', () => api.health(targetId())?.state === 'healthy');
      api.say(records.update(11, { targets: [targetAt('web', backEnd.port, 'DRAINING')] }));
      await until('the change is acknowledged', () => api.applied === 11);
      assert.deepEqual(statuses(await ask(proxy)), [503]);
      await until('it is reported', () => api.health(targetId())?.state === 'drained');
      assert.equal(api.health(targetId())?.routingRevision, 11);
      assert.equal(api.health(targetId())?.reason, 'Target.DeregistrationInProgress');
      api.say(records.update(12, { removedTargets: [`web/${targetId()}`] }));
      await until('the change is acknowledged', () => api.applied === 12);
    });

    it('reports a target in use as draining until its last request has ended', async () => {
      let finish = (): void => undefined;
      const slow = await startBackEnd('slow', (_message, response) => {
        finish = () => response.end('done');
      });
      closers.push(() => slow.close());
      const of = (state?: 'DRAINING'): RoutingUpdate => ({
        ...snapshot(state === undefined ? 10 : 11),
        targets: [targetAt('web', slow.port, state)],
      });
      const api = await startApi(() => of());
      const proxy = await start(api.server.address);
      const { id } = targetAt('web', slow.port);
      const answer = ask(proxy);
      await until('it is in flight', () => slow.requests === 1);
      api.say(of('DRAINING'));
      await until('it is draining', () => api.health(id)?.state === 'draining');
      finish();
      assert.deepEqual(statuses(await answer), [200]);
      await until('it is drained', () => api.health(id)?.state === 'drained');
    });

    it('reports traffic while it changes', async () => {
      const api = await startApi();
      const proxy = await start(api.server.address);
      for (let i = 0; i < 3; i += 1) await ask(proxy);
      const last = () =>
        api.current.map((message) => message.traffic).findLast((traffic) => traffic !== undefined);
      await until('the requests are reported, and their end', () => {
        const [web] = last()?.groups ?? [];
        return web?.requests === 3 && web.active === 0;
      });
      assert.deepEqual(last()?.groups, [
        { group: 'web', requests: 3, failed: 0, targetErrors: 0, active: 0 },
      ]);
    });

    it('after a break serves on, says hello again and reports everything again', async () => {
      const api = await startApi();
      const proxy = await start(api.server.address);
      await until('the target is healthy', () => api.health(targetId())?.state === 'healthy');
      api.hangUp();
      assert.deepEqual(statuses(await ask(proxy)), [200]);
      await until('a second session stands', () => api.heard.length === 2 && api.applied === 10);
      const hello = api.current[0]?.hello;
      assert.deepEqual([hello?.proxyId, hello?.version], ['p1', '1.2.3']);
      await until('health is reported again', () => api.health(targetId())?.state === 'healthy');
    });

    it('drops what a new snapshot does not name', async () => {
      let current = snapshot();
      const api = await startApi(() => current);
      const proxy = await start(api.server.address);
      current = { ...snapshot(20), targets: [] };
      api.hangUp();
      await until('the new snapshot is acknowledged', () => api.applied === 20);
      assert.deepEqual(statuses(await ask(proxy)), [503]);
    });

    it('serves on while the api is away, and finds it again', async () => {
      const api = await startApi();
      const proxy = await start(api.server.address);
      await api.server.close(0);
      assert.deepEqual(statuses(await ask(proxy)), [200]);
      await until('it is ready', () => proxy.unready() === undefined);
      const again = await startApi(() => snapshot(30), api.server.address);
      await until('the session stands again', () => again.applied === 30);
    });

    it('restarted without an api serves from the saved table', async () => {
      const api = await startApi();
      const first = await start(api.server.address);
      await first.stop(0);
      await api.server.close(0);
      const second = await start(api.server.address, 100);
      await until('it is ready', () => second.unready() === undefined);
      assert.deepEqual(statuses(await ask(second)), [200]);
      const again = await startApi(() => ({ ...snapshot(40), targets: [] }), api.server.address);
      await until('the api counts again', () => again.applied === 40);
      assert.deepEqual(statuses(await ask(second)), [503]);
    });

    it('takes an update in parts as one', async () => {
      const api = await startApi(() => ({
        ...snapshot(),
        targets: [],
        targetGroups: [],
        more: true,
      }));
      const starting = start(api.server.address);
      await until('the session stands', () => api.current.length > 0);
      assert.ok(api.applied === undefined);
      api.say({ ...snapshot(), listeners: [] });
      const proxy = await starting;
      assert.deepEqual(statuses(await ask(proxy)), [200]);
      await until('it is acknowledged', () => api.applied === 10);
    });

    it('answers what it is asked of requests', async () => {
      const api = await startApi();
      const proxy = await start(api.server.address);
      for (let turn = 0; turn < 4; turn += 1) await ask(proxy);
      await until('it can be asked', () => api.questions.length > 0);
      const { orders, answers } = api.questions.at(-1)!;
      orders.offer({ orderId: 'a', limit: 10 });
      await until('it is answered', () => answers.some(({ done }) => done));
      const requests = answers.flatMap((answer) => answer.requests);
      assert.equal(requests.length, 4);
      for (const request of requests) {
        assert.equal(request.status, 200);
        assert.equal(request.targetGroup, 'web');
        assert.equal(request.routingRevision, 10);
        assert.equal(request.attempts.length, 1);
      }
      orders.offer({ orderId: 'b', follow: true });
      orders.offer({ orderId: 'c' });
      await until('both are taken', () => answers.some(({ orderId }) => orderId === 'c'));
      await ask(proxy);
      await until('it is told', () => answers.some(({ orderId }) => orderId === 'b'));
    });

    it('without an api and without a saved table says that it is not ready', async () => {
      const proxy = await start('127.0.0.1:1', 50);
      assert.equal(proxy.unready(), 'no routing table yet: no api answers at 127.0.0.1:1');
    });

    it('does not trust a saved table that is damaged', async () => {
      const api = await startApi();
      const first = await start(api.server.address);
      await first.stop(0);
      await api.server.close(0);
      const path = join(directory, 'proxy', 'routing.table');
      const bytes = await readFile(path);
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      await writeFile(path, bytes.subarray(0, 120));
      const second = await start(api.server.address, 50);
      assert.match(second.unready() ?? '', /no routing table yet/);
    });
  });
