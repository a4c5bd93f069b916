// What this host asks the control plane about images: each question is asked in every session until it is answered. While there
// is no session whoever asks waits. Bounded by the containers that are being pulled.
import { abortable } from '@berth/control/scope.ts';
import { Latch } from '@berth/control/latch.ts';
import type { ImageAnswer, ImageQuestion } from '@berth/model/generated/messages.ts';

interface Open {
  question: ImageQuestion;
  waiters: number;
  readonly answered: PromiseWithResolvers<ImageAnswer>;
}

export class ImageQuestions {
  readonly #open = new Map<string, Open>();
  readonly #unasked = new Set<string>();
  readonly #changed = new Latch();

  /** Containers of one task with the same image are answered together. @throws the signal's reason */
  async ask(question: ImageQuestion, signal: AbortSignal): Promise<ImageAnswer> {
    const key = keyOf(question);
    const open = this.#open.get(key) ?? {
      question,
      waiters: 0,
      answered: Promise.withResolvers<ImageAnswer>(),
    };
    if (question.found) open.question = question;
    open.waiters += 1;
    this.#open.set(key, open);
    this.#unasked.add(key);
    this.#changed.set();
    try {
      return await abortable(open.answered.promise, signal);
    } finally {
      open.waiters -= 1;
      if (open.waiters === 0) this.#close(key, open);
    }
  }

  /** A new session has begun: it has been asked nothing yet. */
  askAnew(): void {
    for (const key of this.#open.keys()) this.#unasked.add(key);
    this.#changed.set();
  }

  /** The next question for the session; waits for one. @throws the signal's reason */
  async next(signal: AbortSignal): Promise<ImageQuestion> {
    for (;;) {
      for (const key of this.#unasked) {
        this.#unasked.delete(key);
        const open = this.#open.get(key);
        if (open) return open.question;
      }
      await this.#changed.take(signal);
    }
  }

  answer(answer: ImageAnswer): void {
    const key = keyOf(answer);
    const open = this.#open.get(key);
    if (!open) return;
    this.#close(key, open);
    open.answered.resolve(answer);
  }

  #close(key: string, open: Open): void {
    if (this.#open.get(key) !== open) return;
    this.#open.delete(key);
    this.#unasked.delete(key);
  }
}

function keyOf({ taskId, image }: Pick<ImageQuestion, 'taskId' | 'image'>): string {
  return `${taskId} ${image}`;
}
