import { VirtualClock } from '@berth/control/virtual-clock.ts';

import { MemoryStore } from './memory-store.ts';
import { type ContractSubject, storeContract } from './store-contract.ts';

describe('the memory store', () => {
  let subject: ContractSubject;
  beforeEach(() => {
    const clock = new VirtualClock();
    const store = new MemoryStore({ clock, historyLimit: 20_000 });
    subject = {
      store,
      peer: store.peer(),
      compact: () => {
        store.compact();
        return Promise.resolve();
      },
      expire: () => clock.advance(5_000),
      loseReply: () => {
        store.faults.loseReplies = 1;
      },
    };
  });
  afterEach(() => subject.store.close());

  storeContract('the memory store', () => subject);
});
