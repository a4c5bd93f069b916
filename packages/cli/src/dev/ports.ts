import { createServer } from 'node:net';

import { CommandError, exitCodes } from '../failure.ts';
import type { DevOptions } from './options.ts';

/**
 * Look whether the ports can be had, before anything is started that would find out later and less plainly. etcd
 * looks at its own, since one of ours may still be on its way out there.
 * @throws CommandError that names the port and the flag that moves it
 */
export async function refuseTakenPorts({ ports }: DevOptions): Promise<void> {
  const wanted = [
    { port: ports.http, host: '0.0.0.0', what: 'the proxy’s listener', flag: '--http-port' },
    ...[
      { port: ports.api, what: 'the api' },
      { port: ports.scheduler, what: 'the scheduler' },
      { port: ports.admin, what: 'metrics' },
      { port: ports.console, what: 'the console' },
      { port: ports.aws, what: 'the AWS endpoint' },
    ].map((one) => ({ ...one, host: '127.0.0.1', flag: '--port-base' })),
  ];
  for (const { port, host, what, flag } of wanted) {
    const reason = await whyTaken(port, host);
    if (reason === undefined) continue;
    throw new CommandError(
      exitCodes.failed,
      `port ${port}, which ${what} needs, can't be had: ${reason}`,
      { next: `berth dev ${flag} PORT, or end what listens there (ss -ltnp)` },
    );
  }
}

async function whyTaken(port: number, host: string): Promise<string | undefined> {
  const server = createServer();
  try {
    return await new Promise<string | undefined>((resolve) => {
      server.once('error', (error) => resolve(error.message));
      server.listen(port, host, () => resolve(undefined));
    });
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
