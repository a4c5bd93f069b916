// Who acts, and on whose authority. Source: ECS reference, section 12; IAM's "elements of a policy".

/** The statements of a policy document, read and checked: see `policy.ts`. */
export interface PolicyDocument {
  readonly version: string;
  readonly statements: readonly PolicyStatement[];
}

export interface PolicyStatement {
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
  /** `service:Name` with * and ?, as written. One of the two is set. */
  readonly actions: readonly string[] | undefined;
  readonly notActions: readonly string[] | undefined;
  /** ARN patterns. One of the two is set. */
  readonly resources: readonly string[] | undefined;
  readonly notResources: readonly string[] | undefined;
  /** By operator, then by condition key. */
  readonly conditions: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

/** Whoever has proved who it is. */
export interface Principal {
  /** arn:aws:iam::ACCOUNT:user/NAME, or arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION */
  readonly arn: string;
  /** AIDA... of a user, AROA...:SESSION of a role's session. */
  readonly uniqueId: string;
  readonly name: string;
  readonly policies: readonly PolicyDocument[];
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
