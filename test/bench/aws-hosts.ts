// The hosts of the bench `aws`, in a process of their own. They run nothing, and say of what they are ordered to run that it runs.
import { connectHost } from '../conformance/scripted-host.ts';
import type { Place } from './aws-plane.ts';

/** Each has room for some hundred tasks of the bench: see `aws.ts`. */
const HOSTS = 50;
const RESOURCES = { cpu: 262_144, memory: 262_144 };

process.once('message', (message) => {
  const { authority, address } = message as Place;
  void (async () => {
    for (let started = 0; started < HOSTS; started += 1) {
      await connectHost(authority, address, RESOURCES);
    }
    process.send?.('connected');
  })();
});
process.once('disconnect', () => process.exit(0));
