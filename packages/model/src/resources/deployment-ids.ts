// The ids of what is remembered of a deployment. They follow from the deployment's own, so that the api can name
// them before the controller has written anything. Pure. Source: ECS reference, section 1.6.

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';
const LENGTH = 21;

/** Of the service revision that the deployment brings: its own 19 digits. */
export function revisionIdOf(deploymentId: string): string {
  return deploymentId.slice(deploymentId.indexOf('/') + 1);
}

/** Of the service deployment: 21 letters, digits, `_` and `-`. */
export function serviceDeploymentIdOf(deploymentId: string): string {
  let id = '';
  let hash = 0xcbf29ce484222325n;
  for (let index = 0; id.length < LENGTH; index += 1) {
    for (const letter of `${index} ${deploymentId}`) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(letter.codePointAt(0) ?? 0)) * 0x100000001b3n);
    }
    for (let bits = hash >> 16n; bits > 0n && id.length < LENGTH; bits >>= 6n) {
      id += ALPHABET[Number(bits & 63n)] ?? '';
    }
  }
  return id;
}
