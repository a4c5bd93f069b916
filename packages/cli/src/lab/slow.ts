// Links that delay and lose what a node sends.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { needProgram } from '../dev/host-commands.ts';
import type { Undo } from './faults.ts';
import { outputIn } from './namespace.ts';
import { LINK, type NodePlan, type Places } from './plan.ts';

export interface Slowness {
  /** Of each packet that the node sends; there and back, once. */
  readonly delayMs: number;
  /** The delay varies by so much both ways. */
  readonly jitterMs?: number;
  /** 0 to 100, of packets that the node sends. */
  readonly lossPercent?: number;
}

const noteFile = ({ run }: Places, node: NodePlan): string => join(run, `${node.name}.slow.json`);

export async function slowDown(places: Places, node: NodePlan, slowness: Slowness): Promise<Undo> {
  const { delayMs, jitterMs = 0, lossPercent = 0 } = slowness;
  const tc = needProgram('tc', 'iproute2');
  await outputIn(
    node.namespace,
    ...[tc, 'qdisc', 'replace', 'dev', LINK, 'root', 'netem'],
    ...['delay', `${delayMs}ms`, `${jitterMs}ms`, 'loss', `${lossPercent}%`],
  );
  writeFileSync(noteFile(places, node), JSON.stringify(slowness));
  return () => hasten(places, node);
}

/** As fast as before; nothing for a link that is. */
export async function hasten(places: Places, node: NodePlan): Promise<void> {
  if (slownessOf(places, node) === undefined) return;
  await outputIn(
    node.namespace,
    needProgram('tc', 'iproute2'),
    'qdisc',
    'delete',
    'dev',
    LINK,
    'root',
  );
  rmSync(noteFile(places, node), { force: true });
}

export function slownessOf(places: Places, node: NodePlan): Slowness | undefined {
  try {
    return JSON.parse(readFileSync(noteFile(places, node), 'utf8')) as Slowness;
  } catch {
    return undefined;
  }
}

/** "100 ms ± 10 ms, 2 % lost". Pure. */
export function slownessText({ delayMs, jitterMs = 0, lossPercent = 0 }: Slowness): string {
  const delay = jitterMs > 0 ? `${delayMs} ms ± ${jitterMs} ms` : `${delayMs} ms`;
  return [
    ...(delayMs > 0 ? [delay] : []),
    ...(lossPercent > 0 ? [`${lossPercent} % lost`] : []),
  ].join(', ');
}
