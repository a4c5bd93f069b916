import assert from 'node:assert/strict';

import { TestProxy, startBackEnd } from './testing/data-path.ts';

describe('forward smoke', () => {
  it('works', async () => {
    const back = await startBackEnd('one', (m, r) => {
      r.setHeader('x', JSON.stringify(m.headers));
      m.pipe(r);
    });
    const proxy = new TestProxy();
    await proxy.serve([back]);
    const answer = await fetch(`http://127.0.0.1:${proxy.port}/hello?x=1`, {
      method: 'POST',
      body: 'hello',
    });
    console.log(answer.status, answer.headers, await answer.text());
    await proxy.stop();
    await back.close();
    assert.ok(true);
  });
});
