import assert from 'node:assert/strict';

import { ImageQuestions } from './image-questions.ts';

describe('ImageQuestions', () => {
  const { signal } = new AbortController();
  const question = { taskId: 't', image: 'web:v1' };

  it('asks again in each session until there is an answer', async () => {
    const questions = new ImageQuestions();
    const asked = questions.ask(question, signal);
    assert.deepEqual(await questions.next(signal), question);
    questions.askAnew();
    assert.deepEqual(await questions.next(signal), question);
    questions.answer({ ...question, answer: 'find' });
    assert.equal((await asked).answer, 'find');
    questions.askAnew();
    const gone = AbortSignal.abort(new Error('nothing is left to ask'));
    await assert.rejects(questions.next(gone), /nothing is left to ask/);
  });

  it('answers all who ask the same, and asks the newest', async () => {
    const questions = new ImageQuestions();
    const first = questions.ask(question, signal);
    const second = questions.ask({ ...question, found: { digest: 'sha256:1' } }, signal);
    assert.deepEqual((await questions.next(signal)).found, { digest: 'sha256:1' });
    questions.answer({ ...question, answer: 'later' });
    assert.deepEqual(await Promise.all([first, second]), [
      { ...question, answer: 'later' },
      { ...question, answer: 'later' },
    ]);
  });

  it('forgets a question that nobody waits for', async () => {
    const questions = new ImageQuestions();
    const life = new AbortController();
    const asked = questions.ask(question, life.signal);
    life.abort(new Error('the task is to stop'));
    await assert.rejects(asked, /the task is to stop/);
    const gone = AbortSignal.abort(new Error('nothing is left to ask'));
    await assert.rejects(questions.next(gone), /nothing is left to ask/);
    questions.answer({ ...question, answer: 'find' });
  });
});
