import type {
  CreateServiceRequest,
  LaunchSettings,
  RunTaskRequest,
} from '../generated/messages.ts';
import { checkLaunchOf } from './launch.ts';
import { describeRules } from './refusals.test.ts';
import { acceptRunTask, acceptStartTask } from './run-task.ts';
import { acceptCreateService } from './service.ts';
import { acceptTaskDefinition } from './task-definition.ts';
import { definition, service } from './testing.ts';

const providers = (...names: string[]) =>
  names.map((capacityProvider) => ({ capacityProvider, weight: 1 }));
const network = (subnets: number, groups = 0) => ({
  awsvpcConfiguration: {
    subnets: Array.from({ length: subnets }, (_, index) => `subnet-${index}`),
    securityGroups: Array.from({ length: groups }, (_, index) => `sg-${index}`),
  },
});

const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `a${at}`);
const alarms = (alarmNames: readonly string[]) => ({ alarmNames, enable: true, rollback: false });
const external = (fields: Partial<CreateServiceRequest> = {}): CreateServiceRequest =>
  service({ deploymentController: { type: 'EXTERNAL' }, taskDefinition: '', ...fields });

describe('the launch of a service is refused', () => {
  describeRules<CreateServiceRequest>(
    'InvalidParameterException',
    {
      'with a launch type and a strategy': {
        accepts: service({ capacityProviderStrategy: providers('a') }),
        refuses: service({ capacityProviderStrategy: providers('a'), launchType: 'EC2' }),
        message:
          'Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.',
      },
      'with 21 providers': {
        accepts: service({
          capacityProviderStrategy: providers(...Array.from({ length: 20 }, (_, at) => `p${at}`)),
        }),
        refuses: service({
          capacityProviderStrategy: providers(...Array.from({ length: 21 }, (_, at) => `p${at}`)),
        }),
        message: 'capacityProviderStrategy has 21 capacity providers; expected at most 20.',
      },
      'with a provider twice': {
        accepts: service({ capacityProviderStrategy: providers('a', 'b') }),
        refuses: service({ capacityProviderStrategy: providers('a', 'a') }),
        message:
          'capacityProviderStrategy: capacityProvider has "a" more than once; expected each at most once.',
      },
      'with two bases': {
        accepts: service({
          capacityProviderStrategy: [
            { capacityProvider: 'a', base: 1, weight: 1 },
            ...providers('b'),
          ],
        }),
        refuses: service({
          capacityProviderStrategy: [
            { capacityProvider: 'a', base: 1 },
            { capacityProvider: 'b', base: 1 },
          ],
        }),
        message: 'capacityProviderStrategy has more than one base above 0; expected one at most.',
      },
      'without a weight': {
        accepts: service({ capacityProviderStrategy: [{ capacityProvider: 'a' }] }),
        refuses: service({
          capacityProviderStrategy: [{ capacityProvider: 'a' }, { capacityProvider: 'b' }],
        }),
        message: 'capacityProviderStrategy has no weight above 0; expected one at least.',
      },
      'with a weight above 1000': {
        accepts: service({ capacityProviderStrategy: [{ capacityProvider: 'a', weight: 1000 }] }),
        refuses: service({ capacityProviderStrategy: [{ capacityProvider: 'a', weight: 1001 }] }),
        message:
          'capacityProviderStrategy[0].weight is 1001; expected a whole number from 0 to 1000.',
      },
      'with FARGATE among others': {
        accepts: service({ capacityProviderStrategy: providers('FARGATE', 'FARGATE_SPOT') }),
        refuses: service({ capacityProviderStrategy: providers('FARGATE', 'b') }),
        message:
          'capacityProviderStrategy has FARGATE providers together with others; expected only the one kind or the other.',
      },
      'as a daemon on FARGATE': {
        accepts: service({ launchType: 'FARGATE' }),
        refuses: service({
          launchType: 'FARGATE',
          schedulingStrategy: 'DAEMON',
          desiredCount: undefined,
        }),
        message: 'The daemon scheduling strategy is not supported for AWS Fargate tasks.',
      },
      'with a platform version of no platform': {
        accepts: service({ launchType: 'FARGATE', platformVersion: 'LATEST' }),
        refuses: service({ launchType: 'EC2', platformVersion: 'LATEST' }),
        message:
          'The platform version must be null when specifying an EC2 or EXTERNAL launch type. (platformVersion is "LATEST")',
      },
      'without a subnet': {
        accepts: service({ networkConfiguration: network(16, 5) }),
        refuses: service({ networkConfiguration: network(0) }),
        message: 'subnets can not be empty.',
      },
      'with 17 subnets': {
        accepts: service({ networkConfiguration: network(1) }),
        refuses: service({ networkConfiguration: network(17) }),
        message:
          'networkConfiguration.awsvpcConfiguration.subnets has 17 subnets; expected at most 16.',
      },
      'with another deployment controller': {
        accepts: service({ deploymentController: { type: 'ECS' } }),
        refuses: service({ deploymentController: { type: 'CODE_DEPLOY' } }),
        code: 'UnsupportedFeatureException',
        message:
          'deploymentController.type is "CODE_DEPLOY"; expected ECS or EXTERNAL: no other deployment controller is supported.',
      },
      'with alarms': {
        accepts: service({
          deploymentConfiguration: { alarms: { alarmNames: [], enable: false, rollback: false } },
        }),
        refuses: service({
          deploymentConfiguration: { alarms: { alarmNames: [], enable: true, rollback: false } },
        }),
        message:
          'deploymentConfiguration.alarms.alarmNames is missing; expected the names of alarms where enable is true.',
      },
      'with an alarm twice': {
        accepts: service({
          deploymentConfiguration: { alarms: alarms(['a', 'b']), bakeTimeInMinutes: 5 },
        }),
        refuses: service({ deploymentConfiguration: { alarms: alarms(['a', 'a']) } }),
        message:
          'deploymentConfiguration.alarms.alarmNames has "a" more than once; expected each at most once.',
      },
      'with 101 alarms': {
        accepts: service({ deploymentConfiguration: { alarms: alarms(names(100)) } }),
        refuses: service({ deploymentConfiguration: { alarms: alarms(names(101)) } }),
        message: 'deploymentConfiguration.alarms.alarmNames has 101 names; expected at most 100.',
      },
      'with an alarm of 256 characters': {
        accepts: service({ deploymentConfiguration: { alarms: alarms(['n'.repeat(255)]) } }),
        refuses: service({ deploymentConfiguration: { alarms: alarms([`n\n`]) } }),
        message:
          'deploymentConfiguration.alarms.alarmNames[0] is "n\\n"; expected 1 to 255 characters, none of them a control character.',
      },
      'with a bake time and no alarms': {
        accepts: service({
          deploymentConfiguration: { alarms: alarms(['a']), bakeTimeInMinutes: 1 },
        }),
        refuses: service({ deploymentConfiguration: { bakeTimeInMinutes: 1 } }),
        message:
          'deploymentConfiguration.bakeTimeInMinutes is given and deploymentConfiguration.strategy is "ROLLING"; expected strategy BLUE_GREEN or LINEAR or CANARY beside it.',
      },
      'of controller EXTERNAL with a task definition': {
        accepts: external(),
        refuses: external({ taskDefinition: 'hello' }),
        message:
          'taskDefinition is given; expected none for a service with a deployment controller of type EXTERNAL: give it to CreateTaskSet.',
      },
      'of controller EXTERNAL as a daemon': {
        accepts: external({ deploymentConfiguration: { maximumPercent: 200 } }),
        refuses: external({ schedulingStrategy: 'DAEMON', desiredCount: undefined }),
        message:
          'schedulingStrategy is "DAEMON"; expected REPLICA for a deployment controller of type EXTERNAL.',
      },
      'of controller EXTERNAL with a circuit breaker': {
        accepts: external({ placementStrategy: [{ type: 'random' }] }),
        refuses: external({
          deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
        }),
        message:
          'deploymentConfiguration.deploymentCircuitBreaker is given; expected none for a service with a deployment controller of type EXTERNAL: it has no deployments.',
      },
      'of controller EXTERNAL with zone rebalancing': {
        accepts: external({ availabilityZoneRebalancing: 'DISABLED' }),
        refuses: external({ availabilityZoneRebalancing: 'ENABLED' }),
        message:
          'availabilityZoneRebalancing is "ENABLED"; expected DISABLED for a service with a deployment controller of type EXTERNAL.',
      },
    },
    acceptCreateService,
  );
});

