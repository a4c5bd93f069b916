// Requests for the tests of validation: good ones, of which a test changes one thing. For tests only.
import type {
  ContainerDefinition,
  CreateServiceRequest,
  RegisterTaskDefinitionRequest,
} from '../generated/messages.ts';

export function container(fields: Partial<ContainerDefinition> = {}): ContainerDefinition {
  return {
    name: 'web',
    image: 'hello:1',
    cpu: 0,
    memory: 64,
    portMappings: [],
    entryPoint: [],
    command: [],
    environment: [],
    mountPoints: [],
    dependsOn: [],
    dnsServers: [],
    dnsSearchDomains: [],
    extraHosts: [],
    dockerSecurityOptions: [],
    dockerLabels: {},
    ulimits: [],
    systemControls: [],
    resourceRequirements: [],
    ...fields,
  };
}

export function definition(
  fields: Partial<RegisterTaskDefinitionRequest> = {},
): RegisterTaskDefinitionRequest {
  return {
    family: 'hello',
    containerDefinitions: [container()],
    volumes: [],
    placementConstraints: [],
    requiresCompatibilities: [],
    tags: [],
    ...fields,
  };
}

export function service(fields: Partial<CreateServiceRequest> = {}): CreateServiceRequest {
  return {
    serviceName: 'web',
    taskDefinition: 'hello',
    desiredCount: 2,
    loadBalancers: [],
    placementConstraints: [],
    placementStrategy: [],
    tags: [],
    capacityProviderStrategy: [],
    ...fields,
  };
}
