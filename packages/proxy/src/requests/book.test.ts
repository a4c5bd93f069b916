import assert from 'node:assert/strict';

import type { RequestAnswer, RequestOrder } from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';

import { until } from '../testing/basics.ts';
import { summaryOf } from '../testing/summary.ts';
import { Answering } from './answering.ts';
import { RequestBook } from './book.ts';
import { requestRecord } from './record.ts';

const order = (parts: Partial<RequestOrder>): RequestOrder =>
  complete('RequestOrder', { orderId: 'o', ...parts });

function numbered(book: RequestBook, count: number, status = 200): void {
  for (let index = 0; index < count; index += 1) {
    const summary = summaryOf();
    summary.status = status;
    summary.receivedBytes = index;
    book.onRequestEnd(summary);
  }
}

describe('the book of requests', () => {
  it('tells of a request what the control plane asks', () => {
    assert.deepEqual(requestRecord(summaryOf(), 'p1'), {
      requestId: '1-58337281-1d84f3d73c47ec4e58577259',
      proxy: 'p1',
      at: Date.UTC(2026, 0, 2, 3, 4, 5, 138),
      client: '203.0.113.9:2817',
      protocol: 'http',
      method: 'GET',
      url: 'http://www.example.com:80/a?b=1',
      listenerId: 'l1',
      ruleId: 'r5',
      priority: 5,
      targetGroup: 'web',
      target: '10.0.0.1:80',
      taskId: 't1',
      routingRevision: 7,
      status: 200,
      targetStatus: 200,
      receivedBytes: 312,
      sentBytes: 57,
      phases: [
        { name: 'choose', micros: 125 },
        { name: 'connect', micros: 375 },
        { name: 'send', micros: 500 },
        { name: 'wait', micros: 48_000 },
        { name: 'answer', micros: 250 },
      ],
      attempts: [{ target: '10.0.0.1:80', outcome: 'answered', reusedConnection: true }],
      traceId: 'Root=1-58337281-1d84f3d73c47ec4e58577259',
    });
  });

  it('tells of one that was refused unread', () => {
    const record = requestRecord(summaryOf({ head: 'none' }), 'p1');
    assert.equal(record.url, 'http://-:80-');
    assert.equal(record.requestId, '');
    assert.deepEqual(record.phases, [{ name: 'answer', micros: 49_250 }]);
  });

  it('keeps the newest, by number and by size', () => {
    const book = new RequestBook({ proxyId: 'p', mostRequests: 10 });
    numbered(book, 25);
    assert.equal(book.size, 10);
    const sizes = book.recent({}, 4).map(({ receivedBytes }) => receivedBytes);
    assert.deepEqual(sizes, [21, 22, 23, 24]);
    const small = new RequestBook({ proxyId: 'p', mostBytes: 8_000 });
    numbered(small, 25);
    assert.ok(small.size > 0 && small.size < 8, `${small.size} are kept`);
    assert.equal(small.recent({}, 1)[0]?.receivedBytes, 24);
    const nothing = new RequestBook({ proxyId: 'p', mostBytes: 100 });
    numbered(nothing, 3);
    assert.equal(nothing.size, 0);
  });

  it('keeps of a busy second only so many, and all that went wrong', () => {
    const book = new RequestBook({ proxyId: 'p', mostPerSecond: 3 });
    for (let i = 0; i < 10; i += 1) {
      const summary = summaryOf({});
      summary.receivedBytes = i;
      summary.status = i === 8 ? 503 : 200;
      book.onRequestEnd(summary);
    }
    const sizes = book.recent({}, 10).map(({ receivedBytes }) => receivedBytes);
    assert.deepEqual(sizes, [0, 1, 2, 8]);
  });

  it('finds by status, by group and by what somebody calls a request', () => {
    const book = new RequestBook({ proxyId: 'p' });
    numbered(book, 3);
    numbered(book, 2, 502);
    assert.equal(book.recent({ minimumStatus: 500, maximumStatus: 599 }, 10).length, 2);
    assert.equal(book.recent({ targetGroup: 'web' }, 10).length, 5);
    assert.equal(book.recent({ targetGroup: 'other' }, 10).length, 0);
    for (const requestId of ['1-58337281-1d84f3d73c47ec4e58577259', 'mine']) {
      assert.equal(book.recent({ requestId }, 10).length, 5);
    }
    assert.equal(book.recent({ requestId: 'nobody' }, 10).length, 0);
  });

  it('answers an order with what has been, then, with follow, with each that ends', async () => {
    const book = new RequestBook({ proxyId: 'p' });
    const said: RequestAnswer[] = [];
    const answering = new Answering({ book, send: (answer) => said.push(answer) > 0 });
    numbered(book, 3);
    answering.take(order({ limit: 2 }));
    assert.deepEqual(
      said.map(({ requests, done }) => [requests.length, done]),
      [
        [2, false],
        [0, true],
      ],
    );
    said.length = 0;
    answering.take(order({ orderId: 'f', follow: true, minimumStatus: 500 }));
    numbered(book, 2);
    numbered(book, 2, 503);
    await until('they are told', () => said.length > 0);
    assert.deepEqual(
      said.map(({ orderId, requests }) => [orderId, requests.length]),
      [['f', 2]],
    );
    answering.take(order({ orderId: 'f', cancel: true }));
    numbered(book, 1, 503);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(said.length, 1);
  });

  it('counts what finds no room, and says so with what comes next', async () => {
    const book = new RequestBook({ proxyId: 'p' });
    const said: RequestAnswer[] = [];
    let room = false;
    const answering = new Answering({ book, send: (answer) => room && said.push(answer) > 0 });
    answering.take(order({ follow: true }));
    numbered(book, 250);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    room = true;
    numbered(book, 1);
    await until('it is told', () => said.length > 0);
    assert.equal(said[0]?.requests.length, 1);
    assert.equal(said[0].skipped, 250);
    answering.stop();
  });
});
