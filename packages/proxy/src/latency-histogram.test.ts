import assert from 'node:assert/strict';

import { AggregatorRegistry, Histogram, Registry } from 'prom-client';

import { LatencyHistogram } from './latency-histogram.ts';

const OPTIONS = { name: 'seconds', help: 'How long.', buckets: [0.001, 0.1, 1] };
const SAMPLES = [0, 0.0005, 0.001, 0.05, 0.1, 0.5, 1, 2];

describe('latency histogram', () => {
  it("says what prom-client's own says of the same samples, alone and summed over workers", async () => {
    const [own, theirs] = [new Registry(), new Registry()];
    const cheap = new LatencyHistogram({ ...OPTIONS, registers: [own] });
    const usual = new Histogram({ ...OPTIONS, labelNames: ['group'], registers: [theirs] });
    for (const group of ['a', 'b']) {
      for (const sample of SAMPLES) {
        cheap.of(group).observe(sample);
        usual.labels({ group }).observe(sample);
      }
    }
    const lines = (text: string): string[] => text.split('\n').sort();
    assert.deepEqual(lines(await own.metrics()), lines(await theirs.metrics()));
    const summed = async (registry: Registry): Promise<string[]> => {
      const part = await registry.getMetricsAsJSON();
      return lines(await AggregatorRegistry.aggregate([part, part]).metrics());
    };
    assert.deepEqual(await summed(own), await summed(theirs));
  });

  it('forgets a group', async () => {
    const registry = new Registry();
    const histogram = new LatencyHistogram({ ...OPTIONS, registers: [registry] });
    histogram.of('a').observe(1);
    histogram.remove('a');
    assert.doesNotMatch(await registry.metrics(), /group=/);
  });
});
