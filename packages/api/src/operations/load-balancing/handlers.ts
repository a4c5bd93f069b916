// The operations of service LoadBalancing as gRPC handlers.
import type { Handlers } from '@berth/rpc/api.ts';

import { handlersOn, type OperationsDeps } from '../deps.ts';
import { describeAcmeSettings, putAcmeSettings, requestCertificate } from './acme.ts';
import { describeAccountLimits } from './account-limits.ts';
import { deleteCertificate, describeCertificates, importCertificate } from './certificates.ts';
import {
  addListenerCertificates,
  describeListenerCertificates,
  describeSslPolicies,
  removeListenerCertificates,
} from './listener-certificates.ts';
import {
  createListener,
  deleteListener,
  describeListenerAttributes,
  describeListeners,
  modifyListener,
  modifyListenerAttributes,
} from './listeners.ts';
import {
  createLoadBalancer,
  deleteLoadBalancer,
  describeCapacityReservation,
  describeLoadBalancerAttributes,
  describeLoadBalancers,
  modifyLoadBalancerAttributes,
  setIpAddressType,
  setSecurityGroups,
  setSubnets,
} from './load-balancers.ts';
import { findRouteProblems, testRoute } from './routes.ts';
import { setRulePriorities } from './rule-priorities.ts';
import {
  createRule,
  deleteRule,
  describeRuleAttributes,
  describeRules,
  modifyRule,
  modifyRuleAttributes,
} from './rules.ts';
import { addTags, describeTags, removeTags } from './tags.ts';
import {
  createTargetGroup,
  deleteTargetGroup,
  describeTargetGroupAttributes,
  describeTargetGroups,
  modifyTargetGroup,
  modifyTargetGroupAttributes,
} from './target-groups.ts';
import { deregisterTargets, describeTargetHealth, registerTargets } from './targets.ts';
import {
  addTrustStoreRevocations,
  createTrustStore,
  deleteTrustStore,
  describeTrustStoreAssociations,
  describeTrustStoreRevocations,
  describeTrustStores,
  modifyTrustStore,
  removeTrustStoreRevocations,
} from './trust-stores.ts';

export function loadBalancingHandlers(deps: OperationsDeps): Handlers<'LoadBalancing'> {
  const handle = handlersOn(deps);
  return {
    CreateLoadBalancer: handle(createLoadBalancer),
    DescribeLoadBalancers: handle(describeLoadBalancers),
    DeleteLoadBalancer: handle(deleteLoadBalancer),
    DescribeLoadBalancerAttributes: handle(describeLoadBalancerAttributes),
    ModifyLoadBalancerAttributes: handle(modifyLoadBalancerAttributes),
    SetSecurityGroups: handle(setSecurityGroups),
    SetSubnets: handle(setSubnets),
    SetIpAddressType: handle(setIpAddressType),
    DescribeCapacityReservation: handle(describeCapacityReservation),
    DescribeAccountLimits: handle(describeAccountLimits),
    CreateTargetGroup: handle(createTargetGroup),
    ModifyTargetGroup: handle(modifyTargetGroup),
    DescribeTargetGroups: handle(describeTargetGroups),
    DeleteTargetGroup: handle(deleteTargetGroup),
    DescribeTargetGroupAttributes: handle(describeTargetGroupAttributes),
    ModifyTargetGroupAttributes: handle(modifyTargetGroupAttributes),
    RegisterTargets: handle(registerTargets),
    DeregisterTargets: handle(deregisterTargets),
    DescribeTargetHealth: handle(describeTargetHealth),
    CreateListener: handle(createListener),
    ModifyListener: handle(modifyListener),
    DescribeListeners: handle(describeListeners),
    DeleteListener: handle(deleteListener),
    DescribeListenerAttributes: handle(describeListenerAttributes),
    ModifyListenerAttributes: handle(modifyListenerAttributes),
    AddListenerCertificates: handle(addListenerCertificates),
    RemoveListenerCertificates: handle(removeListenerCertificates),
    DescribeListenerCertificates: handle(describeListenerCertificates),
    DescribeSslPolicies: handle(describeSslPolicies),
    CreateRule: handle(createRule),
    ModifyRule: handle(modifyRule),
    DescribeRules: handle(describeRules),
    DeleteRule: handle(deleteRule),
    SetRulePriorities: handle(setRulePriorities),
    DescribeRuleAttributes: handle(describeRuleAttributes),
    ModifyRuleAttributes: handle(modifyRuleAttributes),
    AddTags: handle(addTags),
    RemoveTags: handle(removeTags),
    DescribeTags: handle(describeTags),
    CreateTrustStore: handle(createTrustStore),
    ModifyTrustStore: handle(modifyTrustStore),
    DescribeTrustStores: handle(describeTrustStores),
    DeleteTrustStore: handle(deleteTrustStore),
    AddTrustStoreRevocations: handle(addTrustStoreRevocations),
    RemoveTrustStoreRevocations: handle(removeTrustStoreRevocations),
    DescribeTrustStoreRevocations: handle(describeTrustStoreRevocations),
    DescribeTrustStoreAssociations: handle(describeTrustStoreAssociations),
    ImportCertificate: handle(importCertificate),
    DescribeCertificates: handle(describeCertificates),
    DeleteCertificate: handle(deleteCertificate),
    RequestCertificate: handle(requestCertificate),
    PutAcmeSettings: handle(putAcmeSettings),
    DescribeAcmeSettings: handle(describeAcmeSettings),
    TestRoute: handle(testRoute),
    FindRouteProblems: handle(findRouteProblems),
  };
}
