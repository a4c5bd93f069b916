// The Docker Engine that tests borrow: the one that answers, else one of our own for as long as it is borrowed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { findEngine } from '@berth/cli/dev/engine.ts';
import { createLogger } from '@berth/process/logger.ts';
import { realClock } from '@berth/process/real-clock.ts';

export interface BorrowedEngine extends AsyncDisposable {
  /** For DOCKER_HOST. */
  readonly host: string;
}

/** @throws Error when no engine answers and none can be started, or when it left something behind */
export async function borrowEngine(): Promise<BorrowedEngine> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-engine-'));
  const logger = createLogger({ level: 'info', to: { file: join(directory, 'engine.log') } });
  const engine = await findEngine(directory, process.env, realClock, logger);
  return {
    host: engine.dockerHost,
    [Symbol.asyncDispose]: async () => {
      const problems = await engine.stop();
      rmSync(directory, { recursive: true, force: true });
      if (problems.length > 0) throw new Error(`the engine left behind: ${problems.join('; ')}`);
    },
  };
}
