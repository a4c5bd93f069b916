// How a failed command ends: the sentence, the next command to type, and the exit code that scripts read.
// `berth help exit-codes` documents the codes.
import { type ErrorCode, isBerthError, messageChain } from '@berth/model/errors.ts';

import { UsageError } from './table/parse.mjs';

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  notDeployed: 5,
  unavailable: 6,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A failure that the command itself found; `next` is what to type next. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  readonly next: string | undefined;

  constructor(
    exitCode: ExitCode,
    message: string,
    options: { next?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CommandError';
    this.exitCode = exitCode;
    this.next = options.next;
  }
}

interface Outcome {
  readonly exitCode: ExitCode;
  readonly next?: string;
}

const { failed, notFound, refused, unavailable, interrupted } = exitCodes;
const RETRY: Outcome = { exitCode: unavailable, next: 'berth status, then try again' };

const outcomes: Readonly<Record<ErrorCode, Outcome>> = {
  InvalidParameterException: { exitCode: refused },
  ClientException: { exitCode: refused },
  ClusterNotFoundException: { exitCode: notFound, next: 'berth cluster list' },
  ClusterContainsServicesException: { exitCode: refused, next: 'berth service list' },
  ClusterContainsTasksException: { exitCode: refused, next: 'berth task list' },
  ClusterContainsContainerInstancesException: { exitCode: refused, next: 'berth host list' },
  ServiceNotFoundException: { exitCode: notFound, next: 'berth service list' },
  ServiceNotActiveException: { exitCode: refused, next: 'berth service list' },
  TaskSetNotFoundException: { exitCode: notFound, next: 'berth task-set list' },
  AttributeLimitExceededException: { exitCode: refused },
  TargetNotFoundException: { exitCode: notFound },
  ConflictException: { exitCode: refused },
  LimitExceededException: { exitCode: refused },
  AccessDeniedException: { exitCode: refused },
  ServerException: { exitCode: failed },
  ResourceInUseException: { exitCode: refused },
  ResourceNotFoundException: { exitCode: notFound },
  ServiceDeploymentNotFoundException: { exitCode: notFound },
  UnsupportedFeatureException: { exitCode: refused },
  ValidationError: { exitCode: refused },
  TargetGroupNotFound: { exitCode: notFound, next: 'berth target-group list' },
  DuplicateTargetGroupName: { exitCode: refused, next: 'berth target-group list' },
  ListenerNotFound: { exitCode: notFound, next: 'berth listener list' },
  DuplicateListener: { exitCode: refused, next: 'berth listener list' },
  RuleNotFound: { exitCode: notFound, next: 'berth rule list' },
  PriorityInUse: { exitCode: refused, next: 'berth rule list' },
  ResourceInUse: { exitCode: refused },
  TooManyRules: { exitCode: refused, next: 'berth rule list' },
  InvalidConfigurationRequest: { exitCode: refused },
  InvalidLoadBalancerAction: { exitCode: refused },
  OperationNotPermitted: { exitCode: refused },
  TooManyActions: { exitCode: refused },
  TooManyListeners: { exitCode: refused, next: 'berth listener list' },
  DuplicateLoadBalancerName: { exitCode: refused, next: 'berth load-balancer list' },
  LoadBalancerNotFound: { exitCode: notFound, next: 'berth load-balancer list' },
  TooManyLoadBalancers: { exitCode: refused, next: 'berth load-balancer list' },
  InvalidScheme: { exitCode: refused },
  InvalidSubnet: { exitCode: refused },
  SubnetNotFound: { exitCode: notFound },
  InvalidSecurityGroup: { exitCode: refused },
  TooManyTargetGroups: { exitCode: refused, next: 'berth target-group list' },
  TooManyTargets: { exitCode: refused },
  InvalidTarget: { exitCode: refused, next: 'berth host list' },
  TargetGroupAssociationLimit: { exitCode: refused, next: 'berth target-group list' },
  IncompatibleProtocols: { exitCode: refused },
  UnsupportedProtocol: { exitCode: refused },
  TooManyUniqueTargetGroupsPerLoadBalancer: { exitCode: refused },
  TooManyTags: { exitCode: refused },
  DuplicateTagKeys: { exitCode: refused },
  CertificateNotFound: { exitCode: notFound, next: 'berth tls-certificate list' },
  TooManyCertificates: { exitCode: refused },
  SSLPolicyNotFound: { exitCode: notFound },
  ALPNPolicyNotFound: { exitCode: notFound },
  TrustStoreNotFound: { exitCode: notFound, next: 'berth trust-store list' },
  DuplicateTrustStoreName: { exitCode: refused, next: 'berth trust-store list' },
  TooManyTrustStores: { exitCode: refused, next: 'berth trust-store list' },
  TrustStoreInUse: { exitCode: refused, next: 'berth listener list' },
  InvalidCaCertificatesBundle: { exitCode: refused },
  InvalidRevocationContent: { exitCode: refused },
  RevocationIdNotFound: { exitCode: notFound },
  TooManyTrustStoreRevocationEntries: { exitCode: refused },
  NoSuchEntity: { exitCode: notFound, next: 'berth user list' },
  EntityAlreadyExists: { exitCode: refused },
  LimitExceeded: { exitCode: refused },
  DeleteConflict: { exitCode: refused },
  MalformedPolicyDocument: { exitCode: refused },
  UnmodifiableEntity: { exitCode: refused },
  ValidationException: { exitCode: refused },
  ObjectNotFoundException: { exitCode: notFound },
  InvalidNextTokenException: { exitCode: refused },
  TooManyTagsException: { exitCode: refused },
  ResourceAlreadyExistsException: { exitCode: refused },
  NotLeader: RETRY,
  StaleView: RETRY,
  Unavailable: { exitCode: unavailable },
  DeadlineExceeded: RETRY,
  Cancelled: { exitCode: interrupted },
  Internal: { exitCode: failed },
};

