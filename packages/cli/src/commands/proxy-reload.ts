import type { Handlers } from '../context.ts';
import { say } from '../output/terminal.ts';
import { PROXY_DIRECTORY, reloadProxy } from '../roles/proxy.ts';

export const handlers: Handlers = {
  'proxy reload': (context) => {
    const pid = reloadProxy(context.flags.text('data-dir') ?? PROXY_DIRECTORY);
    say(context.terminal, `Asked the proxy, process ${pid}, to replace its workers.`);
    return Promise.resolve(undefined);
  },
};
