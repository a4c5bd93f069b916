// How much there may be of what belongs to load balancing. Source: ALB reference, section 1.5. Those of rules and of targets can
// be raised by the attributes `berth.quotas.*`.

export const MOST_LOAD_BALANCERS = 50;
/** Of a load balancer. */
export const MOST_LISTENERS = 50;
/** Of a listener, without the default one. */
export const MOST_CERTIFICATES = 25;
export const MOST_TARGET_GROUPS = 3000;
/** That the actions of one load balancer name. */
export const MOST_GROUPS_A_BALANCER = 100;
export const MOST_GROUPS_AN_ACTION = 5;
export const MOST_VALUES_A_CONDITION = 3;
export const MOST_VALUES_A_RULE = 5;
export const MOST_WILDCARDS_A_RULE = 5;
export const MOST_TRUST_STORES = 20;

export interface Quota {
  readonly name: string;
  readonly max: number;
}

/** Under the names that DescribeAccountLimits gives them. */
export const QUOTAS: readonly Quota[] = [
  { name: 'application-load-balancers', max: MOST_LOAD_BALANCERS },
  { name: 'listeners-per-application-load-balancer', max: MOST_LISTENERS },
  { name: 'rules-per-application-load-balancer', max: 100 },
  { name: 'certificates-per-application-load-balancer', max: MOST_CERTIFICATES },
  { name: 'target-groups', max: MOST_TARGET_GROUPS },
  { name: 'targets-per-application-load-balancer', max: 1000 },
  { name: 'targets-per-target-group', max: 1000 },
  { name: 'target-groups-per-application-load-balancer', max: MOST_GROUPS_A_BALANCER },
  { name: 'target-groups-per-action-on-application-load-balancer', max: MOST_GROUPS_AN_ACTION },
  { name: 'condition-values-per-alb-rule', max: MOST_VALUES_A_RULE },
  { name: 'condition-wildcards-per-alb-rule', max: MOST_WILDCARDS_A_RULE },
  { name: 'network-load-balancers', max: MOST_LOAD_BALANCERS },
  { name: 'listeners-per-network-load-balancer', max: MOST_LISTENERS },
  { name: 'trust-stores-per-account', max: MOST_TRUST_STORES },
];
