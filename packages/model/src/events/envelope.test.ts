import assert from 'node:assert/strict';

import type { EventRecord } from '../generated/messages.ts';
import { cloudEvent, eventBridgeEvent } from './envelope.ts';

const REALM = { region: 'eu-1', account: '123456789012' };
const EVENT: EventRecord = {
  id: '01JA0000000000000000000000',
  cluster: 'c',
  createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  kind: 'service',
  subject: 'web',
  service: 'web',
  message: '(service web) has reached a steady state.',
  detailType: 'ECS Service Action',
  resources: ['arn:aws:ecs:eu-1:123456789012:service/c/web'],
  detail: '{"eventName":"SERVICE_STEADY_STATE"}',
  sequence: 41_002,
};

describe('envelopes of events', () => {
  it('are as EventBridge makes them, with the number besides', () => {
    const { id, ...event } = eventBridgeEvent(EVENT, REALM);
    assert.match(id as string, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.deepEqual(event, {
      version: '0',
      'detail-type': 'ECS Service Action',
      source: 'aws.ecs',
      account: '123456789012',
      time: '2026-01-02T03:04:05Z',
      region: 'eu-1',
      resources: EVENT.resources,
      detail: { eventName: 'SERVICE_STEADY_STATE' },
      sequence: 41_002,
    });
    assert.equal(eventBridgeEvent(EVENT, REALM)['id'], id, 'the same when it comes twice');
  });

  it('or CloudEvents 1.0 whose numbers sort as texts', () => {
    assert.deepEqual(cloudEvent(EVENT, REALM), {
      specversion: '1.0',
      id: EVENT.id,
      source: '/berth/eu-1/123456789012/c',
      type: 'aws.ecs.service-action',
      subject: EVENT.resources[0],
      time: '2026-01-02T03:04:05.006Z',
      datacontenttype: 'application/json',
      sequence: '0000000000041002',
      data: { eventName: 'SERVICE_STEADY_STATE' },
    });
  });

  it('of events that ECS has no shape for, or that an older version wrote, name Berth as their source', () => {
    const { detailType, detail, ...older } = EVENT;
    assert.ok(detailType !== undefined && detail !== undefined);
    const event = eventBridgeEvent(older, REALM);
    assert.equal(event['source'], 'berth');
    assert.equal(event['detail-type'], 'Berth Service Message');
    assert.deepEqual(event['detail'], {
      clusterArn: 'arn:aws:ecs:eu-1:123456789012:cluster/c',
      message: EVENT.message,
    });
    assert.equal(cloudEvent(older, REALM)['type'], 'berth.service-message');
  });
});
