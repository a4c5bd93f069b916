// The life of a load-balanced, scaled service as Terraform's AWS provider leads it: every resource created, read twice, updated in place,
// read twice again and deleted, with the calls that the provider makes and the errors that it waits on. Source: ECS, ALB and auto scaling
// references, the notes on Terraform (TF).
import { DescribeServicesCommand } from '@aws-sdk/client-ecs';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { freePort } from '@berth/store/testing/etcd.ts';

import { type Case, conformance, type Ground } from './cases.ts';
import { kept, SUBNETS, VPC } from './elbv2-kit.ts';
import { cluster, createService, reduced, service, taskDefinition } from './terraform/ecs.ts';
import {
  created,
  destroyed,
  type Life,
  type State,
  until,
  updated,
} from './terraform/life-cycle.ts';
import {
  GROUP_ATTRIBUTES,
  lb,
  LB_ATTRIBUTES,
  listener,
  listenerRule,
  setBalancerAttributes,
  targetGroup,
} from './terraform/load-balancing.ts';
import { putPolicy, scalingPolicy, scalingTarget } from './terraform/scaling.ts';

const TAGS = { Name: 'web', team: 'a b', empty: '' };
const RETAGGED = { Name: 'web', team: 'c', owner: 'd' };
const ARN = 'arn:aws:elasticloadbalancing:us-east-1:000000000000';

const container = {
  name: 'web',
  image: 'nginx:1.27',
  memory: 64,
  essential: true,
  portMappings: [{ containerPort: 80 }],
  environment: [
    { name: 'B', value: '2 < 3 && "x"' },
    { name: 'A', value: '' },
  ],
  command: ['nginx', '-g', 'daemon off;'],
  dockerLabels: { 'com.example.team': 'a' },
  ulimits: [{ name: 'nofile' as const, softLimit: 1024, hardLimit: 4096 }],
};

const REWRITE = {
  Type: 'url-rewrite',
  UrlRewriteConfig: { Rewrites: [{ Regex: '^/static/(.*)$', Replace: '/$1' }] },
};

