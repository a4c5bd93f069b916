// What Prometheus's Alertmanager tells by its webhook: alerts become alarms. Source: Alertmanager, configuration, webhook_config
// (JSON version 4). An alert's label berth_alarm, or else alertname, is the name of the alarm; firing means ALARM, resolved OK.
//
// The caller shows who it is as it would to any other part of this endpoint, by an access key, but as the user and password of
// HTTP Basic, since Alertmanager signs for nothing but Amazon SNS.
import { createHash, timingSafeEqual } from 'node:crypto';

import type { AlarmState } from '@berth/model/generated/messages.ts';
import { isBerthError, type ErrorCode } from '@berth/model/errors.ts';
import { MOST_STATES } from '@berth/model/validation/alarm.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { CallContext, Handlers } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';

import type { WireAnswer } from '../wire/answers.ts';
import type { AccessDoor, WireRequest } from '../wire/dispatch.ts';
import { alarmsOf, Unreadable } from './alerts.ts';

export const ALERTMANAGER_PATH = '/webhooks/alertmanager';

export interface AlertmanagerDeps {
  readonly handlers: Pick<Handlers<'Operations'>, 'SetAlarmStates'>;
  readonly access: Pick<AccessDoor, 'credentials' | 'record'>;
  readonly logger: Logger;
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  InvalidParameterException: 400,
  LimitExceededException: 400,
  AccessDeniedException: 403,
};
/** Alertmanager tries again after these. */
const TRY_AGAIN = 503;

export class AlertmanagerHook {
  readonly #deps: AlertmanagerDeps;

  constructor(deps: AlertmanagerDeps) {
    this.#deps = deps;
  }

  isFor({ target }: WireRequest): boolean {
    return target.split('?')[0] === ALERTMANAGER_PATH;
  }

  /** Never throws. */
  async answer(request: WireRequest): Promise<WireAnswer> {
    if (request.method !== 'POST') return said(405, { error: 'expected POST' }, { allow: 'POST' });
    try {
      const call = await this.#authenticated(request);
      if (!call) return await this.#refused(request);
      const { alarms, source } = alarmsOf(request.body.toString('utf8'));
      for (let index = 0; index < alarms.length; index += MOST_STATES) {
        await this.#set(alarms.slice(index, index + MOST_STATES), source, call);
      }
      return said(200, { alarms: alarms.length });
    } catch (error) {
      if (error instanceof Unreadable) return said(400, { error: error.message });
      if (isBerthError(error)) {
        return said(STATUS[error.code] ?? TRY_AGAIN, { error: `${error.code}: ${error.message}` });
      }
      const { requestId } = request;
      this.#deps.logger.error({ err: error, requestId }, 'alerts could not be taken in');
      return said(500, { error: 'The alerts could not be taken in; see the log of the process.' });
    }
  }

  async #set(alarms: readonly AlarmState[], source: string, call: CallContext): Promise<void> {
    const request = complete('SetAlarmStatesRequest', { alarms: [...alarms], source });
    await this.#deps.handlers.SetAlarmStates(request, call);
  }

  /** @returns undefined for one who is nobody */
  async #authenticated(request: WireRequest): Promise<CallContext | undefined> {
    const { user, password } = basicOf(request) ?? { user: '', password: '' };
    if (user === '') return undefined;
    const found = await this.#deps.access.credentials(user, undefined);
    // Of a key that is not there no less is computed than of one that is.
    const same = sameText(found?.secretAccessKey ?? '', password);
    if (!found || !same || found.sessionToken !== undefined) return undefined;
    const { principal } = found;
    return {
      identity: { role: 'user', name: principal.name, principal, secure: request.secure },
      peer: request.peer,
      requestId: request.requestId,
      metadata: new Map(),
      signal: request.signal,
    };
  }

  async #refused(request: WireRequest): Promise<WireAnswer> {
    const message =
      'expected an access key and its secret as the user and password of HTTP Basic authentication';
    await this.#deps.access.record({
      service: 'alertmanager',
      operation: 'SetAlarmStates',
      readOnly: false,
      identity: undefined,
      accessKeyId: basicOf(request)?.user.slice(0, 128),
      peer: request.peer,
      userAgent: request.headers['user-agent'],
      requestId: request.requestId,
      resources: [],
      durationMs: 0,
      error: { code: 'IncompleteSignature', message },
    });
    return said(401, { error: message }, { 'www-authenticate': 'Basic realm="berth"' });
  }
}

function basicOf({ headers }: WireRequest): { user: string; password: string } | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/=]{1,1024})$/i.exec(headers.authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function sameText(a: string, b: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}

function said(status: number, body: object, headers: Record<string, string> = {}): WireAnswer {
  return { status, type: 'application/json', headers, body: `${JSON.stringify(body)}\n` };
}
