import { type Handlers, argument, printedAsJson, show } from '../context.ts';
import { table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { count } from '../output/text.ts';

interface Row {
  readonly resource: string;
  readonly key: string;
  readonly value: string;
}

export const handlers: Handlers = {
  'tag list': async (context) => {
    const { loadBalancing } = await context.api();
    return show(
      context,
      () => loadBalancing.DescribeTags({ resourceArns: context.positionals }),
      ({ tagDescriptions }) =>
        table<Row>(
          [
            { title: 'RESOURCE', value: ({ resource }) => resource, shrinksTo: 20 },
            { title: 'KEY', value: ({ key }) => key, style: 'accent' },
            { title: 'VALUE', value: ({ value }) => value, shrinksTo: 12 },
          ],
          tagDescriptions.flatMap(({ resourceArn, tags }) =>
            tags.map((tag) => ({ resource: resourceArn.split(':').slice(5).join(':'), ...tag })),
          ),
          context.terminal,
        ),
    );
  },

  'tag add': async (context) => {
    const tags = context.positionals.slice(1).map((text) => {
      const equals = text.indexOf('=');
      if (equals < 1) throw context.flags.wrong(`TAG must be KEY=VALUE, found "${text}"`);
      return { key: text.slice(0, equals), value: text.slice(equals + 1) };
    });
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.AddTags({ resourceArns: [argument(context, 0)], tags });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `added ${count(tags.length, 'tag')}`);
    }
    return undefined;
  },

  'tag remove': async (context) => {
    const tagKeys = context.positionals.slice(1);
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.RemoveTags({
      resourceArns: [argument(context, 0)],
      tagKeys,
    });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `removed ${count(tagKeys.length, 'tag')}`);
    }
    return undefined;
  },
};
