// Who acts, and on whose authority. Source: ECS reference, section 12; IAM's "elements of a policy".

/** The statements of a policy document, read and checked: see `policy.ts`. */
export interface PolicyDocument {
  readonly version: '2012-10-17' | '2008-10-17';
  readonly statements: readonly PolicyStatement[];
}

export interface PolicyStatement {
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
  /** `service:Name` with * and ?, as written. One of the two is set. */
  readonly actions: readonly string[] | undefined;
  readonly notActions: readonly string[] | undefined;
  /** Of trust policies only: whom the statement is about. */
  readonly principals: readonly PrincipalPattern[] | undefined;
  /** ARN patterns. One of the two is set, but for trust policies, which have neither. */
  readonly resources: readonly string[] | undefined;
  readonly notResources: readonly string[] | undefined;
  /** By operator, then by condition key. */
  readonly conditions: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

/** `*` stands for everybody of its kind. */
export interface PrincipalPattern {
  /** AWS: a user, a role or an account, by ARN or account id. Service: ecs-tasks.amazonaws.com ... */
  readonly kind: 'AWS' | 'Service' | 'Federated';
  readonly value: string;
}

/** A policy with the name that denials and simulations call it by. */
export interface NamedPolicy {
  readonly name: string;
  readonly document: PolicyDocument;
}

/** Whose policies a principal has. */
export type Authority =
  | { readonly kind: 'user'; readonly user: string }
  | { readonly kind: 'role'; readonly role: string };

/** Whoever has proved who it is. */
export interface Principal {
  /** arn:aws:iam::ACCOUNT:user/NAME, or arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION */
  readonly arn: string;
  /** AIDA... of a user, AROA...:SESSION of a role's session. */
  readonly uniqueId: string;
  readonly name: string;
  readonly accessKeyId: string;
  readonly authority: Authority;
  /** As they stood when the signature was verified; the check before each operation reads them anew. */
  readonly policies: readonly NamedPolicy[];
  /** What a session was narrowed to when it was begun: it may only do what this allows too. */
  readonly sessionPolicy: NamedPolicy | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** When temporary credentials were given out, in milliseconds since the epoch. */
  readonly issuedAt?: number | undefined;
}

/** A key that requests are signed with. */
export interface AccessCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials only. */
  readonly sessionToken: string | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
  readonly principal: Principal;
}
