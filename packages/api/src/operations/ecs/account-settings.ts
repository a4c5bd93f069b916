// Account settings: opt-ins, of a principal or of everybody who has said nothing. Source: ECS reference, section 2.8.
import type {
  AccountSettingRecord,
  ListAccountSettingsRequest,
  ListAccountSettingsResponse,
  Setting,
} from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';

import { type OperationContext, principalArn } from '../deps.ts';
import { write } from '../write.ts';

interface Rule {
  readonly default: string;
  /** What may be put; none: nothing. */
  readonly values: readonly string[];
}

const ON_OFF = ['on', 'off'];
const ENABLED = ['enabled', 'disabled'];
/** ARNs are always long here. */
const LONG: Rule = { default: 'enabled', values: ['enabled'] };

const SETTINGS: Readonly<Record<string, Rule>> = {
  awsvpcTrunking: { default: 'disabled', values: ENABLED },
  containerInsights: { default: 'disabled', values: ['enabled', 'enhanced', 'disabled'] },
  containerInstanceLongArnFormat: LONG,
  defaultLogDriverMode: { default: 'blocking', values: ['blocking', 'non-blocking'] },
  fargateEventWindows: { default: 'disabled', values: ENABLED },
  fargateFIPSMode: { default: 'disabled', values: ENABLED },
  fargateTaskRetirementWaitPeriod: { default: '7', values: ['0', '7', '14'] },
  guardDutyActivate: { default: 'off', values: [] },
  serviceLongArnFormat: LONG,
  tagResourceAuthorization: { default: 'off', values: ON_OFF },
  taskLongArnFormat: LONG,
};

const DEFAULT = 'default';

/** What holds for a principal. @param name one of the settings */
export function effectiveSetting(state: State, principal: string, name: string): string {
  const own = state.get(collections.accountSettings, whom(principal), name);
  const common = state.get(collections.accountSettings, DEFAULT, name);
  return (own ?? common)?.value.value ?? SETTINGS[name]?.default ?? '';
}

/** By name. Without `effectiveSettings` only what somebody has put for the principal. */
export function listAccountSettings(
  on: OperationContext,
  request: ListAccountSettingsRequest,
  call: CallContext,
): ListAccountSettingsResponse {
  const check = new Checker('InvalidParameterException');
  if (request.name) check.word('name', request.name, Object.keys(SETTINGS));
  const principal = acceptPrincipal(check, on, request.principalArn, call);
  const settings =
    request.effectiveSettings === true
      ? Object.keys(SETTINGS).map((name) => effective(on.cache, principal, name))
      : Array.from(on.cache.list(collections.accountSettings, whomOf(on.realm, principal)), (of) =>
          view(of.value),
        );
  const page = pageOf(
    settings
      .filter(({ name }) => !request.name || name === request.name)
      .filter(({ value }) => !request.value || value === request.value),
    ({ name }) => name,
    {
      question: [
        'ListAccountSettings',
        principal,
        request.name,
        request.value,
        String(request.effectiveSettings ?? false),
      ],
      nextToken: request.nextToken,
      maxResults: request.maxResults,
      defaultResults: 10,
      mostResults: 10,
    },
  );
  return { settings: page.items, nextToken: page.nextToken };
}

/** Of one principal: the caller, unless another is named; the account's root stands for everybody. */
export function putAccountSetting(
  on: OperationContext,
  request: {
    readonly name: string;
    readonly value: string;
    readonly principalArn?: string | undefined;
  },
  call: CallContext,
): Promise<{ setting: Setting }> {
  const check = new Checker('InvalidParameterException');
  return put(on, request, acceptPrincipal(check, on, request.principalArn, call), call);
}

/** Of everybody who has none of their own. */
export function putAccountSettingDefault(
  on: OperationContext,
  request: { readonly name: string; readonly value: string },
  call: CallContext,
): Promise<{ setting: Setting }> {
  return put(on, request, rootArn(on.realm), call);
}

async function put(
  on: OperationContext,
  { name, value }: { readonly name: string; readonly value: string },
  principal: string,
  { signal }: CallContext,
): Promise<{ setting: Setting }> {
  const check = new Checker('InvalidParameterException');
  check.word('name', name, Object.keys(SETTINGS));
  const { values } = SETTINGS[name] as Rule;
  if (values.length === 0) check.refuse(`You can't modify the ${name} account setting.`);
  check.word('value', value, values);
  const parts = [whomOf(on.realm, principal), name] as const;
  const record: AccountSettingRecord = { name, value, principalArn: principal };
  return write(on, { signal, attempted: `put account setting ${name}` }, () => ({
    puts: [putRecord(collections.accountSettings, parts, record)],
    result: () => ({ setting: view(record) }),
  }));
}

/** What holds then is the default, which the answer says. */
export async function deleteAccountSetting(
  on: OperationContext,
  request: { readonly name: string; readonly principalArn?: string | undefined },
  call: CallContext,
): Promise<{ setting: Setting }> {
  const check = new Checker('InvalidParameterException');
  check.word('name', request.name, Object.keys(SETTINGS));
  const principal = acceptPrincipal(check, on, request.principalArn, call);
  const parts = [whomOf(on.realm, principal), request.name] as const;
  const options = { signal: call.signal, attempted: `delete account setting ${request.name}` };
  return write(on, options, (state) => {
    const found = state.get(collections.accountSettings, ...parts);
    return {
      guards: found ? [guardUnchanged(found)] : [],
      deletes: found ? [keyOf(collections.accountSettings, ...parts)] : [],
      result: (seen) => ({ setting: effective(seen, principal, request.name) }),
    };
  });
}

function acceptPrincipal(
  check: Checker,
  { realm }: OperationContext,
  asked: string | undefined,
  call: CallContext,
): string {
  if (!asked) return principalArn(realm, call);
  check.text(
    'principalArn',
    asked,
    /^arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role)\/\S{1,512})$/,
    'the ARN of a user, a role or the root user',
  );
  return asked;
}

function rootArn({ account }: Realm): string {
  return `arn:aws:iam::${account}:root`;
}

function whomOf(realm: Realm, principal: string): string {
  return principal === rootArn(realm) ? DEFAULT : whom(principal);
}

/** As part of a key. */
function whom(principal: string): string {
  return encodeURIComponent(principal);
}

function effective(state: State, principal: string, name: string): Setting {
  const value = effectiveSetting(state, principal, name);
  return view({ name, value, principalArn: principal });
}

function view({ name, value, principalArn: principal }: AccountSettingRecord): Setting {
  const type = SETTINGS[name]?.values.length === 0 ? 'aws_managed' : 'user';
  return { name, value, principalArn: principal, type };
}
