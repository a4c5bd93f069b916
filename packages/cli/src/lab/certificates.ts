// The lab's authority and identities, made by the very commands that docs/running.md tells operators to type.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { CommandError, exitCodes } from '../failure.ts';
import { run } from '../main.ts';
import type { Terminal } from '../output/terminal.ts';
import type { LabPlan } from './plan.ts';

export async function makeCertificates({ tls, nodes }: LabPlan): Promise<void> {
  await berth('certificate', 'create-authority', '--tls-dir', tls);
  await berth('certificate', 'issue', 'admin', 'lab', '--tls-dir', tls);
  await berth('secrets', 'init', '--secrets-key', join(tls, 'secrets.key'));
  for (const { certificate } of nodes) {
    const { role, name, sans, directory } = certificate;
    await berth(
      ...['certificate', 'issue', role, name, '--tls-dir', tls, '--out', join(directory, role)],
      ...sans.flatMap((san) => ['--san', san]),
    );
    copyFileSync(join(tls, 'ca.crt'), join(directory, 'ca.crt'));
  }
}

/** Run a command of ours in this process. @throws CommandError with what it complained of */
async function berth(...args: string[]): Promise<void> {
  const complaints: string[] = [];
  const terminal: Terminal = {
    live: false,
    canAsk: false,
    color: false,
    width: 79,
    height: 24,
    write: () => undefined,
    drained: () => Promise.resolve(),
    complain: (line) => complaints.push(line),
    ask: () => Promise.resolve(false),
  };
  const code = await run(args, {}, new AbortController().signal, () => terminal);
  if (code !== exitCodes.ok) throw new CommandError(exitCodes.failed, complaints.join('\n'));
}

/** The directory, which only root may read. */
export function makeDirectory({ tls }: Pick<LabPlan, 'tls'>): void {
  mkdirSync(tls, { recursive: true, mode: 0o700 });
}
