import { CommandError, exitCodes } from '../failure.ts';

/** @throws CommandError for anybody but root */
export function needRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new CommandError(
    exitCodes.failed,
    'a lab is made of network namespaces, file systems and Docker Engines, which need root',
    { next: 'sudo and the same command, or npm run lab, which asks sudo by itself' },
  );
}
