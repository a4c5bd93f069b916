// What an authentication decides about a request. Source: ALB reference, sections 2.3 and 4.3.

/** For the access log's `error_reason`. */
export type AuthProblem =
  | 'AuthInvalidCookie'
  | 'AuthInvalidGrantError'
  | 'AuthInvalidIdToken'
  | 'AuthInvalidStateParam'
  | 'AuthInvalidTokenResponse'
  | 'AuthInvalidUserinfoResponse'
  | 'AuthMissingCodeParam'
  | 'AuthMissingHostHeader'
  | 'AuthMissingStateParam'
  | 'AuthTokenEpRequestFailed'
  | 'AuthTokenEpRequestTimeout'
  | 'AuthUnhandledException'
  | 'AuthUserinfoEpRequestFailed'
  | 'AuthUserinfoEpRequestTimeout'
  | 'AuthUserinfoResponseSizeExceeded'
  | 'AuthInvalidAWSALBAuthNonce'
  | 'AuthMissingAWSALBAuthNonce';

export type AuthOutcome =
  | {
      readonly kind: 'pass';
      /** For the target; clients can't send these themselves. */
      readonly headers: readonly (readonly [name: string, value: string])[];
      /** Values of `Set-Cookie` for the answer. */
      readonly setCookies: readonly string[];
    }
  | { readonly kind: 'redirect'; readonly location: string; readonly setCookies: readonly string[] }
  | { readonly kind: 'refuse'; readonly status: number; readonly problem: AuthProblem | undefined };

export const PASS: AuthOutcome = { kind: 'pass', headers: [], setCookies: [] };

export function refusal(status: number, problem?: AuthProblem): AuthOutcome {
  return { kind: 'refuse', status, problem };
}
