import type {
  ExplainedRequest,
  ListenerRecord,
  RequestRecord,
  RuleCondition,
  RuleRecord,
} from '@berth/model/generated/messages.ts';

import { argument, type Context, type Handlers, printedAsJson } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { paint } from '../output/style.ts';
import { facts } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { absolute, grouped, micros } from '../output/text.ts';
import { wholeOf } from './requests.ts';

/** Letters of the bar that stands for the whole time of a request. */
const BAR = 40;

export const handlers: Handlers = {
  'explain request': async (context) => {
    const { terminal, signal } = context;
    const requestId = argument(context, 0);
    const { operations } = await context.api();
    const answer = await operations.ExplainRequest({ requestId }, { signal });
    for (const why of answer.missing) terminal.complain(`berth: not asked: ${why}`);
    if (answer.requests.length === 0) {
      throw new CommandError(
        exitCodes.notFound,
        `no proxy remembers a request ${requestId}: each keeps its last few thousand`,
        { next: 'berth requests' },
      );
    }
    if (printedAsJson(context, answer)) return undefined;
    for (const [index, explained] of answer.requests.entries()) {
      if (index > 0) say(terminal);
      for (const line of explain(explained, context)) say(terminal, line);
    }
    return undefined;
  },
};

function explain(explained: ExplainedRequest, context: Context): string[] {
  const { request } = explained;
  if (request === undefined) return [];
  const { color } = context.terminal;
  return [
    paint(color, 'strong', `${request.method} ${request.url}`),
    ...facts(
      [
        ['Request', request.requestId],
        ['Trace', request.traceId],
        ['At', absolute(request.at)],
        ['Proxy', request.proxy],
        ['Client', `${request.client} (${request.protocol})`],
        ['Bytes', `${grouped(request.receivedBytes)} received, ${grouped(request.sentBytes)} sent`],
        ['Table', `revision ${request.routingRevision}`],
        ['Listener', listenerText(request, explained.listener)],
        ['Rule', ruleText(explained, request)],
        ...whyOf(explained.rule),
        ['Target group', request.targetGroup],
        ['Target', targetText(request)],
        ['Task', request.taskId],
        ['Service', serviceText(explained)],
        ['Answer', answerText(request)],
        ['Reason', request.errorReason],
      ],
      color,
    ),
    ...attemptLines(request),
    ...phaseLines(request, color),
  ];
}

function answerText({ status, targetStatus }: RequestRecord): string {
  if (status === 0) return 'none: the client was gone';
  if (status === 460) return 'none: the client left before it (460)';
  if (targetStatus === undefined) return `${status}, of the proxy`;
  return targetStatus === status
    ? `${status}, of the target`
    : `${status}, of the target's ${targetStatus}`;
}

function listenerText(request: RequestRecord, listener: ListenerRecord | undefined): string {
  if (request.listenerId === '') return 'none';
  if (listener === undefined) return `${request.listenerId} (gone since)`;
  return `${listener.protocol} ${listener.port} (${request.listenerId})`;
}

function ruleText({ rule, changed, listener }: ExplainedRequest, request: RequestRecord): string {
  const { ruleId, priority } = request;
  if (ruleId === undefined) return 'none was looked for';
  const now = changed ? ' (changed since)' : '';
  if (ruleId === 'default')
    return `default: no other rule's conditions held${listener === undefined ? '' : now}`;
  const name = `${priority ?? '?'} (${ruleId})`;
  if (rule === undefined) return `${name}, gone since`;
  return `${name}${now}`;
}

/** The conditions that held, as they are now. */
function whyOf(rule: RuleRecord | undefined): (readonly [string, string])[] {
  return (rule?.conditions ?? []).map((condition, index) => [
    index === 0 ? 'Because' : 'and',
    conditionText(condition),
  ]);
}

function conditionText(condition: RuleCondition): string {
  const pairs = condition.queryString.map(({ key, value }) =>
    key === undefined || key === '' ? value : `${key}=${value}`,
  );
  const values = [...condition.values, ...condition.regexValues.map((one) => `/${one}/`), ...pairs];
  const header = condition.httpHeaderName;
  const field = header === undefined ? condition.field : `${condition.field} ${header}`;
  return `${field} is ${values.join(' or ')}`;
}

function targetText({ target, attempts }: RequestRecord): string {
  if (target === undefined) return 'none';
  return attempts.at(-1)?.reusedConnection === true ? `${target}, by a connection in use` : target;
}

function serviceText({ target }: ExplainedRequest): string | undefined {
  if (target === undefined || target.service === '') return undefined;
  return `${target.service} (cluster ${target.cluster})`;
}

function attemptLines({ attempts }: RequestRecord): string[] {
  if (attempts.length < 2) return [];
  return [
    '',
    'Tries:',
    ...attempts.map(
      ({ target, outcome, reusedConnection }, index) =>
        `  ${index + 1}  ${target}  ${outcome}${reusedConnection ? ' (connection in use)' : ''}`,
    ),
  ];
}

function phaseLines(request: RequestRecord, color: boolean): string[] {
  const whole = wholeOf(request);
  if (request.phases.length === 0 || whole === 0) return [];
  let before = 0;
  const lines = request.phases.map(({ name, micros: took }) => {
    const start = Math.round((before / whole) * BAR);
    before += took;
    const end = Math.round((before / whole) * BAR);
    const bar = '█'.repeat(Math.max(took > 0 && start === end ? 1 : 0, end - start));
    return `  ${name.padEnd(8)}${micros(took).padStart(10)}  ${' '.repeat(Math.min(start, BAR - 1))}${paint(color, 'accent', bar)}`.trimEnd();
  });
  return ['', `Time: ${micros(whole)}`, ...lines];
}
