// What takes the events of one sink.
import type { EventRecord } from '@berth/model/generated/messages.ts';

export interface Sender {
  /** Events come in their order. @throws Error that says why it was not taken; `retryAfterMs` where the receiver said when to come again */
  send(event: EventRecord, signal: AbortSignal): Promise<void>;
  /** What was sent is safe. @throws Error */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export class NotTaken extends Error {
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}
