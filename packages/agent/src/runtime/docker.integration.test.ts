import { dockerLab, TEST_IMAGE } from '../testing/docker-lab.ts';
import { portInUse } from '../port-probe.ts';
import { runtimeContract } from './runtime-contract.ts';

runtimeContract('Docker Engine', async () => {
  const { runtime, cluster, hostId, portRange, dispose } = await dockerLab();
  return {
    runtime,
    cluster,
    hostId,
    dispose,
    image: TEST_IMAGE,
    async freePort() {
      for (let port = portRange.first; port <= portRange.last; port += 1) {
        if (!(await portInUse(port, 'tcp'))) return port;
      }
      throw new Error('no free port');
    },
  };
});
