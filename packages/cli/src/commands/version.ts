import { messageChain } from '@berth/model/errors.ts';
import type { GetInfoResponse } from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, printedAsJson } from '../context.ts';
import { say } from '../output/terminal.ts';
import { ownVersion } from '../table/early.mjs';

const TIMEOUT_MS = 2000;

export const handlers: Handlers = {
  version: async (context) => {
    const command = ownVersion();
    const api = await apiInfo(context);
    const reached = typeof api === 'string' ? undefined : api;
    if (printedAsJson(context, { command, node: process.version, api: reached })) return undefined;
    say(context.terminal, `berth ${command} (Node.js ${process.version.slice(1)})`);
    say(
      context.terminal,
      typeof api === 'string' ? `api   ${api}` : `api   ${api.version} (${api.replica})`,
    );
    return undefined;
  },
};

/** What the api says of itself, or why it can't be asked. */
async function apiInfo(context: Context): Promise<GetInfoResponse | string> {
  try {
    const { operations } = await context.api();
    return await operations.GetInfo({}, { timeoutMs: TIMEOUT_MS, signal: context.signal });
  } catch (error) {
    return `not reached: ${messageChain(error)}`;
  }
}
