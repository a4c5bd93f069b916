// --target-group, --redirect and --fixed, as the actions of ELBv2.
import type { Action } from '@berth/model/generated/messages.ts';

import type { Flags } from './flags.ts';

/** The one action that the flags ask for; undefined where they ask for none. @throws UsageError for two */
export function actionOf(flags: Flags): Action | undefined {
  const groups = flags.texts('target-group');
  const redirect = flags.text('redirect');
  const fixed = flags.text('fixed');
  const given = [groups.length > 0, redirect !== undefined, fixed !== undefined].filter(Boolean);
  if (given.length > 1) {
    throw flags.wrong('Only one of --target-group, --redirect and --fixed can be given');
  }
  if (redirect !== undefined) return redirectTo(flags, redirect);
  if (fixed !== undefined) return fixedAnswer(flags, fixed);
  if (groups.length === 0) return undefined;
  const targetGroups = groups.map((text) => {
    const [targetGroupArn = '', weight] = text.split('=');
    if (weight === undefined) return { targetGroupArn };
    if (!/^\d{1,3}$/.test(weight)) {
      throw flags.wrong(`the weight of --target-group must be 0 to 999, found "${text}"`);
    }
    return { targetGroupArn, weight: Number(weight) };
  });
  return { type: 'forward', forward: { targetGroups } };
}

/** PROTOCOL://HOST[:PORT][/PATH][?QUERY]; placeholders such as #{host} may stand in each part. */
const URL_PARTS =
  /^(?:(?<protocol>https?|#\{protocol\}):\/\/)?(?<host>(?:#\{host\}|[^/:?#])*)(?::(?<port>\d+|#\{port\}))?(?<path>\/[^?]*)?(?:\?(?<query>.*))?$/i;

function redirectTo(flags: Flags, url: string): Action {
  const groups = URL_PARTS.exec(url)?.groups;
  if (!groups) {
    throw flags.wrong(`--redirect must be a URL such as https://#{host}/#{path}, found "${url}"`);
  }
  const { protocol, host, port, path, query } = groups;
  return {
    type: 'redirect',
    redirect: {
      ...(protocol
        ? { protocol: protocol.startsWith('#') ? protocol : protocol.toUpperCase() }
        : {}),
      ...(host ? { host } : {}),
      ...(port ? { port } : {}),
      ...(path ? { path } : {}),
      ...(query === undefined ? {} : { query }),
      statusCode: flags.on('permanent') ? 'HTTP_301' : 'HTTP_302',
    },
  };
}

function fixedAnswer(flags: Flags, text: string): Action {
  const match = /^([245]\d\d)(?::([\s\S]*))?$/.exec(text);
  const [, statusCode, messageBody] = match ?? [];
  if (statusCode === undefined) {
    throw flags.wrong(
      `--fixed must be STATUS or STATUS:BODY with a 2XX, 4XX or 5XX, found "${text}"`,
    );
  }
  return {
    type: 'fixed-response',
    fixedResponse: {
      statusCode,
      contentType: flags.text('content-type') ?? 'text/plain',
      ...(messageBody === undefined ? {} : { messageBody }),
    },
  };
}

/** "forward to web", "redirect to https://...", "answer 404". */
export function describeAction(action: Action | undefined): string {
  if (!action) return '';
  const { forward, redirect, fixedResponse } = action;
  if (forward) {
    const groups = forward.targetGroups.map(({ targetGroupArn, weight }) => {
      const name = /targetgroup\/([^/]+)/.exec(targetGroupArn)?.[1] ?? targetGroupArn;
      return forward.targetGroups.length > 1 ? `${name}=${weight ?? 1}` : name;
    });
    return `forward ${groups.join(' ')}`;
  }
  if (redirect) {
    const { protocol = '#{protocol}', host = '#{host}', port, path = '/#{path}', query } = redirect;
    const to = `${protocol.toLowerCase()}://${host}${port ? `:${port}` : ''}${path}${query ? `?${query}` : ''}`;
    return `redirect ${to} (${redirect.statusCode.slice(-3)})`;
  }
  return `answer ${fixedResponse?.statusCode ?? ''}`;
}
