// Events as others get them: in EventBridge's envelope, or as CloudEvents 1.0 in structured JSON. Pure.
// Source: ECS reference, section 10; https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
import type { EventRecord } from '../generated/messages.ts';
import { arn, type Realm } from '../resources/arn.ts';
import { uuidOf } from '../resources/ids.ts';
import { SERVICE_MESSAGE } from './shapes.ts';
import type { JsonObject } from './pattern.ts';

const ECS_SOURCE = 'aws.ecs';
/** Of events that ECS has no shape for. */
const OWN_SOURCE = 'berth';

/** As EventBridge wraps it, with the number of the event beside `version`. */
export function eventBridgeEvent(event: EventRecord, realm: Realm): JsonObject {
  const { detailType = SERVICE_MESSAGE } = event;
  return {
    version: '0',
    // Follows from the event's: whoever gets it twice can tell.
    id: uuidOf(event.id),
    'detail-type': detailType,
    source: sourceOf(detailType),
    account: realm.account,
    time: timeOf(event),
    region: realm.region,
    resources: event.resources,
    detail: detailOf(event, realm),
    sequence: event.sequence,
  };
}

/** With EventBridge's detail as data, and the number of the event as extension `sequence`, padded so that texts sort as numbers. */
export function cloudEvent(event: EventRecord, realm: Realm): JsonObject {
  const { detailType = SERVICE_MESSAGE, resources } = event;
  const [subject] = resources;
  const kind = detailType
    .toLowerCase()
    .replace(/^(ecs|berth) /, '')
    .replaceAll(' ', '-');
  return {
    specversion: '1.0',
    id: event.id,
    source: `/berth/${realm.region}/${realm.account}/${event.cluster}`,
    type: `${sourceOf(detailType)}.${kind}`,
    ...(subject === undefined ? {} : { subject }),
    time: new Date(event.createdAt).toISOString(),
    datacontenttype: 'application/json',
    sequence: String(event.sequence).padStart(SEQUENCE_DIGITS, '0'),
    data: detailOf(event, realm),
  };
}

const SEQUENCE_DIGITS = 16;

function sourceOf(detailType: string): string {
  return detailType.startsWith('ECS ') ? ECS_SOURCE : OWN_SOURCE;
}

function timeOf({ createdAt }: EventRecord): string {
  return new Date(createdAt).toISOString().replace(/\.\d+Z$/, 'Z');
}

function detailOf(event: EventRecord, realm: Realm): JsonObject {
  if (event.detail !== undefined) return JSON.parse(event.detail) as JsonObject;
  return { clusterArn: arn.cluster(realm, event.cluster), message: event.message };
}
