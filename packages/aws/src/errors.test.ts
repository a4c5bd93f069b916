import assert from 'node:assert/strict';

import { BerthError } from '@berth/model/errors.ts';

import { jsonError, queryError } from './errors.ts';

describe('AWS error answers', () => {
  const missing = new BerthError('ClusterNotFoundException', 'Cluster not found.');

  it('names the exception in __type, as the JSON 1.1 protocol does', () => {
    const answer = jsonError(missing, 'r-1');
    assert.equal(answer.status, 400);
    assert.deepEqual(JSON.parse(answer.body), {
      __type: 'ClusterNotFoundException',
      message: 'Cluster not found.',
    });
  });

  it('makes a ServerException that SDKs retry of what only Berth knows', () => {
    const answer = jsonError(new BerthError('NotLeader', 'placing 1 task: not the leader'), 'r-2');
    assert.equal(answer.status, 500);
    assert.match(answer.body, /"__type":"ServerException"/);
  });

  it('escapes the message in the Query protocol', () => {
    const answer = queryError(new BerthError('ValidationError', `"a" < 'b' & c`), 'r-3');
    assert.match(answer.body, /<Message>&quot;a&quot; &lt; &apos;b&apos; &amp; c<\/Message>/);
    assert.match(answer.body, /<Code>ValidationError<\/Code>/);
    assert.match(answer.body, /<RequestId>r-3<\/RequestId>/);
  });
});
