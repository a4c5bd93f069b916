// What this endpoint makes of each operation and input member of the Security Token Service: see support.ts. A test holds the table
// against the API's model.
import type { ServiceSupport } from './support.ts';

const DEVICES = 'There are no multi-factor devices here.';
const POLICIES = 'Give the policy itself: Policy.';
const SESSION_TAGS = 'Sessions have the tags of their role.';
const ISSUERS =
  'No other issuer of identities is trusted here: sign with an access key (berth access-key create).';

export const stsSupport: ServiceSupport = {
  supported: 'AssumeRole GetCallerIdentity GetSessionToken',
  refused: [
    {
      operations:
        'AssumeRoleWithSAML AssumeRoleWithWebIdentity GetWebIdentityToken GetDelegatedAccessToken GetFederationToken',
      message: ISSUERS,
    },
    { operations: 'AssumeRoot', message: 'There is one account, and it has no root user.' },
    {
      operations: 'DecodeAuthorizationMessage',
      message: 'Denials say in plain words what was denied.',
    },
    { operations: 'GetAccessKeyInfo', message: 'Every key is of the one account.' },
  ],
  structures: {
    AssumeRoleRequest: {
      supported: 'RoleArn RoleSessionName Policy DurationSeconds',
      accepted: {
        ExternalId: 'Not asked for by the trust policies of roles here.',
        MinimumSessionTokenSize: 'Tokens are as long as they are.',
      },
      refused: {
        PolicyArns: POLICIES,
        Tags: SESSION_TAGS,
        TransitiveTagKeys: SESSION_TAGS,
        SerialNumber: DEVICES,
        TokenCode: DEVICES,
        SourceIdentity: 'Sessions have no source identity.',
        ProvidedContexts: ISSUERS,
      },
    },
    GetCallerIdentityRequest: { supported: '' },
    GetSessionTokenRequest: {
      supported: 'DurationSeconds',
      accepted: { MinimumSessionTokenSize: 'Tokens are as long as they are.' },
      refused: { SerialNumber: DEVICES, TokenCode: DEVICES },
    },
  },
};