describe('the launch of a task definition is refused', () => {
  const launch = (fields: Partial<LaunchSettings> = {}): LaunchSettings => ({
    capacityProviderStrategy: [],
    ...fields,
  });
  const bridge = acceptTaskDefinition(definition());
  const awsvpc = acceptTaskDefinition(definition({ networkMode: 'awsvpc' }));
  const fargate = { ...awsvpc, cpu: '256', memory: '512' };
  const withRole = { ...bridge, taskRoleArn: 'app' };
  describeRules<[LaunchSettings, typeof bridge]>(
    'InvalidParameterException',
    {
      'without a network for awsvpc': {
        accepts: [launch({ networkConfiguration: network(1) }), awsvpc],
        refuses: [launch(), awsvpc],
        message: "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
      },
      'with a network for another mode': {
        accepts: [launch(), bridge],
        refuses: [launch({ networkConfiguration: network(1) }), bridge],
        message:
          'Network Configuration is not valid for the given networkMode of this task definition.',
      },
      'on FARGATE when it is not fit for it': {
        accepts: [launch({ launchType: 'FARGATE', networkConfiguration: network(1) }), fargate],
        refuses: [launch({ launchType: 'FARGATE' }), bridge],
        message: 'Task definition does not support launch_type FARGATE.',
      },
      'with exec and no role': {
        accepts: [launch({ enableExecuteCommand: true }), withRole],
        refuses: [launch({ enableExecuteCommand: true }), bridge],
        message:
          "The service couldn't be created because a valid taskRoleArn is not being used. " +
          'Specify a valid task role in your task definition and try again.',
      },
    },
    ([settings, of]) => checkLaunchOf(settings, of, 'created'),
  );
});

