import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import { RequestMetrics } from './metrics-requests.ts';
import { summaryOf } from './testing/summary.ts';

describe('the metrics of requests', () => {
  let registry: Registry;
  let metrics: RequestMetrics;

  beforeEach(() => {
    registry = new Registry();
    metrics = new RequestMetrics(registry);
  });

  const lines = async (): Promise<string[]> =>
    (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));

  it('count by listener, by who answered and by class', async () => {
    metrics.onRequestEnd(summaryOf());
    const failed = summaryOf();
    failed.status = 502;
    failed.targetStatus = 0;
    failed.answeredAt = 0;
    for (const attempt of failed.attempts) attempt.outcome = 'reset';
    metrics.onRequestEnd(failed);
    const gone = summaryOf();
    gone.status = 0;
    metrics.onRequestEnd(gone);
    const found = await lines();
    for (const line of [
      'berth_proxy_listener_requests_total{port="80",type="http"} 3',
      'berth_proxy_listener_responses_total{port="80",origin="target",class="2xx"} 1',
      'berth_proxy_listener_responses_total{port="80",origin="proxy",class="5xx"} 1',
      'berth_proxy_processed_bytes_total{port="80",direction="received"} 936',
      'berth_proxy_failed_tries_total{group="web"} 1',
      'berth_proxy_target_response_seconds_count{group="web"} 2',
      'berth_proxy_target_response_seconds_bucket{le="0.1",group="web"} 2',
      'berth_proxy_target_response_seconds_bucket{le="0.025",group="web"} 0',
    ]) {
      assert.ok(found.includes(line), `${line}\nin\n${found.join('\n')}`);
    }
  });

  it('count what is not by the letter', async () => {
    const summary = summaryOf({ head: 'none' });
    summary.desync = { classification: 'Severe', reason: 'BadMethod' };
    metrics.onRequestEnd(summary);
    const found = await lines();
    assert.ok(
      found.includes('berth_proxy_non_compliant_requests_total{classification="Severe"} 1'),
    );
    assert.ok(
      found.includes('berth_proxy_non_compliant_requests_total{classification="Ambiguous"} 0'),
    );
  });

  it('have no series of what is gone', async () => {
    metrics.onRequestEnd(summaryOf());
    metrics.keepOnly(new Set([80]), new Set(['web']));
    assert.ok((await lines()).some((line) => line.includes('group="web"')));
    metrics.keepOnly(new Set(), new Set());
    assert.ok(!(await lines()).some((line) => line.includes('web') || line.includes('port=')));
    metrics.remove();
    assert.deepEqual(await lines(), []);
  });
});