const life = {
  cluster: {
    resource: cluster,
    config: () => ({
      name: 'prod',
      setting: [{ name: 'containerInsights', value: 'disabled' }],
      tags: TAGS,
    }),
    change: () => ({
      setting: [{ name: 'containerInsights', value: 'enabled' }],
      tags: RETAGGED,
    }),
  },
  taskDefinition: {
    resource: taskDefinition,
    config: () => ({
      family: 'web',
      container_definitions: reduced([container]),
      network_mode: 'bridge',
      volume: [{ name: 'data', host: {} }],
      placement_constraints: [],
      cpu: '128',
      memory: '256',
      tags: TAGS,
    }),
    change: () => ({ tags: RETAGGED }),
  },
  lb: {
    resource: lb,
    config: () => ({
      name: 'web',
      internal: false,
      load_balancer_type: 'application',
      ip_address_type: 'ipv4',
      vpc_id: VPC,
      security_groups: ['sg-0123456789abcdef0'],
      subnets: SUBNETS,
      attributes: LB_ATTRIBUTES,
      tags: TAGS,
    }),
    change: () => ({
      security_groups: ['sg-0123456789abcdef0', 'sg-0123456789abcdef1'],
      subnets: [...SUBNETS, 'subnet-0be27400000000002'],
      attributes: {
        ...LB_ATTRIBUTES,
        'idle_timeout.timeout_seconds': '120',
        'routing.http.preserve_host_header.enabled': 'true',
      },
      tags: RETAGGED,
    }),
  },
  group: {
    resource: targetGroup,
    config: () => ({
      name: 'web',
      port: 80,
      protocol: 'HTTP',
      protocol_version: 'HTTP1',
      target_type: 'instance',
      ip_address_type: 'ipv4',
      vpc_id: VPC,
      health_check: {
        enabled: true,
        interval: 30,
        path: '/',
        port: 'traffic-port',
        protocol: 'HTTP',
        timeout: 5,
        healthy_threshold: 3,
        unhealthy_threshold: 3,
        matcher: '200',
      },
      attributes: GROUP_ATTRIBUTES,
      tags: TAGS,
    }),
    change: () => ({
      health_check: {
        enabled: true,
        interval: 10,
        path: '/health?deep=1&x=<y>',
        port: '8080',
        protocol: 'HTTP',
        timeout: 9,
        healthy_threshold: 2,
        unhealthy_threshold: 10,
        matcher: '200-299,401',
      },
      attributes: {
        ...GROUP_ATTRIBUTES,
        'deregistration_delay.timeout_seconds': '5',
        'stickiness.enabled': 'false',
        'load_balancing.algorithm.type': 'least_outstanding_requests',
      },
      tags: RETAGGED,
    }),
  },
  listener: {
    resource: listener,
    config: (on: Ground) => ({
      load_balancer_arn: kept(on, 'aws_lb'),
      port: 80,
      protocol: 'HTTP',
      default_action: [
        { type: 'forward', order: 1, target_group_arn: kept(on, 'aws_lb_target_group') },
      ],
      attributes: {
        'routing.http.response.server.enabled': 'true',
        'routing.http.response.strict_transport_security.header_value': '',
        'routing.http.response.x_frame_options.header_value': 'DENY',
      },
      tags: TAGS,
    }),
    change: () => ({
      port: 8081,
      default_action: [
        {
          type: 'fixed-response',
          order: 1,
          fixed_response: {
            ContentType: 'text/plain',
            MessageBody: '<nobody & nothing>',
            StatusCode: '404',
          },
        },
      ],
      tags: RETAGGED,
    }),
  },
  rule: {
    resource: listenerRule,
    config: (on: Ground) => ({
      listener_arn: kept(on, 'aws_lb_listener'),
      priority: 100,
      condition: [
        { host_header: ['*.example.com', 'example.com'] },
        { http_header: { name: 'X-Beta', values: ['yes'] } },
        { path_pattern: ['/static/*'] },
        { query_string: [{ key: '', value: 'plain' }] },
      ],
      action: [
        {
          type: 'forward',
          order: 1,
          target_group_arn: kept(on, 'aws_lb_target_group'),
        },
      ],
      transform: [REWRITE],
      tags: TAGS,
    }),
    change: () => ({
      priority: 7,
      condition: [{ http_request_method: ['GET', 'HEAD'] }, { source_ip: ['10.0.0.0/8'] }],
      action: [
        {
          type: 'redirect',
          order: 1,
          redirect: {
            Host: '#{host}',
            Path: '/#{path}',
            Port: '443',
            Protocol: 'HTTPS',
            Query: '#{query}',
            StatusCode: 'HTTP_301',
          },
        },
      ],
      transform: [],
      tags: RETAGGED,
    }),
  },
  service: {
    resource: service,
    config: (on: Ground) => ({
      name: 'web',
      cluster: kept(on, 'aws_ecs_cluster'),
      task_definition: kept(on, 'aws_ecs_task_definition'),
      desired_count: 0,
      launch_type: 'EC2',
      scheduling_strategy: 'REPLICA',
      deployment_maximum_percent: 200,
      deployment_minimum_healthy_percent: 100,
      deployment_circuit_breaker: { enable: true, rollback: true },
      enable_ecs_managed_tags: false,
      enable_execute_command: false,
      health_check_grace_period_seconds: 30,
      load_balancer: [
        {
          target_group_arn: kept(on, 'aws_lb_target_group'),
          container_name: 'web',
          container_port: 80,
        },
      ],
      ordered_placement_strategy: [{ type: 'spread', field: 'instanceId' }],
      placement_constraints: [],
      propagate_tags: 'SERVICE',
      service_registries: [],
      tags: TAGS,
    }),
    change: () => ({
      deployment_maximum_percent: 150,
      deployment_minimum_healthy_percent: 50,
      deployment_circuit_breaker: { enable: false, rollback: false },
      health_check_grace_period_seconds: 0,
      ordered_placement_strategy: [],
      propagate_tags: 'NONE',
      enable_ecs_managed_tags: true,
      tags: RETAGGED,
    }),
  },
  target: {
    resource: scalingTarget,
    config: () => ({
      resource_id: 'service/prod/web',
      min_capacity: 0,
      max_capacity: 4,
      tags: TAGS,
    }),
    change: () => ({ max_capacity: 10, tags: RETAGGED }),
  },
  policy: {
    resource: scalingPolicy,
    config: () => ({
      name: 'cpu',
      resource_id: 'service/prod/web',
      policy_type: 'TargetTrackingScaling',
      target_tracking_scaling_policy_configuration: {
        target_value: 70.5,
        scale_in_cooldown: 300,
        scale_out_cooldown: 0,
        disable_scale_in: false,
        predefined_metric_type: 'ECSServiceAverageCPUUtilization',
      },
    }),
    change: () => ({
      target_tracking_scaling_policy_configuration: {
        target_value: 50,
        scale_in_cooldown: 0,
        scale_out_cooldown: 60,
        disable_scale_in: true,
        predefined_metric_type: 'ECSServiceAverageCPUUtilization',
      },
    }),
  },
} satisfies Record<string, Life>;

