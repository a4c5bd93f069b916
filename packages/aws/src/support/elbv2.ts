// What this endpoint makes of each operation and input member of Elastic Load Balancing v2: see support.ts. A test holds the table
// against the API's model.
import type { ServiceSupport } from './support.ts';

const NETWORK =
  'Kept and shown. All hosts share one network: subnets and security groups change nothing.';
const NLB = 'It belongs to network load balancers of AWS.';
const OUTPOSTS = 'It belongs to AWS Outposts.';
const ADDRESSES = 'Addresses are those of the machines that the proxies run on.';
const COGNITO =
  'Amazon Cognito is a service of AWS: use authenticate-oidc with any OpenID provider.';
const OPTIMIZER = 'Target optimizer needs an agent of AWS beside each target.';
const OWN_ADDRESSES = 'Kept and shown; the proxies listen on the addresses of their machines.';

export const elbv2Support: ServiceSupport = {
  supported:
    'AddListenerCertificates AddTags CreateListener CreateLoadBalancer CreateRule CreateTargetGroup DeleteListener DeleteLoadBalancer DeleteRule DeleteTargetGroup DeleteTrustStore DeregisterTargets DescribeAccountLimits DescribeCapacityReservation DescribeListenerAttributes DescribeListenerCertificates DescribeListeners DescribeLoadBalancerAttributes DescribeLoadBalancers DescribeRules DescribeSSLPolicies DescribeTags DescribeTargetGroupAttributes DescribeTargetGroups DescribeTargetHealth DescribeTrustStoreAssociations DescribeTrustStoreRevocations DescribeTrustStores ModifyListener ModifyListenerAttributes ModifyLoadBalancerAttributes ModifyRule ModifyTargetGroup ModifyTargetGroupAttributes RegisterTargets RemoveListenerCertificates RemoveTags RemoveTrustStoreRevocations SetIpAddressType SetRulePriorities SetSecurityGroups SetSubnets',
  refused: [
    {
      operations:
        'CreateTrustStore ModifyTrustStore AddTrustStoreRevocations GetTrustStoreCaCertificatesBundle GetTrustStoreRevocationContent',
      message:
        'Contents of trust stores travel through S3, and there is none here: use berth trust-store.',
    },
    {
      operations: 'GetResourcePolicy DeleteSharedTrustStoreAssociation',
      message: 'Nothing is shared between accounts: there is one.',
    },
    {
      operations: 'ModifyIpPools',
      message: 'Addresses are those of the machines that the proxies run on.',
    },
    {
      operations: 'ModifyCapacityReservation',
      message: 'Nothing is reserved: capacity is that of the proxies which run.',
    },
  ],
  structures: {
    Action: {
      supported:
        'Type TargetGroupArn AuthenticateOidcConfig Order RedirectConfig FixedResponseConfig ForwardConfig JwtValidationConfig',
      refused: { AuthenticateCognitoConfig: COGNITO },
    },
    AddListenerCertificatesInput: { supported: 'ListenerArn Certificates' },
    AddTagsInput: { supported: 'ResourceArns Tags' },
    AuthenticateOidcActionConfig: {
      supported:
        'Issuer AuthorizationEndpoint TokenEndpoint UserInfoEndpoint ClientId ClientSecret SessionCookieName Scope SessionTimeout AuthenticationRequestExtraParams OnUnauthenticatedRequest UseExistingClientSecret',
    },
    Certificate: {
      supported: 'CertificateArn',
      accepted: { IsDefault: 'Not read: the default certificate is set by ModifyListener.' },
    },
    CreateListenerInput: {
      supported:
        'LoadBalancerArn DefaultActions Protocol Port SslPolicy Certificates AlpnPolicy Tags MutualAuthentication',
    },
    CreateLoadBalancerInput: {
      supported: 'Name SubnetMappings Tags Type',
      accepted: {
        Subnets: NETWORK,
        SecurityGroups: NETWORK,
        IpAddressType: OWN_ADDRESSES,
        Scheme: 'Kept and shown; internal ones have a name that says so.',
      },
      refused: {
        CustomerOwnedIpv4Pool: OUTPOSTS,
        EnablePrefixForIpv6SourceNat: NLB,
        IpamPools: ADDRESSES,
      },
    },
    CreateRuleInput: { supported: 'ListenerArn Conditions Priority Actions Tags Transforms' },
    CreateTargetGroupInput: {
      supported:
        'Name Protocol ProtocolVersion Port HealthCheckProtocol HealthCheckPort HealthCheckPath HealthCheckIntervalSeconds HealthCheckTimeoutSeconds HealthyThresholdCount UnhealthyThresholdCount Matcher TargetType Tags',
      accepted: {
        VpcId: 'Kept and shown; there is one network.',
        HealthCheckEnabled:
          'Targets are always checked: true is taken, false is refused by ELBv2 too for instance and ip groups.',
        IpAddressType: 'Kept and shown.',
      },
      refused: { TargetControlPort: OPTIMIZER },
    },
    DeleteListenerInput: { supported: 'ListenerArn' },
    DeleteLoadBalancerInput: { supported: 'LoadBalancerArn' },
    DeleteRuleInput: { supported: 'RuleArn' },
    DeleteTargetGroupInput: { supported: 'TargetGroupArn' },
    DeleteTrustStoreInput: { supported: 'TrustStoreArn' },
    DeregisterTargetsInput: { supported: 'TargetGroupArn Targets' },
    DescribeAccountLimitsInput: { supported: 'Marker PageSize' },
    DescribeCapacityReservationInput: { supported: 'LoadBalancerArn' },
    DescribeListenerAttributesInput: { supported: 'ListenerArn' },
    DescribeListenerCertificatesInput: { supported: 'ListenerArn Marker PageSize' },
    DescribeListenersInput: { supported: 'LoadBalancerArn ListenerArns Marker PageSize' },
    DescribeLoadBalancerAttributesInput: { supported: 'LoadBalancerArn' },
    DescribeLoadBalancersInput: { supported: 'LoadBalancerArns Names Marker PageSize' },
    DescribeRulesInput: { supported: 'ListenerArn RuleArns Marker PageSize' },
    DescribeSSLPoliciesInput: { supported: 'Names Marker PageSize LoadBalancerType' },
    DescribeTagsInput: { supported: 'ResourceArns' },
    DescribeTargetGroupAttributesInput: { supported: 'TargetGroupArn' },
    DescribeTargetGroupsInput: {
      supported: 'LoadBalancerArn TargetGroupArns Names Marker PageSize',
    },
    DescribeTargetHealthInput: { supported: 'TargetGroupArn Targets Include' },
    DescribeTrustStoreAssociationsInput: { supported: 'TrustStoreArn Marker PageSize' },
    DescribeTrustStoreRevocationsInput: {
      supported: 'TrustStoreArn RevocationIds Marker PageSize',
    },
    DescribeTrustStoresInput: { supported: 'TrustStoreArns Names Marker PageSize' },
    FixedResponseActionConfig: { supported: 'StatusCode MessageBody ContentType' },
    ForwardActionConfig: { supported: 'TargetGroups TargetGroupStickinessConfig' },
    HostHeaderConditionConfig: { supported: 'Values RegexValues' },
    HostHeaderRewriteConfig: { supported: 'Rewrites' },
    HttpHeaderConditionConfig: { supported: 'HttpHeaderName Values RegexValues' },
    HttpRequestMethodConditionConfig: { supported: 'Values' },
    JwtValidationActionAdditionalClaim: { supported: 'Format Name Values' },
    JwtValidationActionConfig: { supported: 'JwksEndpoint Issuer AdditionalClaims' },
    ListenerAttribute: { supported: 'Key Value' },
    LoadBalancerAttribute: { supported: 'Key Value' },
    Matcher: { supported: 'HttpCode GrpcCode' },
    ModifyListenerAttributesInput: { supported: 'ListenerArn Attributes' },
    ModifyListenerInput: {
      supported:
        'ListenerArn Port Protocol SslPolicy Certificates DefaultActions AlpnPolicy MutualAuthentication',
    },
    ModifyLoadBalancerAttributesInput: { supported: 'LoadBalancerArn Attributes' },
    ModifyRuleInput: { supported: 'RuleArn Conditions Actions Transforms ResetTransforms' },
    ModifyTargetGroupAttributesInput: { supported: 'TargetGroupArn Attributes' },
    ModifyTargetGroupInput: {
      supported:
        'TargetGroupArn HealthCheckProtocol HealthCheckPort HealthCheckPath HealthCheckIntervalSeconds HealthCheckTimeoutSeconds HealthyThresholdCount UnhealthyThresholdCount Matcher',
      accepted: { HealthCheckEnabled: 'Targets are always checked.' },
    },
    MutualAuthenticationAttributes: {
      supported: 'Mode TrustStoreArn IgnoreClientCertificateExpiry AdvertiseTrustStoreCaNames',
      accepted: { TrustStoreAssociationStatus: 'Only shown; not read.' },
    },
    PathPatternConditionConfig: { supported: 'Values RegexValues' },
    QueryStringConditionConfig: { supported: 'Values' },
    QueryStringKeyValuePair: { supported: 'Key Value' },
    RedirectActionConfig: { supported: 'StatusCode Protocol Port Host Path Query' },
    RegisterTargetsInput: { supported: 'TargetGroupArn Targets' },
    RemoveListenerCertificatesInput: { supported: 'ListenerArn Certificates' },
    RemoveTagsInput: { supported: 'ResourceArns TagKeys' },
    RemoveTrustStoreRevocationsInput: { supported: 'TrustStoreArn RevocationIds' },
    RewriteConfig: { supported: 'Regex Replace' },
    RuleCondition: {
      supported:
        'Field Values HostHeaderConfig PathPatternConfig HttpHeaderConfig QueryStringConfig HttpRequestMethodConfig SourceIpConfig RegexValues',
    },
    RulePriorityPair: { supported: 'RuleArn Priority' },
    RuleTransform: { supported: 'Type HostHeaderRewriteConfig UrlRewriteConfig' },
    SetIpAddressTypeInput: {
      supported: 'LoadBalancerArn',
      accepted: { IpAddressType: OWN_ADDRESSES },
    },
    SetRulePrioritiesInput: { supported: 'RulePriorities' },
    SetSecurityGroupsInput: {
      supported: 'LoadBalancerArn',
      accepted: { SecurityGroups: NETWORK },
      refused: { EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic: NLB },
    },
    SetSubnetsInput: {
      supported: 'LoadBalancerArn SubnetMappings',
      accepted: { Subnets: NETWORK, IpAddressType: OWN_ADDRESSES },
      refused: { EnablePrefixForIpv6SourceNat: NLB },
    },
    SourceIpConditionConfig: {
      supported: 'Values',
      accepted: { IpAddressType: 'IPv4 and IPv6 are told by the address itself.' },
    },
    SubnetMapping: {
      supported: '',
      accepted: { SubnetId: NETWORK },
      refused: {
        AllocationId: NLB,
        PrivateIPv4Address: NLB,
        IPv6Address: NLB,
        SourceNatIpv6Prefix: NLB,
      },
    },
    Tag: { supported: 'Key Value' },
    TargetDescription: {
      supported: 'Id Port',
      accepted: { AvailabilityZone: 'Kept and shown.' },
      refused: { QuicServerId: NLB },
    },
    TargetGroupAttribute: { supported: 'Key Value' },
    TargetGroupStickinessConfig: { supported: 'Enabled DurationSeconds' },
    TargetGroupTuple: { supported: 'TargetGroupArn Weight' },
    UrlRewriteConfig: { supported: 'Rewrites' },
  },
};
