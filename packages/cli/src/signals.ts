// Requests to end, as a terminal and npm send them: one Ctrl-C reaches us from the terminal and again from
// whoever started us and passes it on. Two within a moment are one.
import type { SignalSource } from '@berth/process/lifecycle.ts';

import { exitCodes } from './failure.ts';

const MOMENT_MS = 500;
type Listener = (signal: NodeJS.Signals) => void;

/** The signals of this process, without their echoes. */
export function processSignals(): SignalSource {
  const wrapped = new Map<Listener, Listener>();
  let lastAt = -Infinity;
  return {
    on: (event, listener) => {
      const wrapper: Listener = (signal) => {
        const now = performance.now();
        const echo = now - lastAt < MOMENT_MS;
        lastAt = now;
        if (!echo) listener(signal);
      };
      wrapped.set(listener, wrapper);
      process.on(event, wrapper);
    },
    off: (event, listener) => {
      process.off(event, wrapped.get(listener) ?? listener);
    },
  };
}

/** Aborted by the first request to end; the second ends the process at once. The next start clears up then. */
export function endOnSignals(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const signals = processSignals();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort(new Error('asked to end'));
  };
  for (const name of names) signals.on(name, onSignal);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of names) signals.off(name, onSignal);
    },
  };
}