/** In an order in which nothing is missing. */
const CONFIGURATION: readonly (readonly [string, Life])[] = [
  ['aws_ecs_cluster', life.cluster],
  ['aws_ecs_task_definition', life.taskDefinition],
  ['aws_lb', life.lb],
  ['aws_lb_target_group', life.group],
  ['aws_lb_listener', life.listener],
  ['aws_lb_listener_rule', life.rule],
  ['aws_ecs_service', life.service],
  ['aws_appautoscaling_target', life.target],
  ['aws_appautoscaling_policy', life.policy],
];

const cases = (of: (name: string, life: Life) => Case[]): Case[] =>
  CONFIGURATION.flatMap(([name, one]) => of(name, one));

const replaced: Case = {
  name: 'aws_ecs_task_definition: replaced by its next revision, which the service is given',
  call: async (on) => {
    const before = life.taskDefinition.config();
    const arn = await taskDefinition.update(on, kept(on, 'aws_ecs_task_definition'), before, {
      ...before,
      container_definitions: reduced([{ ...container, image: 'nginx:1.28' }]),
    });
    const old = await taskDefinition.read(on, kept(on, 'aws_ecs_task_definition'));
    const config: State = { ...life.service.config(on), ...life.service.change() };
    const after = { ...config, task_definition: arn };
    await service.update(on, kept(on, 'aws_ecs_service'), config, after);
    on.kept['aws_ecs_task_definition'] = arn;
    const state = await service.read(on, kept(on, 'aws_ecs_service'));
    return { old, arn, serves: state?.['task_definition'] };
  },
  gives: {
    old: undefined,
    arn: 'arn:aws:ecs:us-east-1:000000000000:task-definition/web:2',
    serves: 'arn:aws:ecs:us-east-1:000000000000:task-definition/web:2',
  },
};

conformance('Terraform: a load-balanced, scaled service', [
  {
    name: 'the provider asks who it is before anything else',
    call: ({ sts }) => sts.send(new GetCallerIdentityCommand({})),
    gives: { Account: '000000000000', Arn: /^arn:aws:iam::000000000000:user\/tester$/ },
  },
  ...cases(created),
  ...cases(updated),
  replaced,
  ...cases(destroyed).reverse(),
  {
    name: 'created anew under the same names, nothing is left of the first ones',
    call: async (on) => {
      const arns = CONFIGURATION.map(([name]) => on.kept[name]);
      for (const [name, { resource, config }] of CONFIGURATION) {
        on.kept[name] = await resource.create(on, config(on));
      }
      const { services } = await on.ecs.send(
        new DescribeServicesCommand({ cluster: 'prod', services: ['web'], include: ['TAGS'] }),
      );
      return {
        lb: kept(on, 'aws_lb') !== arns[2],
        group: kept(on, 'aws_lb_target_group') !== arns[3],
        revision: kept(on, 'aws_ecs_task_definition'),
        tags: services?.[0]?.tags?.length,
      };
    },
    gives: { lb: true, group: true, revision: /task-definition\/web:3$/, tags: 3 },
  },
  {
    name: 'all at once taken away, as far as nothing waits for something else',
    call: async (on) => {
      const away = (name: string) => {
        const [, found] = CONFIGURATION.find(([each]) => each === name) ?? [];
        return found?.resource.delete(on, kept(on, name));
      };
      await away('aws_appautoscaling_policy');
      await away('aws_appautoscaling_target');
      await away('aws_ecs_service');
      // The group and the cluster wait, by the words of the errors, until others are gone.
      await Promise.all([
        away('aws_lb_target_group'),
        away('aws_lb_listener_rule'),
        away('aws_lb_listener'),
        away('aws_lb'),
        away('aws_ecs_task_definition'),
        away('aws_ecs_cluster'),
      ]);
      const left = await Promise.all(
        CONFIGURATION.map(([name, { resource }]) => resource.read(on, kept(on, name))),
      );
      return left.filter((state) => state !== undefined);
    },
    gives: [],
  },
]);

