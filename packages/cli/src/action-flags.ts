// --target-group, --redirect and --fixed, as the actions of ELBv2.
import type { Action } from '@berth/model/generated/messages.ts';

import type { Input } from '@berth/rpc/api.ts';

import { readActions } from './actions-file.ts';
import type { Flags } from './flags.ts';

const WEEK_SECONDS = 604_800;

/**
 * The actions that the flags or the file of --actions-file ask for; undefined where they ask for none.
 * @throws UsageError for two of them; CommandError for what the file says
 */
export async function actionsOf(flags: Flags): Promise<readonly Input<Action>[] | undefined> {
  const action = actionOf(flags);
  const file = flags.text('actions-file');
  if (file === undefined) return action && [action];
  if (action) throw flags.wrong('--actions-file can not be given together with an action');
  return readActions(file);
}

/** The one action that the flags themselves ask for. @throws UsageError for two */
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
  const durationSeconds = flags.integer('sticky', { min: 1, max: WEEK_SECONDS });
  return {
    type: 'forward',
    forward: {
      targetGroups,
      ...(durationSeconds === undefined
        ? {}
        : { targetGroupStickinessConfig: { enabled: true, durationSeconds } }),
    },
  };
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

/** "forward to web", "redirect to https://...", "answer 404"; what comes before it first. */
export function describeActions(actions: readonly Action[]): string {
  return actions.map(describeAction).join(', then ');
}

function describeAction(action: Action): string {
  const { forward, redirect, fixedResponse, authenticateOidc, jwtValidation } = action;
  if (forward) {
    const groups = forward.targetGroups.map(({ targetGroupArn, weight }) => {
      const name = /targetgroup\/([^/]+)/.exec(targetGroupArn)?.[1] ?? targetGroupArn;
      return forward.targetGroups.length > 1 ? `${name}=${weight ?? 1}` : name;
    });
    const sticky = forward.targetGroupStickinessConfig?.enabled === true ? ' sticky' : '';
    return `forward ${groups.join(' ')}${sticky}`;
  }
  if (redirect) {
    const { protocol = '#{protocol}', host = '#{host}', port, path = '/#{path}', query } = redirect;
    const to = `${protocol.toLowerCase()}://${host}${port ? `:${port}` : ''}${path}${query ? `?${query}` : ''}`;
    return `redirect ${to} (${redirect.statusCode.slice(-3)})`;
  }
  if (authenticateOidc) return `log in at ${authenticateOidc.issuer}`;
  if (jwtValidation) return `token of ${jwtValidation.issuer}`;
  return `answer ${fixedResponse?.statusCode ?? ''}`;
}
