// The secrets in actions: sealed before they are stored, for the record that they are stored in.
import { BerthError } from '@berth/model/errors.ts';
import type { Action } from '@berth/model/generated/messages.ts';
import type { Sealer } from '@berth/process/seal.ts';

/**
 * The actions as they are stored.
 * @param key of the record that will hold them
 * @param stored the actions that it holds now, for `useExistingClientSecret`
 * @throws BerthError ValidationError when there is no secret to use again
 */
export function sealSecrets(
  sealer: Sealer,
  key: string,
  actions: readonly Action[],
  stored: readonly Action[],
): Action[] {
  return actions.map((action): Action => {
    if (!action.authenticateOidc) return action;
    const { clientSecret, useExistingClientSecret, ...oidc } = action.authenticateOidc;
    const sealedClientSecret =
      useExistingClientSecret === true
        ? stored.find(({ authenticateOidc }) => authenticateOidc)?.authenticateOidc
            ?.sealedClientSecret
        : sealer.seal(Buffer.from(clientSecret ?? ''), key);
    if (!sealedClientSecret) {
      throw new BerthError(
        'ValidationError',
        'useExistingClientSecret is true, but there is no client secret yet; expected clientSecret.',
      );
    }
    return { ...action, authenticateOidc: { ...oidc, sealedClientSecret } };
  });
}

/** The actions with their secrets in the open; only for proxies. @throws BerthError Internal when no key opens them */
export function openSecrets(sealer: Sealer, key: string, actions: readonly Action[]): Action[] {
  return actions.map((action): Action => {
    const { sealedClientSecret, ...oidc } = action.authenticateOidc ?? {};
    if (!action.authenticateOidc || !sealedClientSecret) return action;
    const clientSecret = Buffer.from(sealer.open(sealedClientSecret, key)).toString();
    return { ...action, authenticateOidc: { ...action.authenticateOidc, ...oidc, clientSecret } };
  });
}
