// What this endpoint makes of each operation and input member of Amazon ECS. Supported members work as in ECS, accepted ones are taken
// and mean what is said here, refused ones are answered with an error that names them. A test holds the table against the API's model.
import type { ServiceSupport } from './support.ts';

const VOLUMES =
  'No external volumes: EBS, EFS, FSx and S3 are services of AWS. Mount the file system on the hosts and use a volume with host.sourcePath.';
const EXEC = 'Kept and shown. Commands run by `berth exec`, without being enabled first.';
const NETWORK =
  'Kept and shown. All hosts share one network: subnets and security groups change nothing.';
const SERVICE_CONNECT =
  'Service Connect does not exist here: services reach each other through a load balancer.';
const DISCOVERY = 'There is no service discovery (Cloud Map) here: use a load balancer.';
const LATTICE = 'VPC Lattice is a service of AWS.';
const GATEWAYS = 'Gateways are load balancers that AWS manages: use loadBalancers.';
const MONITORING =
  'There is no CloudWatch here: metrics are served to Prometheus, in a resolution of their own.';
const MANAGED_INSTANCES =
  'Managed instances are EC2 machines that AWS starts: use autoScalingGroupProvider.';
const TASK_ROLE = 'Kept and shown; tasks get no credentials of the role yet.';
const LAUNCH =
  "EC2, FARGATE and EXTERNAL all mean Berth's own hosts; kept and shown. MANAGED_INSTANCES is refused.";
const PLATFORM = 'Kept and shown; there is one platform.';
const ACCELERATORS =
  'Inference accelerators are not scheduled: hosts offer devices of any kind as GPUs, see resourceRequirements.';
const INSIGHTS =
  'The setting containerInsights is kept and shown; metrics are served to Prometheus whatever it says.';
const STARTS_NONE = 'Kept and shown; Berth starts no machines.';
const ENDS_NONE = 'Kept and shown; Berth ends no machines.';
const HOST_DISK = 'Kept and shown; tasks use the disk of their host.';
const HOST_RIGHTS =
  'Kept and shown; images are pulled and logs written with the rights of the host.';

const EXECUTE =
  'The execute command failed because the session protocol of AWS Systems Manager is not spoken here: run berth exec TASK -- COMMAND instead.';

