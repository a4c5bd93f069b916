// Requests to end, as a terminal and npm send them: one Ctrl-C reaches us from the terminal and again from
// whoever started us and passes it on. Two within a moment are one.
import type { SignalSource } from '@berth/process/lifecycle.ts';

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
