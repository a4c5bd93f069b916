// The body of Alertmanager's webhook, read with care: it says what anybody with a key has made it say. Pure.
// Source: Alertmanager, configuration, webhook_config, JSON version 4.
import type { AlarmState } from '@berth/model/generated/messages.ts';

/** A body that says nothing that could be taken in. */
export class Unreadable extends Error {}

const MOST_REASON = 1023;
const MOST_SOURCE = 255;

type Plain = Readonly<Record<string, unknown>>;

/** @throws Unreadable with what was found and what was expected */
export function alarmsOf(body: string): {
  readonly alarms: readonly AlarmState[];
  readonly source: string;
} {
  const message = plain(parsed(body), 'the body');
  if (message['version'] !== '4') {
    throw new Unreadable(`version is ${shown(message['version'])}; expected "4".`);
  }
  const { alerts } = message;
  if (!Array.isArray(alerts)) {
    throw new Unreadable(`alerts is ${shown(alerts)}; expected a list.`);
  }
  const receiver = typeof message['receiver'] === 'string' ? message['receiver'] : '';
  return {
    alarms: alerts.map((alert, index) => alarmOf(alert, `alerts[${index}]`)),
    source: `alertmanager ${receiver}`.trim().slice(0, MOST_SOURCE),
  };
}

function alarmOf(alert: unknown, at: string): AlarmState {
  const { status, labels, annotations, fingerprint } = plain(alert, at);
  if (status !== 'firing' && status !== 'resolved') {
    throw new Unreadable(`${at}.status is ${shown(status)}; expected "firing" or "resolved".`);
  }
  const named = plain(labels, `${at}.labels`);
  const name = named['berth_alarm'] ?? named['alertname'];
  if (typeof name !== 'string' || name === '') {
    throw new Unreadable(`${at}.labels.alertname is ${shown(name)}; expected a name.`);
  }
  const notes = annotations === undefined ? {} : plain(annotations, `${at}.annotations`);
  const reason = notes['summary'] ?? notes['description'];
  return {
    name,
    state: status === 'firing' ? 'ALARM' : 'OK',
    reason: typeof reason === 'string' ? reason.slice(0, MOST_REASON) : '',
    // Alerts of one name that differ in other labels: the alarm is over when all of them are.
    cause: typeof fingerprint === 'string' && fingerprint !== '' ? fingerprint : undefined,
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    throw new Unreadable("the body is no JSON; expected the message of Alertmanager's webhook.");
  }
}

function plain(value: unknown, at: string): Plain {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Plain;
  throw new Unreadable(`${at} is ${shown(value)}; expected an object.`);
}

function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80);
}
