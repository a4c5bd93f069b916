import assert from 'node:assert/strict';

import fc from 'fast-check';
import { BerthError } from '@berth/model/errors.ts';

import { KEY, startEndpoint, type TestEndpoint } from '../testing/endpoint.ts';
import { ALERTMANAGER_PATH } from './alertmanager.ts';
import { alarmsOf, Unreadable } from './alerts.ts';

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const AUTHORIZED = basic(KEY.accessKeyId, KEY.secretAccessKey);

const alert = (status: string, change: object = {}): object => ({
  status,
  labels: { alertname: 'Errors', severity: 'page' },
  annotations: { summary: '5 % of requests fail', description: 'more' },
  startsAt: '2026-11-21T17:00:00Z',
  endsAt: '0001-01-01T00:00:00Z',
  generatorURL: 'http://prometheus:9090/graph',
  fingerprint: '61f2d9df3a31b5f0',
  ...change,
});

const message = (alerts: readonly unknown[], change: object = {}): string =>
  JSON.stringify({
    version: '4',
    groupKey: '{}:{alertname="Errors"}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'berth',
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://alertmanager:9093',
    alerts,
    ...change,
  });

async function post(
  endpoint: TestEndpoint,
  body: string,
  authorization: string | undefined = AUTHORIZED,
): Promise<{ status: number; answer: unknown; challenge: string | null }> {
  const response = await fetch(`${endpoint.url}${ALERTMANAGER_PATH}`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      ...(authorization === '' ? {} : { authorization }),
    },
  });
  const challenge = response.headers.get('www-authenticate');
  return { status: response.status, answer: await response.json(), challenge };
}

describe('the webhook for Alertmanager', () => {
  let endpoint: TestEndpoint;
  let refusal: BerthError | undefined;

  before(async () => {
    endpoint = await startEndpoint({
      SetAlarmStates: () => {
        if (refusal) throw refusal;
        return {};
      },
    });
  });
  beforeEach(() => {
    refusal = undefined;
    endpoint.seen.length = 0;
    endpoint.recorded.length = 0;
  });
  after(() => endpoint.stop());

  it('makes alarms of alerts, in the name of the key that its caller has', async () => {
    const alerts = [alert('firing'), alert('resolved', { labels: { berth_alarm: 'slow' } })];
    const { status, answer } = await post(endpoint, message(alerts));
    assert.deepEqual([status, answer], [200, { alarms: 2 }]);
    const [seen] = endpoint.seen;
    assert.equal(seen?.method, 'SetAlarmStates');
    assert.deepEqual(seen.request, {
      source: 'alertmanager berth',
      alarms: [
        {
          name: 'Errors',
          state: 'ALARM',
          reason: '5 % of requests fail',
          cause: '61f2d9df3a31b5f0',
        },
        { name: 'slow', state: 'OK', reason: '5 % of requests fail', cause: '61f2d9df3a31b5f0' },
      ],
    });
    assert.equal(seen.call.identity.name, 'ada');
  });

  it('gives as many to a call as the call takes', async () => {
    const alerts = Array.from({ length: 450 }, () => alert('firing'));
    assert.equal((await post(endpoint, message(alerts))).status, 200);
    const counts = endpoint.seen.map(({ request }) => (request['alarms'] as unknown[]).length);
    assert.deepEqual(counts, [200, 200, 50]);
    assert.equal((await post(endpoint, message([]))).status, 200);
  });

  for (const [who, authorization] of [
    ['nobody', ''],
    ['another scheme', 'Bearer token'],
    ['a wrong secret', basic(KEY.accessKeyId, 'wrong')],
    ['an unknown key', basic('AKIAUNKNOWN', KEY.secretAccessKey)],
    ['no secret', basic(KEY.accessKeyId, '')],
    ['no colon', `Basic ${Buffer.from('word').toString('base64')}`],
  ] as const) {
    it(`asks ${who} for a key, tells the audit log, and changes nothing`, async () => {
      const { status, challenge } = await post(endpoint, message([alert('firing')]), authorization);
      assert.deepEqual([status, challenge], [401, 'Basic realm="berth"']);
      assert.deepEqual(endpoint.seen, []);
      assert.equal(endpoint.recorded.length, 1);
      assert.equal(endpoint.recorded[0]?.service, 'alertmanager');
    });
  }

  for (const [what, body, told] of [
    ['no JSON', '{', /the body is no JSON/],
    ['a list', '[]', /the body is \[\]; expected an object/],
    ['another version', message([], { version: '3' }), /version is "3"; expected "4"/],
    ['no alerts', message([], { alerts: 1 }), /alerts is 1; expected a list/],
    ['an alert without a name', message([alert('firing', { labels: {} })]), /alertname is missing/],
    ['an unknown status', message([alert('up')]), /alerts\[0\]\.status is "up"/],
    ['labels of another form', message([alert('firing', { labels: 1 })]), /labels is 1/],
  ] as const) {
    it(`refuses ${what}, and changes nothing`, async () => {
      const { status, answer } = await post(endpoint, body);
      assert.equal(status, 400);
      assert.match((answer as { error: string }).error, told);
      assert.deepEqual(endpoint.seen, []);
    });
  }

  it('tells Alertmanager whether it is of use to come again', async () => {
    const statuses: number[] = [];
    for (const code of [
      'InvalidParameterException',
      'AccessDeniedException',
      'Unavailable',
    ] as const) {
      refusal = new BerthError(code, 'no');
      statuses.push((await post(endpoint, message([alert('firing')]))).status);
    }
    assert.deepEqual(statuses, [400, 403, 503]);
    assert.equal((await fetch(`${endpoint.url}${ALERTMANAGER_PATH}`)).status, 405);
  });

  it('reads anything without another error than that it is unreadable', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          alarmsOf(text);
        } catch (error) {
          assert.ok(error instanceof Unreadable);
        }
      }),
    );
  });
});
