// The one table between Berth's error codes and gRPC's status codes, and what an error looks like on the
// wire: status and message for every gRPC client, `berth-error` and `berth-details` in the trailing metadata for ours.
import { BerthError, isBerthError, type ErrorCode } from '@berth/model/errors.ts';
import { Metadata, status } from '@grpc/grpc-js';

const ERROR_KEY = 'berth-error';
const DETAILS_KEY = 'berth-details';

/** Longer texts may break the reply: HTTP/2 peers limit the size of all headers together, some to 8 KiB. */
const MESSAGE_LIMIT = 2_000;
/** Of the message as it is sent: what is not ASCII takes three bytes for each of its own. */
const ENCODED_LIMIT = 3_000;
const DETAIL_LIMIT = 500;
const DETAILS_LIMIT = 4_000;

export const GRPC_STATUS = {
  InvalidParameterException: status.INVALID_ARGUMENT,
  ClientException: status.INVALID_ARGUMENT,
  ClusterNotFoundException: status.NOT_FOUND,
  ClusterContainsServicesException: status.FAILED_PRECONDITION,
  ClusterContainsTasksException: status.FAILED_PRECONDITION,
  ClusterContainsContainerInstancesException: status.FAILED_PRECONDITION,
  ServiceNotFoundException: status.NOT_FOUND,
  ServiceNotActiveException: status.FAILED_PRECONDITION,
  TaskSetNotFoundException: status.NOT_FOUND,
  AttributeLimitExceededException: status.RESOURCE_EXHAUSTED,
  TargetNotFoundException: status.NOT_FOUND,
  ConflictException: status.ALREADY_EXISTS,
  LimitExceededException: status.RESOURCE_EXHAUSTED,
  AccessDeniedException: status.PERMISSION_DENIED,
  ServerException: status.ABORTED,
  ResourceInUseException: status.FAILED_PRECONDITION,
  ResourceNotFoundException: status.NOT_FOUND,
  ServiceDeploymentNotFoundException: status.NOT_FOUND,
  UnsupportedFeatureException: status.INVALID_ARGUMENT,
  ValidationError: status.INVALID_ARGUMENT,
  TargetGroupNotFound: status.NOT_FOUND,
  DuplicateTargetGroupName: status.ALREADY_EXISTS,
  ListenerNotFound: status.NOT_FOUND,
  DuplicateListener: status.ALREADY_EXISTS,
  RuleNotFound: status.NOT_FOUND,
  PriorityInUse: status.ALREADY_EXISTS,
  ResourceInUse: status.FAILED_PRECONDITION,
  TooManyRules: status.RESOURCE_EXHAUSTED,
  InvalidConfigurationRequest: status.INVALID_ARGUMENT,
  InvalidLoadBalancerAction: status.INVALID_ARGUMENT,
  OperationNotPermitted: status.FAILED_PRECONDITION,
  TooManyActions: status.INVALID_ARGUMENT,
  TooManyListeners: status.RESOURCE_EXHAUSTED,
  DuplicateLoadBalancerName: status.ALREADY_EXISTS,
  LoadBalancerNotFound: status.NOT_FOUND,
  TooManyLoadBalancers: status.RESOURCE_EXHAUSTED,
  InvalidScheme: status.INVALID_ARGUMENT,
  InvalidSubnet: status.INVALID_ARGUMENT,
  SubnetNotFound: status.NOT_FOUND,
  InvalidSecurityGroup: status.INVALID_ARGUMENT,
  TooManyTargetGroups: status.RESOURCE_EXHAUSTED,
  TooManyTargets: status.RESOURCE_EXHAUSTED,
  InvalidTarget: status.INVALID_ARGUMENT,
  TargetGroupAssociationLimit: status.RESOURCE_EXHAUSTED,
  IncompatibleProtocols: status.INVALID_ARGUMENT,
  UnsupportedProtocol: status.INVALID_ARGUMENT,
  TooManyUniqueTargetGroupsPerLoadBalancer: status.RESOURCE_EXHAUSTED,
  TooManyTags: status.INVALID_ARGUMENT,
  DuplicateTagKeys: status.INVALID_ARGUMENT,
  CertificateNotFound: status.NOT_FOUND,
  TooManyCertificates: status.RESOURCE_EXHAUSTED,
  SSLPolicyNotFound: status.NOT_FOUND,
  ALPNPolicyNotFound: status.NOT_FOUND,
  TrustStoreNotFound: status.NOT_FOUND,
  DuplicateTrustStoreName: status.ALREADY_EXISTS,
  TooManyTrustStores: status.RESOURCE_EXHAUSTED,
  TrustStoreInUse: status.FAILED_PRECONDITION,
  InvalidCaCertificatesBundle: status.INVALID_ARGUMENT,
  InvalidRevocationContent: status.INVALID_ARGUMENT,
  RevocationIdNotFound: status.NOT_FOUND,
  TooManyTrustStoreRevocationEntries: status.RESOURCE_EXHAUSTED,
  NoSuchEntity: status.NOT_FOUND,
  EntityAlreadyExists: status.ALREADY_EXISTS,
  LimitExceeded: status.RESOURCE_EXHAUSTED,
  DeleteConflict: status.FAILED_PRECONDITION,
  MalformedPolicyDocument: status.INVALID_ARGUMENT,
  UnmodifiableEntity: status.FAILED_PRECONDITION,
  ValidationException: status.INVALID_ARGUMENT,
  ObjectNotFoundException: status.NOT_FOUND,
  InvalidNextTokenException: status.INVALID_ARGUMENT,
  TooManyTagsException: status.RESOURCE_EXHAUSTED,
  ResourceAlreadyExistsException: status.ALREADY_EXISTS,
  NotLeader: status.FAILED_PRECONDITION,
  StaleView: status.ABORTED,
  Unavailable: status.UNAVAILABLE,
  DeadlineExceeded: status.DEADLINE_EXCEEDED,
  Cancelled: status.CANCELLED,
  Internal: status.INTERNAL,
} as const satisfies Record<ErrorCode, status>;

