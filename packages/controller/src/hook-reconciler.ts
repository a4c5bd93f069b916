// The lifecycle hooks of one service: ask those whose time has come, write down what they said. Asking takes as long as it takes
// and keeps nobody else waiting. A controller that dies between the answer and the record asks again, with the same id.
import type { Verdict } from '@berth/control/reconciler.ts';
import { earliest } from '@berth/model/deployment/buckets.ts';
import {
  type HookCall,
  hookCalls,
  type HookOutcome,
  withOutcome,
} from '@berth/model/deployment/shifting/hooks.ts';
import { BerthError } from '@berth/model/errors.ts';
import { collections } from '@berth/store/keys.ts';
import { mergeTransactions } from '@berth/store/transaction.ts';

import { commitAll, type TermContext } from './context.ts';
import type { HookCaller } from './hook-caller.ts';
import { recordWrite } from './writes.ts';

const MOST_ATTEMPTS = 10;

export type HookContext = TermContext & { readonly callHook: HookCaller };

/** Services with a shift under way. */
export function hookKeys({ cache }: Pick<TermContext, 'cache'>): string[] {
  return Array.from(cache.list(collections.deployments))
    .filter(({ value }) => value.deployments[0]?.shift !== undefined)
    .map(({ parts }) => parts.join('/'));
}

export async function reconcileHooks(
  key: string,
  context: HookContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const [cluster = '', name = ''] = key.split('/');
  const { cache, clock, realm, logger } = context;
  const deployments = cache.get(collections.deployments, cluster, name)?.value.deployments ?? [];
  const calls = hookCalls(realm, { cluster, name }, deployments);
  const now = clock.now();
  const due = calls.filter(({ at }) => at <= now);
  await Promise.all(
    due.map(async (call) => {
      const outcome = await context.callHook(call, signal);
      logger.info({ service: key, hook: call.hookId, url: call.url, outcome }, 'asked a hook');
      await writeDown(call, outcome, { cluster, name, context, signal });
    }),
  );
  return {
    wakeAt: calls
      .filter(({ at }) => at > now)
      .map(({ at }) => at)
      .reduce<number | undefined>(earliest, undefined),
  };
}

interface Place {
  readonly cluster: string;
  readonly name: string;
  readonly context: HookContext;
  readonly signal: AbortSignal;
}

async function writeDown(
  { hookId }: HookCall,
  outcome: HookOutcome,
  { cluster, name, context, signal }: Place,
): Promise<void> {
  const { cache, clock, leadership } = context;
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
    const stored = cache.get(collections.deployments, cluster, name);
    if (!stored) return;
    const deployments = withOutcome(stored.value.deployments, hookId, outcome, clock.now());
    if (deployments.every((each, index) => each === stored.value.deployments[index])) return;
    const write = recordWrite(cache, cluster, name, { ...stored.value, deployments });
    const transaction = mergeTransactions({ guards: [leadership.guard] }, write);
    if (await commitAll(context, [transaction], signal)) return;
  }
  throw new BerthError(
    'Unavailable',
    `What hook ${hookId} of service ${cluster}/${name} said could not be written down in ${MOST_ATTEMPTS} attempts, since the service changed each time; it is asked again soon.`,
  );
}