conformance('Terraform: what the provider waits on, by the words of errors', [
  {
    name: 'a load balancer of a name that is taken is not created',
    call: async (on) => {
      on.kept['aws_lb'] = await lb.create(on, life.lb.config());
      return lb.create(on, life.lb.config());
    },
    fails: 'AssertionError',
    message: /^web exists already/,
  },
  {
    name: 'an attribute that is not known is left out of the next call, and the rest is set',
    call: async (on) => {
      const left = await setBalancerAttributes(on, kept(on, 'aws_lb'), {
        'idle_timeout.timeout_seconds': '61',
        'target_optimizer.of_tomorrow': 'on',
        'dns_record.client_routing_policy': 'any_availability_zone',
      });
      const state = await lb.read(on, kept(on, 'aws_lb'));
      return { left, attributes: state?.['attributes'] };
    },
    gives: {
      left: ['target_optimizer.of_tomorrow', 'dns_record.client_routing_policy'],
      attributes: { 'idle_timeout.timeout_seconds': '61' },
    },
  },
  {
    name: 'a service before its cluster, and before its group has a load balancer, comes when both are there',
    call: async (on) => {
      on.kept['aws_ecs_task_definition'] = await taskDefinition.create(
        on,
        life.taskDefinition.config(),
      );
      const targetGroupArn = await targetGroup.create(on, life.group.config());
      on.kept['aws_lb_target_group'] = targetGroupArn;
      const coming = createService(on, {
        serviceName: 'web',
        cluster: 'prod',
        taskDefinition: 'web',
        desiredCount: 0,
        loadBalancers: [{ targetGroupArn, containerName: 'web', containerPort: 80 }],
      });
      on.kept['aws_ecs_cluster'] = await cluster.create(on, life.cluster.config());
      on.kept['aws_lb_listener'] = await listener.create(on, life.listener.config(on));
      const made = await coming;
      on.kept['aws_ecs_service'] = made.service?.serviceArn ?? '';
      return { status: made.service?.status, retried: made.retries > 0 };
    },
    gives: { status: 'ACTIVE', retried: true },
  },
  {
    name: 'a policy before its target comes when that is there',
    call: async (on) => {
      const coming = putPolicy(on, life.policy.config());
      await scalingTarget.create(on, life.target.config());
      const { answer } = await coming;
      return answer;
    },
    gives: { PolicyARN: /policyName\/cpu$/ },
  },
  {
    name: 'a target of a service that is to come is registered when it is there',
    call: async (on) => {
      const config = { ...life.target.config(), resource_id: 'service/prod/late' };
      const coming = scalingTarget.create(on, config);
      await createService(on, {
        serviceName: 'late',
        cluster: 'prod',
        taskDefinition: 'web',
        desiredCount: 0,
      });
      return coming;
    },
    gives: 'service/prod/late',
  },
  {
    name: 'rules without a priority get one after the other, however many are created at once',
    call: async (on) => {
      const config = { ...life.rule.config(on), priority: undefined };
      const arns = await Promise.all(
        Array.from({ length: 8 }, () => listenerRule.create(on, config)),
      );
      const states = await Promise.all(arns.map((arn) => listenerRule.read(on, arn)));
      return states.map((state) => state?.['priority'] as number).sort((a, b) => a - b);
    },
    gives: [1, 2, 3, 4, 5, 6, 7, 8],
  },
  {
    name: 'scaling changes the desired count behind Terraform; an update that leaves it out keeps it',
    call: async (on) => {
      const id = kept(on, 'aws_ecs_service');
      const state = (await service.read(on, id)) ?? {};
      const after = { ...state, health_check_grace_period_seconds: 5 };
      await service.update(on, id, state, after);
      return (await service.read(on, id)) ?? {};
    },
    gives: { desired_count: 0, health_check_grace_period_seconds: 5 },
  },
  {
    name: 'resources that somebody else has deleted are read as gone',
    call: async (on) => {
      const gone = await Promise.all([
        lb.read(on, `${ARN}:loadbalancer/app/none/0123456789abcdef`),
        targetGroup.read(on, `${ARN}:targetgroup/none/0123456789abcdef`),
        listener.read(on, `${ARN}:listener/app/none/0123456789abcdef/0123456789abcdef`),
        listenerRule.read(
          on,
          `${ARN}:listener-rule/app/none/0123456789abcdef/0123456789abcdef/0123456789abcdef`,
        ),
        cluster.read(on, 'arn:aws:ecs:us-east-1:000000000000:cluster/none'),
        service.read(on, 'arn:aws:ecs:us-east-1:000000000000:service/prod/none'),
        service.read(on, 'arn:aws:ecs:us-east-1:000000000000:service/none/none'),
        taskDefinition.read(on, 'arn:aws:ecs:us-east-1:000000000000:task-definition/none:1'),
        scalingTarget.read(on, 'service/prod/none'),
        scalingPolicy.read(on, 'service/prod/none/cpu'),
      ]);
      return gone.filter((state) => state !== undefined);
    },
    gives: [],
  },
]);