describe('starting tasks is refused', () => {
  const content = acceptTaskDefinition(definition());
  const run = (fields: Partial<RunTaskRequest> = {}): RunTaskRequest => ({
    taskDefinition: 'hello',
    placementConstraints: [],
    placementStrategy: [],
    tags: [],
    capacityProviderStrategy: [],
    ...fields,
  });
  describeRules<RunTaskRequest>(
    'InvalidParameterException',
    {
      'with tags of a service that there is not': {
        accepts: run({ propagateTags: 'TASK_DEFINITION' }),
        refuses: run({ propagateTags: 'SERVICE' }),
        message:
          'propagateTags is "SERVICE"; expected TASK_DEFINITION or NONE: the task has no service.',
      },
    },
    (request) => acceptRunTask(request, content),
  );
  const hosts = (count: number, startedBy = 'ada') => ({
    taskDefinition: 'hello',
    containerInstances: Array.from({ length: count }, (_, index) => `h${index}`),
    startedBy,
    tags: [],
  });
  describeRules<ReturnType<typeof hosts>>(
    'InvalidParameterException',
    {
      'on no host': {
        accepts: hosts(1),
        refuses: hosts(0),
        message: 'Container instances cannot be empty.',
      },
      'on 11 hosts': {
        accepts: hosts(10),
        refuses: hosts(11),
        message: 'containerInstances has 11 ids; expected at most 10.',
      },
      'by a long starter': {
        accepts: hosts(1, 'a'.repeat(36)),
        refuses: hosts(1, 'a'.repeat(37)),
        message: `startedBy is "${'a'.repeat(37)}"; expected at most 36 letters, digits, hyphens, underscores and slashes.`,
      },
    },
    (request) => acceptStartTask(request, content),
  );
});