export const ecsSupport: ServiceSupport = {
  supported:
    'ContinueServiceDeployment CreateCapacityProvider CreateCluster CreateService CreateTaskSet DeleteAccountSetting DeleteAttributes DeleteCapacityProvider DeleteCluster DeleteService DeleteTaskDefinitions DeleteTaskSet DeregisterContainerInstance DeregisterTaskDefinition DescribeCapacityProviders DescribeClusters DescribeContainerInstances DescribeServiceDeployments DescribeServiceRevisions DescribeServices DescribeTaskDefinition DescribeTaskSets DescribeTasks GetTaskProtection ListAccountSettings ListAttributes ListClusters ListContainerInstances ListServiceDeployments ListServices ListTagsForResource ListTaskDefinitionFamilies ListTaskDefinitions ListTasks PutAccountSetting PutAccountSettingDefault PutAttributes PutClusterCapacityProviders RegisterContainerInstance RegisterTaskDefinition RunTask StartTask StopServiceDeployment StopTask TagResource UntagResource UpdateCapacityProvider UpdateCluster UpdateClusterSettings UpdateContainerInstancesState UpdateService UpdateServicePrimaryTaskSet UpdateTaskProtection UpdateTaskSet',
  refused: [
    { operations: 'ExecuteCommand', code: 'InvalidParameterException', message: EXECUTE },
    {
      operations:
        'AssociateGatewayWithCluster CreateGateway DeleteGateway DescribeGateway DescribeGatewayResources DescribeGatewayRoute DisassociateGatewayFromCluster ListGatewayClusterAssociations ListGatewayRoutes ListGateways UpdateGateway',
      message:
        'Gateways are load balancers that AWS manages: create a load balancer and name its target group in the service.',
    },
    {
      operations:
        'CreateExpressGatewayService DeleteExpressGatewayService DescribeExpressGatewayService UpdateExpressGatewayService',
      message:
        'Express services are made of resources that AWS manages: create a service and a load balancer.',
    },
    {
      operations:
        'CreateDaemon DeleteDaemon DeleteDaemonTaskDefinition DescribeDaemon DescribeDaemonDeployments DescribeDaemonRevisions DescribeDaemonTaskDefinition ListDaemonDeployments ListDaemonTaskDefinitions ListDaemons RegisterDaemonTaskDefinition UpdateDaemon',
      message:
        'Managed daemons run on instances that AWS manages: use a service with schedulingStrategy DAEMON.',
    },
    {
      operations:
        'DiscoverPollEndpoint SubmitAttachmentStateChanges SubmitContainerStateChange SubmitTaskStateChange UpdateContainerAgent',
      message:
        "Hosts run Berth's agent, which speaks a protocol of its own: start it with berth agent.",
    },
    {
      operations: 'ListServicesByNamespace',
      message: 'There is no Service Connect, and so no namespaces.',
    },
  ],
  structures: {
    AdvancedConfiguration: {
      supported: 'alternateTargetGroupArn productionListenerRule testListenerRule',
      accepted: { roleArn: 'Kept and shown; shifting traffic needs no role.' },
    },
    Attribute: { supported: 'name value targetType targetId' },
    AutoScalingGroupProvider: {
      supported: '',
      accepted: {
        autoScalingGroupArn:
          'Kept and shown: the hosts of a provider are those whose attribute berth.capacity-provider is its name.',
        managedScaling: STARTS_NONE,
        managedTerminationProtection: ENDS_NONE,
        managedDraining: ENDS_NONE,
      },
    },
    AutoScalingGroupProviderUpdate: {
      supported: '',
      accepted: {
        managedScaling: STARTS_NONE,
        managedTerminationProtection: ENDS_NONE,
        managedDraining: ENDS_NONE,
      },
    },
    AwsVpcConfiguration: { supported: 'subnets securityGroups assignPublicIp' },
    CanaryConfiguration: { supported: 'canaryPercent canaryBakeTimeInMinutes' },
    CapacityProviderStrategyItem: { supported: 'capacityProvider weight base' },
    ClusterConfiguration: {
      supported: 'executeCommandConfiguration',
      refused: {
        managedStorageConfiguration: 'Storage of tasks is that of their hosts: encrypt it there.',
      },
    },
    ClusterSetting: { supported: 'name value' },
    ContainerDefinition: {
      supported:
        'name image cpu memory memoryReservation portMappings essential entryPoint command environment mountPoints linuxParameters dependsOn startTimeout stopTimeout hostname user workingDirectory disableNetworking privileged readonlyRootFilesystem dnsServers dnsSearchDomains extraHosts dockerSecurityOptions interactive pseudoTerminal dockerLabels ulimits logConfiguration healthCheck systemControls versionConsistency resourceRequirements',
      refused: {
        repositoryCredentials: "Log the hosts' Docker in to the registry instead.",
        links:
          'Containers of a task reach each other by published ports: use portMappings, or networkMode host.',
        restartPolicy: 'Containers are not restarted in place: a service replaces the task.',
        environmentFiles: "Files of S3 can't be read: use environment.",
        volumesFrom: 'Use mountPoints of one volume in both containers.',
        secrets:
          'There is no Secrets Manager or Parameter Store behind this endpoint: use environment.',
        firelensConfiguration:
          'FireLens routers are not started: use a log driver of Docker, or a container of your own.',
        credentialSpecs: 'Group managed service accounts are for Windows.',
      },
    },
    ContainerDependency: { supported: 'containerName condition' },
    ContainerOverride: {
      supported: 'name command environment cpu memory memoryReservation resourceRequirements',
      refused: { environmentFiles: "Files of S3 can't be read: use environment." },
    },
    CreateCapacityProviderRequest: {
      supported: 'name autoScalingGroupProvider tags',
      refused: { cluster: MANAGED_INSTANCES, managedInstancesProvider: MANAGED_INSTANCES },
    },
    CreateClusterRequest: {
      supported: 'clusterName tags capacityProviders defaultCapacityProviderStrategy',
      accepted: { settings: INSIGHTS, configuration: 'Kept and shown.' },
      refused: { serviceConnectDefaults: SERVICE_CONNECT },
    },
    ContinueServiceDeploymentRequest: { supported: 'serviceDeploymentArn hookId action' },
    CreateServiceRequest: {
      supported:
        'serviceName cluster taskDefinition loadBalancers desiredCount clientToken capacityProviderStrategy deploymentConfiguration placementConstraints placementStrategy healthCheckGracePeriodSeconds schedulingStrategy deploymentController tags enableECSManagedTags propagateTags availabilityZoneRebalancing',
      accepted: {
        launchType: LAUNCH,
        platformVersion: PLATFORM,
        role: 'Kept and shown; registering targets needs no role.',
        networkConfiguration: NETWORK,
        enableExecuteCommand: EXEC,
      },
      refused: {
        serviceRegistries: DISCOVERY,
        serviceConnectConfiguration: SERVICE_CONNECT,
        volumeConfigurations: VOLUMES,
        vpcLatticeConfigurations: LATTICE,
        gatewayConnectors: GATEWAYS,
        monitoring: MONITORING,
      },
    },
    CreateTaskSetRequest: {
      supported:
        'service cluster taskDefinition externalId loadBalancers capacityProviderStrategy scale clientToken tags',
      accepted: { networkConfiguration: NETWORK, launchType: LAUNCH, platformVersion: PLATFORM },
      refused: { serviceRegistries: DISCOVERY },
    },
    CreatedAt: { supported: 'before after' },
    DeleteAccountSettingRequest: { supported: 'name principalArn' },
    DeleteAttributesRequest: { supported: 'attributes cluster' },
    DeleteCapacityProviderRequest: {
      supported: 'capacityProvider',
      refused: { cluster: MANAGED_INSTANCES },
    },
    DeleteClusterRequest: { supported: 'cluster' },
    DeleteServiceRequest: { supported: 'service cluster force' },
    DeleteTaskDefinitionsRequest: { supported: 'taskDefinitions' },
    DeleteTaskSetRequest: { supported: 'cluster service taskSet force' },
    DeploymentAlarms: { supported: 'alarmNames rollback enable' },
    DeploymentCircuitBreaker: {
      supported: 'enable rollback resetOnHealthyTask thresholdConfiguration',
    },
    DeploymentConfiguration: {
      supported:
        'deploymentCircuitBreaker maximumPercent minimumHealthyPercent lifecycleHooks linearConfiguration canaryConfiguration',
      accepted: {
        strategy:
          'All four. Those that shift traffic need Application Load Balancers: advancedConfiguration of each loadBalancers item.',
        bakeTimeInMinutes:
          'Of the strategies that shift traffic, and of ROLLING with alarms; 0 or nothing otherwise.',
        alarms:
          "Alarms of Berth's own, by name: set by berth alarm or by Prometheus's Alertmanager. One that does not exist counts as INSUFFICIENT_DATA.",
      },
      refused: {
        earlySuccessCriteria: 'A deployment is done when all of its tasks are healthy.',
      },
    },
    DeploymentController: { supported: 'type' },
    DeploymentLifecycleHook: {
      supported: 'targetType lifecycleStages hookDetails timeoutConfiguration',
      accepted: {
        hookTargetArn:
          'An http or https URL, which is asked with POST and answers as a function would. ARNs of Lambda functions are refused by name.',
        roleArn: 'Kept and shown; hooks are asked with no rights of AWS.',
      },
    },
    DeploymentLifecycleHookTimeoutConfiguration: { supported: 'timeoutInMinutes action' },
    DeregisterContainerInstanceRequest: { supported: 'containerInstance cluster force' },
    DeregisterTaskDefinitionRequest: { supported: 'taskDefinition' },
    DescribeCapacityProvidersRequest: {
      supported: 'capacityProviders include maxResults nextToken',
      refused: { cluster: MANAGED_INSTANCES },
    },
    DescribeClustersRequest: { supported: 'clusters include' },
    DescribeContainerInstancesRequest: { supported: 'containerInstances cluster include' },
    DescribeServiceDeploymentsRequest: { supported: 'serviceDeploymentArns' },
    DescribeServiceRevisionsRequest: { supported: 'serviceRevisionArns' },
    DescribeServicesRequest: { supported: 'services cluster include' },
    DescribeTaskDefinitionRequest: { supported: 'taskDefinition include' },
    DescribeTaskSetsRequest: { supported: 'cluster service taskSets include' },
    DescribeTasksRequest: { supported: 'tasks cluster include' },
    Device: { supported: 'hostPath containerPath permissions' },
    DockerVolumeConfiguration: { supported: 'scope autoprovision driver driverOpts labels' },
    EphemeralStorage: { supported: 'sizeInGiB' },
    ExecuteCommandConfiguration: { supported: 'kmsKeyId logging logConfiguration' },
    ExecuteCommandLogConfiguration: {
      supported:
        'cloudWatchLogGroupName cloudWatchEncryptionEnabled s3BucketName s3EncryptionEnabled s3KeyPrefix',
    },
    GetTaskProtectionRequest: { supported: 'cluster tasks' },
    HealthCheck: { supported: 'command interval timeout retries startPeriod' },
    HostEntry: { supported: 'hostname ipAddress' },
    HostVolumeProperties: { supported: 'sourcePath' },
    KernelCapabilities: { supported: 'add drop' },
    KeyValuePair: { supported: 'name value' },
    LinearConfiguration: { supported: 'stepPercent stepBakeTimeInMinutes' },
    LinuxParameters: {
      supported: 'capabilities initProcessEnabled sharedMemorySize tmpfs devices',
      refused: {
        maxSwap: 'Swap is that of the host.',
        swappiness: 'Swap is that of the host.',
      },
    },
    ListAccountSettingsRequest: {
      supported: 'name value principalArn effectiveSettings nextToken maxResults',
    },
    ListAttributesRequest: {
      supported: 'targetType cluster attributeName attributeValue nextToken maxResults',
    },
    ListClustersRequest: { supported: 'nextToken maxResults' },
    ListContainerInstancesRequest: { supported: 'cluster filter nextToken maxResults status' },
    ListServiceDeploymentsRequest: {
      supported: 'service cluster status createdAt nextToken maxResults',
    },
    ListServicesRequest: {
      supported: 'cluster nextToken maxResults schedulingStrategy',
      accepted: {
        launchType: 'Compared with what the service was created with: EC2, FARGATE or EXTERNAL.',
        resourceManagementType: 'All services are CUSTOMER.',
      },
    },
    ListTagsForResourceRequest: { supported: 'resourceArn' },
    ListTaskDefinitionFamiliesRequest: { supported: 'familyPrefix status nextToken maxResults' },
    ListTaskDefinitionsRequest: { supported: 'familyPrefix status sort nextToken maxResults' },
    ListTasksRequest: {
      supported:
        'cluster containerInstance family nextToken maxResults startedBy serviceName desiredStatus',
      accepted: {
        launchType: 'Compared with what the task was started with: EC2, FARGATE or EXTERNAL.',
      },
      refused: {
        daemonName:
          'There are no managed daemons here: use a service of strategy DAEMON, and serviceName.',
      },
    },
    LoadBalancer: {
      supported: 'targetGroupArn containerName containerPort advancedConfiguration',
      refused: { loadBalancerName: 'There are no Classic Load Balancers: use targetGroupArn.' },
    },
    LogConfiguration: {
      supported: 'options',
      accepted: {
        logDriver:
          'One of json-file, none and awslogs: what containers write stays on their host and is read with berth logs. awslogs is kept and shown; nothing goes to CloudWatch. Others are refused by name.',
      },
      refused: {
        secretOptions:
          'There is no Secrets Manager or Parameter Store behind this endpoint: use options.',
      },
    },
    ManagedScaling: {
      supported:
        'status targetCapacity minimumScalingStepSize maximumScalingStepSize instanceWarmupPeriod',
    },
    MountPoint: { supported: 'sourceVolume containerPath readOnly' },
    NetworkConfiguration: { supported: 'awsvpcConfiguration' },
    PlacementConstraint: { supported: 'type expression' },
    PlacementStrategy: { supported: 'type field' },
    PlatformDevice: { supported: 'id', accepted: { type: 'GPU; others are refused.' } },
    PortMapping: {
      supported: 'containerPort hostPort protocol name',
      accepted: { appProtocol: 'Kept and shown.' },
      refused: { containerPortRange: 'Map each port by itself.' },
    },
    PutAccountSettingDefaultRequest: { supported: 'name value' },
    PutAccountSettingRequest: { supported: 'name value principalArn' },
    PutAttributesRequest: { supported: 'attributes cluster' },
    PutClusterCapacityProvidersRequest: {
      supported: 'cluster capacityProviders defaultCapacityProviderStrategy',
    },
    RegisterContainerInstanceRequest: {
      supported:
        'cluster totalResources versionInfo containerInstanceArn attributes tags platformDevices',
      accepted: {
        instanceIdentityDocument: 'Not read: hosts prove themselves by their certificates.',
        instanceIdentityDocumentSignature:
          'Not read: hosts prove themselves by their certificates.',
      },
    },
    RegisterTaskDefinitionRequest: {
      supported:
        'family containerDefinitions volumes placementConstraints cpu memory tags runtimePlatform',
      accepted: {
        taskRoleArn: TASK_ROLE,
        executionRoleArn: HOST_RIGHTS,
        requiresCompatibilities: "Kept and shown; all of them mean Berth's own hosts.",
        ephemeralStorage: HOST_DISK,
        networkMode:
          'As in ECS, but for awsvpc: one container, whose ports are reached as those of bridge are.',
      },
      refused: {
        pidMode: 'Containers have process namespaces of their own.',
        ipcMode: 'Containers have IPC namespaces of their own.',
        proxyConfiguration: 'App Mesh is a service of AWS.',
        inferenceAccelerators: ACCELERATORS,
        enableFaultInjection: 'There is no fault injection endpoint for tasks.',
      },
    },
    Resource: { supported: 'name type doubleValue longValue integerValue stringSetValue' },
    ResourceRequirement: {
      supported: 'value',
      accepted: { type: 'GPU; others are refused.' },
      refused: { sharingStrategy: 'A GPU belongs to one task at a time.' },
    },
    RunTaskRequest: {
      supported:
        'taskDefinition capacityProviderStrategy cluster count enableECSManagedTags group overrides placementConstraints placementStrategy propagateTags startedBy tags clientToken',
      accepted: {
        launchType: LAUNCH,
        platformVersion: PLATFORM,
        networkConfiguration: NETWORK,
        enableExecuteCommand: EXEC,
        referenceId: 'Taken, and not shown again.',
      },
      refused: { volumeConfigurations: VOLUMES },
    },
    RuntimePlatform: {
      supported: 'cpuArchitecture',
      accepted: { operatingSystemFamily: 'LINUX; others are refused.' },
    },
    Scale: { supported: 'value unit' },
    StartTaskRequest: {
      supported:
        'containerInstances taskDefinition cluster enableECSManagedTags group overrides propagateTags startedBy tags',
      accepted: {
        networkConfiguration: NETWORK,
        enableExecuteCommand: EXEC,
        referenceId: 'Taken, and not shown again.',
      },
      refused: { volumeConfigurations: VOLUMES },
    },
    StopServiceDeploymentRequest: { supported: 'serviceDeploymentArn stopType' },
    StopTaskRequest: { supported: 'task cluster reason' },
    SystemControl: { supported: 'namespace value' },
    Tag: { supported: 'key value' },
    TagResourceRequest: { supported: 'resourceArn tags' },
    TaskDefinitionPlacementConstraint: { supported: 'type expression' },
    TaskOverride: {
      supported: 'containerOverrides cpu memory',
      accepted: {
        taskRoleArn: TASK_ROLE,
        executionRoleArn: HOST_RIGHTS,
        ephemeralStorage: HOST_DISK,
      },
      refused: { inferenceAcceleratorOverrides: ACCELERATORS },
    },
    ThresholdConfiguration: { supported: 'type value' },
    Tmpfs: { supported: 'containerPath size mountOptions' },
    Ulimit: { supported: 'name softLimit hardLimit' },
    UntagResourceRequest: { supported: 'resourceArn tagKeys' },
    UpdateCapacityProviderRequest: {
      supported: 'name autoScalingGroupProvider',
      refused: { cluster: MANAGED_INSTANCES, managedInstancesProvider: MANAGED_INSTANCES },
    },
    UpdateClusterRequest: {
      supported: 'cluster',
      accepted: { settings: INSIGHTS, configuration: 'Kept and shown.' },
      refused: { serviceConnectDefaults: SERVICE_CONNECT },
    },
    UpdateClusterSettingsRequest: { supported: 'cluster', accepted: { settings: INSIGHTS } },
    UpdateContainerInstancesStateRequest: { supported: 'containerInstances status cluster' },
    UpdateServicePrimaryTaskSetRequest: { supported: 'cluster service primaryTaskSet' },
    UpdateServiceRequest: {
      supported:
        'service cluster desiredCount taskDefinition capacityProviderStrategy deploymentConfiguration placementConstraints placementStrategy forceNewDeployment healthCheckGracePeriodSeconds deploymentController enableECSManagedTags loadBalancers propagateTags availabilityZoneRebalancing',
      accepted: {
        platformVersion: PLATFORM,
        networkConfiguration: NETWORK,
        enableExecuteCommand: EXEC,
      },
      refused: {
        serviceRegistries: DISCOVERY,
        serviceConnectConfiguration: SERVICE_CONNECT,
        volumeConfigurations: VOLUMES,
        vpcLatticeConfigurations: LATTICE,
        gatewayConnectors: GATEWAYS,
        monitoring: MONITORING,
      },
    },
    UpdateTaskSetRequest: { supported: 'cluster service taskSet scale' },
    UpdateTaskProtectionRequest: { supported: 'cluster tasks protectionEnabled expiresInMinutes' },
    VersionInfo: { supported: 'agentVersion agentHash dockerVersion' },
    Volume: {
      supported: 'name host dockerVolumeConfiguration',
      refused: {
        efsVolumeConfiguration: VOLUMES,
        s3filesVolumeConfiguration: VOLUMES,
        fsxWindowsFileServerVolumeConfiguration: VOLUMES,
        configuredAtLaunch: VOLUMES,
      },
    },
  },
};