/** ECS answers what does not exist with the same names as what is wrong; only the text tells them apart. */
const ABSENT = /not found|does not exist|unable to describe task definition|no such/i;
type Hints = readonly (readonly [RegExp, string])[];
const REFUSED_HINTS: Hints = [[/scaled above 0/, 'the same command with --force']];
const ABSENT_HINTS: Hints = [
  [/\bkey\b/i, 'berth state ls'],
  [/task ?definition/i, 'berth task-definition list'],
  [/container ?instance|host/i, 'berth host list'],
  [/task/i, 'berth task list'],
];

export interface Failure {
  readonly exitCode: ExitCode;
  /** Lines for standard error. */
  readonly lines: readonly string[];
}

/**
 * What to say and how to end.
 * @param attempted the command's path: "service show"
 */
export function failureOf(error: unknown, attempted: string): Failure {
  const prefix = attempted === '' ? 'berth' : `berth ${attempted}`;
  if (error instanceof UsageError) {
    return { exitCode: exitCodes.usage, lines: [`berth: ${error.message}`, `Next: ${error.next}`] };
  }
  if (error instanceof CommandError) {
    return withNext(error.exitCode, `${prefix}: ${messageChain(error)}`, error.next);
  }
  if (isBerthError(error)) {
    const { exitCode, next } = outcomes[error.code];
    const text = messageChain(error);
    const line = `${prefix}: ${text}${text.includes(error.code) ? '' : ` (${error.code})`}`;
    const absent = exitCode === notFound || (exitCode === refused && ABSENT.test(text));
    const hints = absent ? ABSENT_HINTS : REFUSED_HINTS;
    const hint = next ?? hints.find(([pattern]) => pattern.test(text))?.[1];
    return withNext(absent ? notFound : exitCode, line, hint);
  }
  // Not foreseen: the stack helps whoever reports it.
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exitCode: failed, lines: [`${prefix}: ${stack}`] };
}

function withNext(exitCode: ExitCode, line: string, next: string | undefined): Failure {
  return { exitCode, lines: next === undefined ? [line] : [line, `Next: ${next}`] };
}
