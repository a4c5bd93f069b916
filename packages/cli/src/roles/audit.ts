// Where the audit log of an api goes, from its flags.
import type { AuditOptions } from '@berth/api/access/audit.ts';
import type { Logger } from '@berth/control/logger.ts';
import { startLineWriter } from '@berth/process/line-writer.ts';

import { CommandError, exitCodes } from '../failure.ts';
import type { Flags } from '../flags.ts';

export interface AuditConfig {
  /** A file, stdout or off. */
  readonly auditLog: string;
  readonly auditReads: boolean;
}

const DEFAULT_FILE = '/var/log/berth/audit.log';

export function auditConfig(flags: Flags): AuditConfig {
  return {
    auditLog: flags.text('audit-log') ?? DEFAULT_FILE,
    auditReads: !flags.on('audit-writes-only'),
  };
}

/** @throws CommandError when the folder of the file can't be made */
export function startAudit(
  { auditLog, auditReads }: AuditConfig,
  logger: Logger,
): AuditOptions | undefined {
  if (auditLog === 'off') return undefined;
  const onTrouble = (error: Error | undefined): void => {
    if (error) logger.error({ err: error, auditLog }, 'the audit log can not be written');
    else logger.info({ auditLog }, 'the audit log is written again');
  };
  const to = auditLog === 'stdout' ? 'stdout' : { file: auditLog };
  try {
    return { sink: startLineWriter({ to, onTrouble }), reads: auditReads };
  } catch (cause) {
    throw new CommandError(exitCodes.failed, `can't make the folder of the audit log ${auditLog}`, {
      cause,
      next: 'the same command with --audit-log FILE, --audit-log stdout or --audit-log off',
    });
  }
}
