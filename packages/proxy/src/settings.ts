// The limits and times of the data path. They are those of ALB where it has one, see ALB reference, section 4.2.

export interface ProxySettings {
  /** How long a connection to a target may take to stand; undefined: as the target group says. */
  readonly connectTimeoutMs: number | undefined;
  /** Silence on either side of an exchange, or in both directions of a tunnel, before it is given up; undefined: as the load balancer says. */
  readonly idleTimeoutMs: number | undefined;
  /** How long a client's connection may stay without a request. */
  readonly clientKeepAliveMs: number;
  /** How long the head of a request may take to arrive. */
  readonly headTimeoutMs: number;
  /** Idle connections to targets are closed after this; less than targets' own limit, which is 5 s in Node.js. */
  readonly targetIdleMs: number;
  /** A request that can't be repeated only takes a connection that was in use this recently. */
  readonly freshMs: number;
  /** How long a client that has sent FIN after its request may wait for the answer: most such clients are gone. */
  readonly halfCloseGraceMs: number;
  /** How many targets a request may try while none of them has accepted a connection. */
  readonly connectAttempts: number;
  /** Bodies up to this size are kept so that a safe request can be repeated. */
  readonly replayBytes: number;
  /** For how long a target whose connections fail is passed over. */
  readonly ejectMs: number;
  /** Open exchanges a target; beyond it other targets are taken, and 503 is answered when all are full. */
  readonly targetConnections: number;
  /** Open connections of clients, a listener. */
  readonly clientConnections: number;
  /** Health checks in flight at once. */
  readonly concurrentChecks: number;
  /** Where the proxy is: groups that are not cross-zone send to targets of this zone. Undefined: all zones are near. */
  readonly zone: string | undefined;
}

export const DEFAULT_SETTINGS: ProxySettings = {
  connectTimeoutMs: undefined,
  idleTimeoutMs: undefined,
  clientKeepAliveMs: 60_000,
  headTimeoutMs: 30_000,
  targetIdleMs: 4_000,
  freshMs: 1_000,
  halfCloseGraceMs: 2_000,
  connectAttempts: 4,
  replayBytes: 65_536,
  ejectMs: 5_000,
  targetConnections: 4_096,
  clientConnections: 20_000,
  concurrentChecks: 64,
  zone: undefined,
};

/** Source: ALB reference, section 4.2. */
export const LIMITS = {
  requestTarget: 16_384,
  requestHeaderLine: 16_384,
  requestHead: 65_536,
  requestHeaders: 200,
  forwardedAddresses: 30,
  traceHeader: 7_168,
} as const;
