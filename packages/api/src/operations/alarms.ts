// Alarms: in which states they are, as others say. Deployments that name them end when they go into ALARM.
// Source: ECS reference, section 6.6.
import { BerthError } from '@berth/model/errors.ts';
import type {
  AlarmRecord,
  AlarmState,
  DeleteAlarmRequest,
  DeleteAlarmResponse,
  DescribeAlarmsRequest,
  DescribeAlarmsResponse,
  Failure,
  SetAlarmStatesRequest,
  SetAlarmStatesResponse,
} from '@berth/model/generated/messages.ts';
import { alarmKey } from '@berth/model/resources/alarm.ts';
import { checkStates, MOST_ALARMS, MOST_CAUSES } from '@berth/model/validation/alarm.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';

import { type OperationContext, principalArn } from './deps.ts';
import { write } from './write.ts';

/** All or none. What has not changed is not written. */
export async function setAlarmStates(
  on: OperationContext,
  request: SetAlarmStatesRequest,
  call: CallContext,
): Promise<SetAlarmStatesResponse> {
  const said = checkStates(request);
  const source = request.source ?? principalArn(on.realm, call);
  const options = {
    signal: call.signal,
    attempted: `set the states of ${said.length} alarms`,
    turn: 'alarms',
  };
  return write(on, options, (state) => {
    const now = on.clock.now();
    const after = new Map<string, AlarmRecord>();
    for (const one of said) {
      const before =
        after.get(one.name) ?? state.get(collections.alarms, alarmKey(one.name))?.value;
      after.set(one.name, next(before, one, source, now));
    }
    const known = [...state.list(collections.alarms)].length;
    const guards = [];
    const puts = [];
    let fresh = 0;
    for (const [name, record] of after) {
      const stored = state.get(collections.alarms, alarmKey(name));
      if (stored?.value === record) continue;
      fresh += stored ? 0 : 1;
      guards.push(
        stored ? guardUnchanged(stored) : guardAbsent(collections.alarms, alarmKey(name)),
      );
      puts.push(putRecord(collections.alarms, [alarmKey(name)], record));
    }
    if (known + fresh > MOST_ALARMS && fresh > 0) {
      throw new BerthError(
        'LimitExceededException',
        `There are ${known} alarms, and there may be no more than ${MOST_ALARMS}. Delete some first.`,
      );
    }
    return { guards, puts, result: () => ({ alarms: [...after.values()] }) };
  });
}

/** With a cause the others keep the alarm as it is: it is OK when none is left. Without one the state is that of the whole. */
function next(
  before: AlarmRecord | undefined,
  { name, state: said, reason = '', cause }: AlarmState,
  source: string,
  now: number,
): AlarmRecord {
  let { causes = [] } = before ?? {};
  if (cause === undefined) causes = [];
  else if (said !== 'ALARM') causes = causes.filter((each) => each !== cause);
  else if (!causes.includes(cause)) causes = [...causes, cause].slice(-MOST_CAUSES);
  const state = causes.length > 0 ? 'ALARM' : said;
  const same = before?.state === state;
  // While others keep it in ALARM, the reason is still theirs.
  const told = state === said ? reason : (before?.reason ?? '');
  const unchanged =
    same &&
    before.reason === told &&
    before.source === source &&
    JSON.stringify(before.causes) === JSON.stringify(causes);
  if (unchanged) return before;
  return {
    name,
    state,
    reason: told,
    since: same ? before.since : now,
    source,
    entered: (before?.entered ?? 0) + (state === 'ALARM' && !same ? 1 : 0),
    causes,
    updatedAt: now,
  };
}

/** By name. */
export function describeAlarms(
  { cache }: OperationContext,
  request: DescribeAlarmsRequest,
): DescribeAlarmsResponse {
  const check = new Checker('InvalidParameterException');
  check.atMost('names', request.names.length, 100, 'names');
  const state = request.state || undefined;
  if (state) check.word('state', state, ['OK', 'ALARM', 'INSUFFICIENT_DATA']);
  const names = [...new Set(request.names)];
  const failures: Failure[] = [];
  const named: AlarmRecord[] = [];
  for (const name of names) {
    const found = name === '' ? undefined : cache.get(collections.alarms, alarmKey(name))?.value;
    if (found) named.push(found);
    else failures.push({ arn: name, reason: 'MISSING' });
  }
  const all =
    names.length > 0 ? named : Array.from(cache.list(collections.alarms), ({ value }) => value);
  const matching = all.filter((alarm) => state === undefined || alarm.state === state);
  const page = pageOf(matching, ({ name }) => name, {
    question: ['DescribeAlarms', ...names, state],
    nextToken: request.nextToken,
    maxResults: request.maxResults,
    defaultResults: 100,
  });
  return { alarms: page.items, failures, nextToken: page.nextToken };
}

/** Deployments that look at it go on as if it were OK. @throws BerthError ResourceNotFoundException */
export async function deleteAlarm(
  on: OperationContext,
  { name }: DeleteAlarmRequest,
  { signal }: CallContext,
): Promise<DeleteAlarmResponse> {
  return write(on, { signal, attempted: `delete alarm ${name}` }, (state) => {
    const found = name === '' ? undefined : state.get(collections.alarms, alarmKey(name));
    if (!found) {
      throw new BerthError(
        'ResourceNotFoundException',
        `There is no alarm ${JSON.stringify(name)}. See berth alarm list.`,
      );
    }
    return {
      guards: [guardUnchanged(found)],
      deletes: [found.key],
      result: () => ({ alarm: found.value }),
    };
  });
}
