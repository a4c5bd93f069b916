// Commands about what is told to others of a cluster, and about what deployments did to requests.
import { CLUSTER, JSON_FLAG, WATCH, YES, command, flag } from './build.mjs';

export const eventCommands = [
  command('event-sink create NAME', 'Send events to a webhook, or into a file', {
    flags: [
      flag('url', 'URL', 'POST each event to this http or https URL'),
      flag('file', '', 'write a line for each event, on the machine of the controller that leads'),
      flag('format', 'FORMAT', 'cloudevents (default) or eventbridge', {
        complete: ['cloudevents', 'eventbridge'],
      }),
      flag('pattern', 'JSON', 'only events that match this event pattern of EventBridge'),
      flag('header', 'NAME=VALUE', 'of each request; sealed at rest; may be repeated', {
        multiple: true,
      }),
      flag('after', 'N', 'begin after the event of this number; 0: with all that are kept'),
      flag('tries', 'N', 'then the event becomes a dead letter (default 10)'),
      flag('timeout', 'SECONDS', 'how long a request may take (default 10)'),
      JSON_FLAG,
    ],
    details:
      'Events come in their order, at least once; each has a number by which the second of two can be told. ' +
      'A file is DIR/NAME.jsonl, DIR being --event-dir of the controller that leads.',
    examples: [
      'berth event-sink create ops --url https://ops.example.com/events --header "Authorization=Bearer T"',
      'berth event-sink create audit --file --format eventbridge',
      `berth event-sink create failed --url http://10.0.0.9/ --pattern '{"detail":{"eventType":["ERROR"]}}'`,
    ],
  }),
  command('event-sink list', 'List event sinks and how far they have come', {
    flags: [WATCH, JSON_FLAG],
  }),
  command('event-sink show NAME', 'Show an event sink and its dead letters', {
    flags: [WATCH, JSON_FLAG],
  }),
  command('event-sink redrive NAME', 'Send the dead letters of a sink again', {
    flags: [JSON_FLAG],
  }),
  command('event-sink delete NAME', 'Stop sending to a sink, and drop its dead letters', {
    flags: [YES, JSON_FLAG],
  }),
  command(
    'deployment certificate SERVICE [DEPLOYMENT]',
    'Show what became of the requests during a deployment',
    {
      module: 'deployment-certificate',
      flags: [CLUSTER, JSON_FLAG],
      complete: { SERVICE: 'service' },
      details:
        'DEPLOYMENT is the id of a service deployment or of a deployment; without it the newest is shown. ' +
        'SERVICE can also be CLUSTER/SERVICE/DEPLOYMENT, or the ARN of a service deployment.',
      examples: ['berth deployment certificate hello', 'berth deployment certificate hello --json'],
    },
  ),
];
