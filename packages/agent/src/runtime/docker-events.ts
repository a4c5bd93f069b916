// Docker's event stream. Lossy by nature: the engine keeps 256 events and forgets all when it restarts, so
// whoever follows it lists as well. Source: pitfalls D9, D10, D28.
import type { Labels } from '../labels.ts';
import { classified } from './docker-errors.ts';
import { eventOf, type EngineEvent } from './docker-facts.ts';
import type { DockerTransport } from './docker-transport.ts';
import { jsonLines } from './json-lines.ts';
import type { RuntimeEvent } from './runtime.ts';

/** Those that change what the agent knows; others, such as a probe's three exec events, stay at the engine. */
const EVENTS = ['start', 'die', 'oom', 'destroy', 'health_status'];

/** The label filter of list and event requests. */
export function labelFilter(labels: Labels): string[] {
  return Object.entries(labels).map(([name, value]) => `${name}=${value}`);
}

export async function* dockerEvents(
  transport: DockerTransport,
  labels: Labels,
  since: number | undefined,
  onOpen: () => void,
  signal: AbortSignal,
): AsyncGenerator<RuntimeEvent, void, undefined> {
  const filters = { type: ['container'], event: EVENTS, label: labelFilter(labels) };
  const from = since === undefined ? {} : { since: (since / 1000).toFixed(3) };
  const query = { filters: JSON.stringify(filters), ...from };
  const answer = await transport.stream({
    operation: 'events',
    method: 'GET',
    path: '/events',
    query,
    signal,
  });
  onOpen();
  for await (const line of classified('events', jsonLines(answer, 'events'), signal)) {
    const event = eventOf(line as EngineEvent);
    if (event) yield event;
  }
}
