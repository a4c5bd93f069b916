// The control plane of the bench `aws` in a process of its own: etcd, api, scheduler, controller and the AWS endpoint. It says by
// message where it is; the hosts of `aws-hosts.ts` and the load of `aws.ts` come from other processes.
import { startControlPlane } from '../conformance/control-plane.ts';

export type Place = Pick<
  Awaited<ReturnType<typeof startControlPlane>>,
  'endpoint' | 'address' | 'authority' | 'accessKeyId' | 'secretAccessKey'
>;

const plane = await startControlPlane();
const { endpoint, address, authority, accessKeyId, secretAccessKey } = plane;
const place: Place = { endpoint, address, authority, accessKeyId, secretAccessKey };
process.send?.(place);
process.once('disconnect', () => {
  void plane.stop().then(() => process.exit(0));
});
