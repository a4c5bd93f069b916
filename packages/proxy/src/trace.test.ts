import assert from 'node:assert/strict';

import * as records from '@berth/model/routing/testing.ts';
import { EMPTY_TABLE, updateTable } from '@berth/model/routing/table.ts';

import {
  type BackEnd,
  TestProxy,
  group,
  startBackEnd,
  targetAt,
  until,
} from './testing/data-path.ts';
import { nextTrace, rootOf, traceparentOf } from './trace.ts';

const ROOT = '1-58337281-1d84f3d73c47ec4e58577259';

describe('traces', () => {
  it('name their root, whoever made it', () => {
    assert.equal(rootOf(`Root=${ROOT}`), ROOT);
    assert.equal(rootOf(`Self=1-a-b; root=${ROOT};Sampled=1`), ROOT);
    assert.equal(rootOf('Self=1-a-b'), '');
    assert.match(rootOf(nextTrace(undefined, 1_700_000_000_000)), /^1-[0-9a-f]{8}-[0-9a-f]{24}$/);
    assert.equal(rootOf(nextTrace(`Root=${ROOT}`, 1)), ROOT);
  });

  it('have a trace context of the same id', () => {
    const context = traceparentOf(ROOT);
    assert.match(context ?? '', /^00-583372811d84f3d73c47ec4e58577259-[0-9a-f]{16}-01$/);
    assert.equal(traceparentOf('mine'), undefined);
  });
});

describe('the attributes about traces', () => {
  let backEnd: BackEnd;
  let proxy: TestProxy;
  beforeEach(async () => {
    backEnd = await startBackEnd('web', (message, response) => {
      response.end(JSON.stringify(message.headers));
    });
    proxy = new TestProxy();
  });
  afterEach(async () => {
    await proxy.stop();
    await backEnd.close();
  });

  const serve = async (attributes: Record<string, string>): Promise<void> => {
    const update = records.update(1, {
      snapshot: true,
      loadBalancers: [
        {
          name: 'lb',
          id: '0123456789abcdef',
          type: 'application',
          scheme: 'internal',
          ipAddressType: 'ipv4',
          vpcId: '',
          availabilityZones: [],
          securityGroups: [],
          attributes,
          createdAt: 1,
          tags: [],
        },
      ],
      listeners: [{ ...records.listener(0, records.forward('web')), loadBalancer: 'lb' }],
      targetGroups: [group('web')],
      targets: [targetAt('web', backEnd.port)],
    });
    proxy.path.swap(updateTable(EMPTY_TABLE, update));
    await proxy.open();
    await until('the back end is healthy', () => proxy.targets()[0]?.health.state === 'healthy');
  };
  const ask = async (headers: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${proxy.port}/`, { headers });
    return {
      seen: (await response.json()) as Record<string, string>,
      requestId: response.headers.get('x-request-id'),
    };
  };

  it('add nothing by default, and pass on what comes', async () => {
    await serve({});
    const { seen, requestId } = await ask();
    assert.equal(seen['traceparent'], undefined);
    assert.equal(requestId, null);
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
    assert.equal((await ask({ traceparent })).seen['traceparent'], traceparent);
  });

  it('make a trace context and tell the id of a request', async () => {
    await serve({
      'berth.trace_context.mode': 'create',
      'berth.request_id.response_header.enabled': 'true',
    });
    const { seen, requestId } = await ask();
    const root = rootOf(seen['x-amzn-trace-id'] ?? '');
    assert.equal(requestId, root);
    const shared = await ask({ 'x-amzn-trace-id': `Root=${ROOT}` });
    assert.equal(rootOf(shared.seen['x-amzn-trace-id'] ?? ''), ROOT);
    assert.notEqual(shared.requestId, ROOT, 'each request of a trace has an id of its own');
    const [, seconds = '', rest = ''] = root.split('-');
    assert.ok(seen['traceparent']?.startsWith(`00-${seconds}${rest}-`));
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
    assert.equal((await ask({ Traceparent: traceparent })).seen['traceparent'], traceparent);
  });
});