/** Its tasks run on a host: `image` says what comes of them, see `scripted-host.ts`. With a check they count as healthy at once. */
const definition = (family: string, image: string): State => ({
  ...life.taskDefinition.config(),
  family,
  container_definitions: reduced([
    { ...container, portMappings: [], image, healthCheck: { command: ['CMD', 'true'] } },
  ]),
});

const running: Life = {
  resource: service,
  config: (on) => ({
    ...life.service.config({ ...on, kept: { aws_lb_target_group: 'none', ...on.kept } }),
    name: 'jobs',
    desired_count: 2,
    load_balancer: [],
    health_check_grace_period_seconds: 0,
    propagate_tags: 'TASK_DEFINITION',
  }),
  change: () => ({ desired_count: 3, deployment_maximum_percent: 150, tags: RETAGGED }),
};

/** The service as it is, given another task definition. */
async function deploy(on: Ground, image: string): Promise<string> {
  const id = kept(on, 'jobs');
  const before = (await service.read(on, id)) ?? {};
  const arn = await taskDefinition.create(on, definition('jobs', image));
  await service.update(on, id, before, { ...before, task_definition: arn });
  return arn;
}

conformance('Terraform: deployments that are waited for', [
  {
    name: 'a cluster, a host and a task definition',
    call: async (on) => {
      on.kept['aws_ecs_cluster'] = await cluster.create(on, life.cluster.config());
      await on.plane.host({ cluster: 'prod' });
      const arn = await taskDefinition.create(on, definition('jobs', 'nginx:1.27'));
      on.kept['aws_ecs_task_definition'] = arn;
      return arn;
    },
    gives: /task-definition\/jobs:1$/,
  },
  ...created('jobs', running),
  ...updated('jobs', running),
  {
    name: 'jobs: another task definition is waited for by the ARN of its deployment',
    call: async (on) => {
      const arn = await deploy(on, 'nginx:1.28');
      const state = await service.read(on, kept(on, 'jobs'));
      return { same: state?.['task_definition'] === arn, desired: state?.['desired_count'] };
    },
    gives: { same: true, desired: 3 },
  },
  {
    name: 'jobs: one that fails is rolled back, and the provider is told why',
    call: async (on) => {
      const before = (await service.read(on, kept(on, 'jobs'))) ?? {};
      const breaker = { deployment_circuit_breaker: { enable: true, rollback: true } };
      await service.update(on, kept(on, 'jobs'), before, { ...before, ...breaker });
      return deploy(on, 'broken');
    },
    fails: 'AssertionError',
    message: /circuit breaker/i,
  },
  {
    name: 'jobs: afterwards it is the one before',
    call: async (on) => {
      const { services } = await on.ecs.send(
        new DescribeServicesCommand({ cluster: 'prod', services: ['jobs'] }),
      );
      return services?.[0];
    },
    gives: { taskDefinition: /task-definition\/jobs:2$/, runningCount: 3 },
  },
  ...destroyed('jobs', running),
  {
    name: 'a service that is not waited for is taken away with its group, while its tasks run',
    call: async (on) => {
      await on.plane.proxy('127.0.0.78');
      on.kept['aws_lb'] = await lb.create(on, life.lb.config());
      const attributes = { ...GROUP_ATTRIBUTES, 'deregistration_delay.timeout_seconds': '1' };
      const targetGroupArn = await targetGroup.create(on, { ...life.group.config(), attributes });
      on.kept['aws_lb_target_group'] = targetGroupArn;
      const http = await listener.create(on, {
        ...life.listener.config(on),
        port: await freePort(),
      });
      await taskDefinition.create(on, life.taskDefinition.config());
      const { service: made } = await createService(on, {
        serviceName: 'web',
        cluster: 'prod',
        taskDefinition: 'web',
        desiredCount: 2,
        healthCheckGracePeriodSeconds: 600,
        loadBalancers: [{ targetGroupArn, containerName: 'web', containerPort: 80 }],
      });
      const id = made?.serviceArn ?? '';
      await until('its tasks to run', async () =>
        (await service.read(on, id))?.['running_count'] === 2 ? true : undefined,
      );
      await service.delete(on, id);
      await listener.delete(on, http);
      await targetGroup.delete(on, targetGroupArn);
      return { left: await targetGroup.read(on, targetGroupArn) };
    },
    gives: { left: undefined },
  },
]);
