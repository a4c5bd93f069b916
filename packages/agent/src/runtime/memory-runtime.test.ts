import { realClock } from '@berth/process/real-clock.ts';

import { HOST_ID } from '../testing/samples.ts';
import { MemoryRuntime } from './memory-runtime.ts';
import { contractProgram, runtimeContract } from './runtime-contract.ts';

runtimeContract('model', () => {
  const runtime = new MemoryRuntime({
    clock: realClock,
    program: contractProgram,
    images: ['busybox'],
  });
  return Promise.resolve({
    runtime,
    image: 'busybox',
    cluster: 'default',
    hostId: HOST_ID,
    freePort: () => Promise.resolve(20_000),
    dispose: () => {
      runtime.close();
      return Promise.resolve();
    },
  });
});
