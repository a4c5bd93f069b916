// The one error class of Berth. An error says what was attempted and on what; its code says what a
// caller can do about it. Names and messages follow the ECS and ELBv2 APIs, so that their clients
// recognise them.

/** Codes are stable and public; messages are for people. `rpc/status.ts` maps each to gRPC. */
export type ErrorCode =
  // ECS
  | 'InvalidParameterException'
  | 'ClientException'
  | 'ClusterNotFoundException'
  | 'ClusterContainsServicesException'
  | 'ClusterContainsTasksException'
  | 'ClusterContainsContainerInstancesException'
  | 'ServiceNotFoundException'
  | 'ServiceNotActiveException'
  | 'TaskSetNotFoundException'
  | 'AttributeLimitExceededException'
  | 'TargetNotFoundException'
  | 'ConflictException'
  | 'LimitExceededException'
  | 'AccessDeniedException'
  | 'ServerException'
  | 'ResourceInUseException'
  | 'ResourceNotFoundException'
  | 'ServiceDeploymentNotFoundException'
  | 'UnsupportedFeatureException'
  // Elastic Load Balancing v2
  | 'ValidationError'
  | 'TargetGroupNotFound'
  | 'DuplicateTargetGroupName'
  | 'ListenerNotFound'
  | 'DuplicateListener'
  | 'RuleNotFound'
  | 'PriorityInUse'
  | 'ResourceInUse'
  | 'TooManyRules'
  | 'InvalidConfigurationRequest'
  | 'InvalidLoadBalancerAction'
  | 'OperationNotPermitted'
  | 'TooManyActions'
  | 'TooManyListeners'
  | 'DuplicateLoadBalancerName'
  | 'LoadBalancerNotFound'
  | 'TooManyLoadBalancers'
  | 'InvalidScheme'
  | 'InvalidSubnet'
  | 'SubnetNotFound'
  | 'InvalidSecurityGroup'
  | 'TooManyTargetGroups'
  | 'TooManyTargets'
  | 'InvalidTarget'
  | 'TargetGroupAssociationLimit'
  | 'IncompatibleProtocols'
  | 'UnsupportedProtocol'
  | 'TooManyUniqueTargetGroupsPerLoadBalancer'
  | 'TooManyTags'
  | 'DuplicateTagKeys'
  | 'CertificateNotFound'
  | 'TooManyCertificates'
  | 'SSLPolicyNotFound'
  | 'ALPNPolicyNotFound'
  | 'TrustStoreNotFound'
  | 'DuplicateTrustStoreName'
  | 'TooManyTrustStores'
  | 'TrustStoreInUse'
  | 'InvalidCaCertificatesBundle'
  | 'InvalidRevocationContent'
  | 'RevocationIdNotFound'
  | 'TooManyTrustStoreRevocationEntries'
  // Identity and Access Management
  | 'NoSuchEntity'
  | 'EntityAlreadyExists'
  | 'LimitExceeded'
  | 'DeleteConflict'
  | 'MalformedPolicyDocument'
  | 'UnmodifiableEntity'
  // Application Auto Scaling
  | 'ValidationException'
  | 'ObjectNotFoundException'
  | 'InvalidNextTokenException'
  | 'TooManyTagsException'
  // CloudWatch Logs
  | 'ResourceAlreadyExistsException'
  // between Berth's roles
  | 'NotLeader'
  | 'StaleView'
  | 'Unavailable'
  | 'DeadlineExceeded'
  | 'Cancelled'
  | 'Internal';

export interface ErrorOptionsOf {
  readonly cause?: unknown;
  /** Facts for programs, small and printable. Sent along over gRPC. */
  readonly details?: Readonly<Record<string, string>>;
}

const MARK = Symbol.for('berth.error');

export class BerthError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, string>>;
  readonly [MARK] = true;

  /** @param message what was attempted, on what, what was found and what was expected; never repeats the cause */
  constructor(code: ErrorCode, message: string, options: ErrorOptionsOf = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = code;
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** True for a `BerthError` of any copy of this package, optionally of one of the given codes. */
export function isBerthError(error: unknown, ...codes: ErrorCode[]): error is BerthError {
  if (typeof error !== 'object' || error === null || !(MARK in error)) return false;
  return codes.length === 0 || codes.includes((error as BerthError).code);
}

/** Turn anything caught into a `BerthError`; what is not one becomes `Internal`, its text kept as the cause. */
export function toBerthError(error: unknown, attempted: string): BerthError {
  if (isBerthError(error)) return error;
  return new BerthError('Internal', attempted, { cause: error });
}

function text(thrown: unknown): string {
  return typeof thrown === 'string' ? thrown : JSON.stringify(thrown);
}

/** The messages of an error and its causes, outermost first, joined by ": ". */
export function messageChain(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 10 && current !== undefined && current !== null; depth += 1) {
    parts.push(current instanceof Error ? current.message : text(current));
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(': ');
}
