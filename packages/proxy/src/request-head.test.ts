// The head that targets get.
import assert from 'node:assert/strict';

import { headerPairs } from './header-lines.ts';
import {
  type ForwardingRules,
  type RequestHead,
  headOfList,
  isRefusal,
  outgoingLines,
} from './request-head.ts';

function headWith(...pairs: string[]): RequestHead {
  const head = headOfList({
    method: 'GET',
    target: '/',
    authority: 'example.com',
    pairs,
    bodyLength: 0,
    sourceAddress: '192.0.2.1',
  });
  assert.ok(!isRefusal(head));
  return head;
}

const RULES: ForwardingRules = {
  dropInvalidHeaders: false,
  tlsHeaders: false,
  forwardedFor: 'append',
  forwardedForPort: false,
  renamedHeaders: new Map([['x-amzn-mtls-clientcert-subject', 'X-Client-Subject']]),
};

function sent(head: RequestHead, rules: Partial<ForwardingRules> = {}): string[] {
  const client = {
    address: '192.0.2.1',
    port: 5,
    tls: {
      version: 'TLSv1.3',
      cipher: 'c',
      serverName: undefined,
      certificateArn: 'a',
      identityHeaders: [['X-Amzn-Mtls-Clientcert-Subject', 'CN=known']] as const,
    },
  };
  return headerPairs(outgoingLines(head, client, 443, 'Root=1', { ...RULES, ...rules }));
}

describe('the head for a target', () => {
  it('says who the client is under the name that is set, and lets nobody else say it', () => {
    const pairs = sent(
      headWith(
        ...['x-client-subject', 'CN=a', 'x_client_subject', 'CN=b', 'X-Client.Subject', 'CN=c'],
        ...['x-amzn-mtls-clientcert-subject', 'CN=d', 'x-client', 'kept'],
      ),
    );
    const said = pairs.filter((_, index) => pairs[index - 1]?.toLowerCase().includes('subject'));
    assert.deepEqual(said, ['CN=known']);
    assert.ok(pairs.includes('kept'));
  });

  it('begins a list of addresses that was empty with the client’s own', () => {
    const pairs = sent(headWith('x-forwarded-for', ''));
    assert.equal(pairs[pairs.indexOf('X-Forwarded-For') + 1], '192.0.2.1');
  });
});