/** For answers without `berth-error`: made by gRPC itself, or by a server that is not Berth's. */
const CODE_OF_STATUS: Partial<Record<status, ErrorCode>> = {
  [status.CANCELLED]: 'Cancelled',
  [status.INVALID_ARGUMENT]: 'InvalidParameterException',
  [status.DEADLINE_EXCEEDED]: 'DeadlineExceeded',
  [status.PERMISSION_DENIED]: 'AccessDeniedException',
  [status.UNAUTHENTICATED]: 'AccessDeniedException',
  [status.RESOURCE_EXHAUSTED]: 'LimitExceededException',
  [status.UNAVAILABLE]: 'Unavailable',
};

export interface WireStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

export function toWire(error: BerthError): WireStatus {
  const metadata = new Metadata();
  metadata.set(ERROR_KEY, error.code);
  const details = wireDetails(error.details);
  if (details !== undefined) metadata.set(DETAILS_KEY, details);
  return { code: GRPC_STATUS[error.code], details: sendable(error.message), metadata };
}

/** What a failed call means to its caller. `call` names it in messages, for instance `Ecs.RunTask at 10.0.0.1:7400`. */
export function fromWire(error: unknown, call: string): BerthError {
  if (isBerthError(error)) return error;
  const wire = error as Partial<WireStatus> & { readonly message?: string };
  const text = wire.details ?? wire.message ?? 'unknown error';
  const code = wire.metadata?.get(ERROR_KEY)[0];
  if (typeof code === 'string' && code in GRPC_STATUS) {
    return new BerthError(code as ErrorCode, text, { details: readDetails(wire.metadata) });
  }
  const known = wire.code === undefined ? undefined : CODE_OF_STATUS[wire.code];
  return new BerthError(known ?? 'Internal', `${call} failed: ${text}`);
}

function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}

/** gRPC sends messages percent-encoded, which half of a surrogate pair can't be. */
function sendable(message: string): string {
  for (let limit = MESSAGE_LIMIT; ; limit = Math.floor(limit / 2)) {
    const text = cut(message, limit).toWellFormed();
    if (encodeURI(text).length <= ENCODED_LIMIT) return text;
  }
}

/** Metadata values are printable ASCII; details that would be too long altogether are left out. */
function wireDetails(details: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(details).map(([key, value]) => [key, cut(value, DETAIL_LIMIT)]);
  if (entries.length === 0) return undefined;
  const json = JSON.stringify(Object.fromEntries(entries)).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return json.length <= DETAILS_LIMIT ? json : undefined;
}

function readDetails(metadata: Metadata | undefined): Record<string, string> {
  const text = metadata?.get(DETAILS_KEY)[0];
  if (typeof text !== 'string') return {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null) return {};
    return Object.fromEntries(Object.entries(parsed).map(([key, value]) => [key, String(value)]));
  } catch {
    return {};
  }
}
