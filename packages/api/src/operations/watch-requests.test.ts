import assert from 'node:assert/strict';

import { Channel } from '@berth/control/channel.ts';
import { isBerthError } from '@berth/model/errors.ts';
import type {
  RequestAnswer,
  RequestBatch,
  RequestOrder,
  RequestRecord,
} from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import { eventually, readAll, TestCluster, type Replica } from '../testing/cluster.ts';

/** A proxy with a session and a stream for questions, which answers as a test tells it to. */
interface AskedProxy {
  readonly orders: RequestOrder[];
  readonly out: Channel<Input<RequestAnswer>>;
  order(holds: (order: RequestOrder) => boolean): Promise<RequestOrder>;
  answer(order: RequestOrder, done: boolean, ...requests: Input<RequestRecord>[]): void;
}

describe('requests', () => {
  let cluster: TestCluster;
  let replicas: [Replica, Replica];
  let outs: Channel<Input<RequestAnswer>>[];

  beforeEach(async () => {
    cluster = new TestCluster();
    replicas = [await cluster.replica(), await cluster.replica()];
    outs = [];
  });
  afterEach(async () => {
    for (const out of outs) out.close();
    await cluster.close();
  });

  async function proxy(replica: Replica, id: string): Promise<AskedProxy> {
    const session = await cluster.proxy(replica, id);
    await eventually('the snapshot', () => session.received[0]);
    for (const { cache } of replicas) {
      await eventually('its session', () => cache.get(collections.sessions, 'proxy', id));
    }
    const client = await cluster.client('Proxies', replica, 'proxy', id);
    const out = new Channel<Input<RequestAnswer>>(1_000);
    outs.push(out);
    const orders: RequestOrder[] = [];
    void readAll(client.Requests(out), orders).catch(() => undefined);
    // An answer to no question: when it is through, the stream stands.
    out.offer({ orderId: 'none' });
    return {
      orders,
      out,
      order: (holds) => eventually('an order', () => orders.find(holds)),
      answer: (order, done, ...requests) => {
        assert.ok(out.offer({ orderId: order.orderId, done, requests }));
      },
    };
  }

  /** Asks until the proxies are among those who are asked. */
  async function ask(
    replica: Replica,
    proxies: readonly AskedProxy[],
    request: object,
    answers: (proxy: AskedProxy, order: RequestOrder) => void,
  ): Promise<RequestBatch[]> {
    const client = await cluster.client('Operations', replica);
    return eventually('all are asked', async () => {
      const before = proxies.map(({ orders }) => orders.length);
      const reading = readAll(client.WatchRequests(request));
      let over = false;
      const answering = Promise.all(
        proxies.map(async (one, index) => {
          const order = await eventually('an order or the end', () => {
            const found = one.orders.slice(before[index]).find(({ cancel }) => !cancel);
            return found ?? (over && 'over');
          });
          if (order !== 'over') answers(one, order);
          return order !== 'over';
        }),
      );
      const batches = await reading;
      over = true;
      return (await answering).every(Boolean) && batches;
    });
  }

  it('come of all proxies in the order of their time, no more than asked for', async () => {
    const [first, second] = [await proxy(replicas[0], 'p1'), await proxy(replicas[1], 'p2')];
    const batches = await ask(
      replicas[0],
      [first, second],
      { limit: 3, status: '5xx', targetGroup: 'web' },
      (one, order) => {
        assert.equal(order.minimumStatus, 500);
        assert.equal(order.maximumStatus, 599);
        assert.equal(order.targetGroup, 'web');
        const at = one === first ? [10, 30] : [20, 40];
        one.answer(order, true, ...at.map((time) => ({ requestId: `r${time}`, at: time })));
      },
    );
    const requests = batches.flatMap((batch) => batch.requests);
    assert.deepEqual(
      requests.map(({ requestId, proxy: by }) => `${requestId} ${by}`),
      ['r20 p2', 'r30 p1', 'r40 p2'],
    );
    assert.deepEqual(batches[0]?.missing, []);
  });

  it('go on with follow, also of a proxy that connects later, and each comes once', async () => {
    const first = await proxy(replicas[0], 'p1');
    const client = await cluster.client('Operations', replicas[0]);
    const end = new AbortController();
    const batches: RequestBatch[] = [];
    const reading = readAll(
      client.WatchRequests({ limit: 10, follow: true }, { signal: end.signal }),
      batches,
    );
    const ids = (): string[] =>
      batches.flatMap((batch) => batch.requests.map(({ requestId }) => requestId));
    const live = await first.order(({ follow }) => follow);
    const past = await first.order(({ follow, cancel }) => !follow && !cancel);
    first.answer(live, false, { requestId: 'b', at: 2 });
    first.answer(past, true, { requestId: 'a', at: 1 }, { requestId: 'b', at: 2 });
    await eventually('the past', () => ids().length === 2);
    const second = await proxy(replicas[0], 'p2');
    const late = await second.order(({ follow }) => follow);
    assert.equal(late.limit, 0);
    second.answer(late, false, { requestId: 'c', at: 3 });
    await eventually('what is new', () => ids().includes('c'));
    assert.deepEqual(ids(), ['a', 'b', 'c']);
    end.abort();
    await assert.rejects(reading);
    await first.order(({ cancel, orderId }) => cancel && orderId === live.orderId);
  });

  it('say whose answer is missing when a proxy leaves', async () => {
    const first = await proxy(replicas[0], 'p1');
    const batches = await ask(replicas[1], [first], { limit: 5 }, ({ out }) => out.close());
    assert.match(batches[0]?.missing.join() ?? '', /p1: its connection ended/);
  });

  it('refuse a status or limit that can not be', async () => {
    const client = await cluster.client('Operations', replicas[0]);
    for (const request of [{ status: '5x' }, { limit: -1 }, { limit: 1_001 }]) {
      await assert.rejects(readAll(client.WatchRequests(request)), (error) =>
        isBerthError(error, 'InvalidParameterException'),
      );
    }
    await assert.rejects(client.ExplainRequest({}), (error) =>
      isBerthError(error, 'InvalidParameterException'),
    );
  });

  it('are explained with their rule and target, and whether the rule is another now', async () => {
    await cluster.put(collections.listeners, ['l1'], { id: 'l1', port: 80 });
    const rule = { id: 'r1', listenerId: 'l1', priority: 5 };
    const { revision } = await cluster.put(collections.rules, ['l1', 'r1'], rule);
    const target = { group: 'web', id: 't1', address: '10.0.0.1', port: 80, taskId: 'task' };
    await cluster.put(collections.targets, ['web', 't1'], target);
    const first = await proxy(replicas[0], 'p1');
    const client = await cluster.client('Operations', replicas[0]);
    const explain = async (routingRevision: number) => {
      const before = first.orders.length;
      const asked = client.ExplainRequest({ requestId: 'x' });
      const order = await eventually('an order', () =>
        first.orders.slice(before).find(({ requestId }) => requestId === 'x'),
      );
      first.answer(order, true, {
        requestId: 'x',
        listenerId: 'l1',
        ruleId: 'r1',
        targetGroup: 'web',
        target: '10.0.0.1:80',
        routingRevision,
      });
      return (await asked).requests[0];
    };
    const known = await explain(revision);
    assert.equal(known?.rule?.priority, 5);
    assert.equal(known.listener?.port, 80);
    assert.equal(known.target?.taskId, 'task');
    assert.equal(known.changed, false);
    assert.equal((await explain(revision - 1))?.changed, true);
  });
});
