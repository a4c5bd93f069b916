import type { EventSink } from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { UsageError } from '../table/parse.mjs';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { absolute, age, grouped } from '../output/text.ts';
import { shortIds } from './event-view.ts';

const LETTERS = 10;

export const handlers: Handlers = {
  'event-sink create': async (context) => {
    const { flags } = context;
    const url = flags.text('url');
    if ((url === undefined) === !flags.on('file')) {
      throw new UsageError(
        'Give either --url URL or --file, to say where events are sent.',
        'berth event-sink create --help',
      );
    }
    const { operations } = await context.api();
    const sink = await operations.CreateEventSink({
      name: argument(context, 0),
      kind: url === undefined ? 'file' : 'webhook',
      url,
      format: flags.word('format', ['cloudevents', 'eventbridge'] as const),
      pattern: flags.text('pattern'),
      headers: flags.pairs('header').map(({ key, value }) => ({ name: key, value })),
      startAfter: flags.integer('after', { min: 0, max: Number.MAX_SAFE_INTEGER }),
      mostTries: flags.integer('tries', { min: 1, max: 100 }),
      timeoutSeconds: flags.integer('timeout', { min: 1, max: 60 }),
    });
    if (!printedAsJson(context, sink)) {
      say(context.terminal, `created event sink ${sink.name}, from event ${sink.sequence} on`);
    }
    return undefined;
  },

  'event-sink list': async (context) => {
    const { operations } = await context.api();
    return show(
      context,
      () => operations.DescribeEventSinks({}),
      ({ sinks }) =>
        table<EventSink>(
          [
            { title: 'SINK', value: ({ name }) => name, style: 'accent' },
            { title: 'KIND', value: ({ kind }) => kind },
            { title: 'DELIVERED', value: ({ delivered }) => grouped(delivered), align: 'right' },
            { title: 'WAITING', value: ({ waiting }) => grouped(waiting), align: 'right' },
            { title: 'DEAD', value: ({ deadLetters }) => deadLetters.length, align: 'right' },
            {
              title: 'LAST',
              value: ({ deliveredAt }) =>
                deliveredAt === undefined ? '' : age(context.clock.now() - deliveredAt),
              align: 'right',
            },
            { title: 'URL', value: ({ url }) => url ?? '', shrinksTo: 20 },
          ],
          sinks,
          context.terminal,
        ),
    );
  },

  'event-sink show': async (context) => {
    const { operations } = await context.api();
    return show(
      context,
      () => operations.DescribeEventSinks({ names: [argument(context, 0)] }),
      ({ sinks }) => sinks.flatMap((sink) => described(sink, context)),
    );
  },

  'event-sink redrive': async (context) => {
    const { operations } = await context.api();
    const sink = await operations.RedriveEventSink({ name: argument(context, 0) });
    if (!printedAsJson(context, sink)) {
      const letters = sink.deadLetters.length;
      say(context.terminal, `${grouped(letters)} dead letters of ${sink.name} are sent again`);
    }
    return undefined;
  },

  'event-sink delete': async (context) => {
    const name = argument(context, 0);
    await confirm(context, `Delete event sink ${name} and its dead letters?`);
    const { operations } = await context.api();
    const sink = await operations.DeleteEventSink({ name });
    if (!printedAsJson(context, sink)) say(context.terminal, `deleted event sink ${name}`);
    return undefined;
  },
};

function described(sink: EventSink, { terminal }: Context): string[] {
  const lines = facts(
    [
      ['Event sink', sink.name],
      ['Kind', sink.kind],
      ...(sink.url === undefined ? [] : [['URL', sink.url] as [string, string]]),
      ['Format', sink.format],
      ...(sink.pattern === undefined ? [] : [['Pattern', sink.pattern] as [string, string]]),
      ['Headers', sink.headerNames.join(', ') || 'none'],
      ['Tries', `${sink.mostTries}, of at most ${sink.timeoutSeconds} s`],
      ['Delivered', `${grouped(sink.delivered)}, up to event ${sink.sequence}`],
      ['Waiting', grouped(sink.waiting)],
      ...failureOf(sink),
      ...(sink.missedUntil === undefined
        ? []
        : [['Missed', `events up to ${sink.missedUntil} were deleted unsent`] as [string, string]]),
      ['Dead letters', deadOf(sink)],
    ],
    terminal.color,
  );
  for (const { event, reason, tries } of sink.deadLetters.slice(0, LETTERS)) {
    lines.push(`  ${event?.sequence ?? 0}  ${shortIds(event?.message ?? '')}`);
    lines.push(`    ${tries} tries: ${reason}`);
  }
  return lines;
}

function failureOf({ failedAt, failure }: EventSink): [string, string][] {
  return failedAt === undefined ? [] : [['Last failure', `${absolute(failedAt)} ${failure ?? ''}`]];
}

function deadOf({ deadLetters, dead, dropped, redriving }: EventSink): string {
  const ever = `${grouped(deadLetters.length)} kept of ${grouped(dead)}`;
  const gone = dropped > 0 ? `, ${grouped(dropped)} dropped for newer ones` : '';
  return ever + gone + (redriving ? ', being sent again' : '');
}
