// Event sinks: where events are sent. The controller sends them; what is asked for stands here.
import { BerthError } from '@berth/model/errors.ts';
import { checkSink, MOST_SINKS } from '@berth/model/events/sinks.ts';
import type {
  CreateEventSinkRequest,
  DeleteEventSinkRequest,
  DescribeEventSinksRequest,
  DescribeEventSinksResponse,
  EventSink,
  EventSinkRecord,
  RedriveEventSinkRequest,
} from '@berth/model/generated/messages.ts';
import { inOrder, lastNumber } from '@berth/store/event-order.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';
import type { CallContext } from '@berth/rpc/api.ts';

import type { OperationContext } from '../deps.ts';
import { replace, write } from '../write.ts';

/** @throws BerthError InvalidParameterException, ConflictException, LimitExceededException */
export function createEventSink(
  on: OperationContext,
  request: CreateEventSinkRequest,
  { signal }: CallContext,
): Promise<EventSink> {
  const checked = checkSink(request);
  const { name } = checked;
  const key = keyOf(collections.eventSinks, name);
  const headers = request.headers.map(({ name: header, value }) => ({
    name: header,
    sealedValue: on.sealer.seal(Buffer.from(value), key),
  }));
  const createdAt = on.clock.now();
  const options = { signal, attempted: `create event sink ${name}`, turn: 'event sinks' };
  return write(on, options, (state) => {
    if (state.get(collections.eventSinks, name)) {
      throw new BerthError(
        'ConflictException',
        `There is an event sink ${name} already. Delete it first, or take another name.`,
      );
    }
    if ([...state.list(collections.eventSinks)].length >= MOST_SINKS) {
      throw new BerthError(
        'LimitExceededException',
        `There are ${MOST_SINKS} event sinks already, and there may be no more. Delete one first.`,
      );
    }
    const record: EventSinkRecord = {
      ...checked,
      headers,
      createdAt,
      startAfter: startOf(request, state),
      redrives: 0,
    };
    return {
      guards: [guardAbsent(collections.eventSinks, name)],
      puts: [putRecord(collections.eventSinks, [name], record)],
      result: (after) => sinkView(after, requireSink(after, name)),
    };
  });
}

function startOf({ startAfter }: CreateEventSinkRequest, state: State): number {
  const last = lastNumber(state.revision);
  if (startAfter === undefined) return last;
  if (startAfter >= 0 && startAfter <= last) return startAfter;
  throw new BerthError(
    'InvalidParameterException',
    `startAfter must be the number of an event, 0 to ${last}; found ${startAfter}.`,
  );
}

export function describeEventSinks(
  { cache }: OperationContext,
  { names }: DescribeEventSinksRequest,
): DescribeEventSinksResponse {
  const sinks =
    names.length > 0
      ? names.map((name) => requireSink(cache, name))
      : [...cache.list(collections.eventSinks)].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { sinks: sinks.map((sink) => sinkView(cache, sink)) };
}

/** What it has sent stays sent; its dead letters go. */
export function deleteEventSink(
  on: OperationContext,
  { name }: DeleteEventSinkRequest,
  { signal }: CallContext,
): Promise<EventSink> {
  return write(on, { signal, attempted: `delete event sink ${name}` }, (state) => {
    const sink = requireSink(state, name);
    const shown = sinkView(state, sink);
    return { guards: [guardUnchanged(sink)], deletes: [sink.key], result: () => shown };
  });
}

/** A second call while the first is under way asks for no more. */
export function redriveEventSink(
  on: OperationContext,
  { name }: RedriveEventSinkRequest,
  { signal }: CallContext,
): Promise<EventSink> {
  return write(on, { signal, attempted: `redrive event sink ${name}` }, (state) => {
    const sink = requireSink(state, name);
    const result = (after: State): EventSink => sinkView(after, requireSink(after, name));
    if (sinkView(state, sink).redriving) return { result };
    const { guard, put } = replace(collections.eventSinks, sink, {
      ...sink.value,
      redrives: sink.value.redrives + 1,
    });
    return { guards: [guard], puts: [put], result };
  });
}

/** @throws BerthError ResourceNotFoundException */
function requireSink(state: State, name: string): Stored<EventSinkRecord> {
  const found = name === '' ? undefined : state.get(collections.eventSinks, name);
  if (found) return found;
  throw new BerthError(
    'ResourceNotFoundException',
    `There is no event sink "${name}". \`berth event-sink list\` shows those that there are.`,
  );
}

/** Values of headers are never shown. */
function sinkView(state: State, { value, createRevision }: Stored<EventSinkRecord>): EventSink {
  const { name, startAfter, headers, redrives, ...shown } = value;
  const stored = state.get(collections.eventSinkCursors, name)?.value;
  const cursor = stored?.sinkRevision === createRevision ? stored : undefined;
  const sequence = cursor?.sequence ?? startAfter;
  const later = [...state.list(collections.events)].filter(
    ({ modRevision }) => lastNumber(modRevision) > sequence,
  );
  return {
    name,
    ...shown,
    headerNames: headers.map((header) => header.name),
    sequence,
    waiting: inOrder(later).filter((event) => event.sequence > sequence).length,
    delivered: cursor?.delivered ?? 0,
    dead: cursor?.dead ?? 0,
    dropped: cursor?.dropped ?? 0,
    deliveredAt: cursor?.deliveredAt,
    failedAt: cursor?.failedAt,
    failure: cursor?.failure,
    missedUntil: cursor?.missedUntil,
    redriving: redrives > (cursor?.redrives ?? 0),
    deadLetters: [...state.list(collections.eventDeadLetters, name)]
      .filter((letter) => letter.value.sinkRevision === createRevision)
      .sort((a, b) => (a.key < b.key ? 1 : -1))
      .map((letter) => letter.value),
  };
}
