// One container definition by itself. Rules between containers, and those about sizes, ports and volumes,
// have files of their own. Pure. Source: ECS reference, section 3.2; Docker Engine's own limits where it is stricter.
import type { ContainerDefinition, HealthCheck, Ulimit } from '../generated/messages.ts';
import { parseAddress } from '../routing/address.ts';
import type { Checker } from './check.ts';
import { checkLinuxParameters, checkSystemControls } from './linux.ts';
import { checkLogConfiguration } from './logging.ts';
import { checkEcsName } from './names.ts';

const IMAGE = /^[A-Za-z0-9_.:/#-]+(@sha256:[0-9a-f]{64})?$/;
const MOST_IMAGE_CHARACTERS = 255;
/** A day: a bound for waits, far above any use. */
const TIMEOUT_SECONDS = { least: 1, most: 86_400 };
const SECURITY_OPTION = /^(no-new-privileges(:true|:false)?|(apparmor|label|seccomp)[:=].+)$/;

export function checkContainer(
  all: Checker,
  container: ContainerDefinition,
  index: number,
  networkMode: string | undefined,
): void {
  if (container.name === '') {
    all.refuse(`Container.name should not be null or empty. (containerDefinitions[${index}])`);
  }
  checkEcsName(all, `containerDefinitions[${index}].name`, container.name);
  const check: Checker = all.within(`Container '${container.name}'`);
  checkImage(all, check, container);
  check.integer('startTimeout', container.startTimeout, TIMEOUT_SECONDS);
  check.integer('stopTimeout', container.stopTimeout, TIMEOUT_SECONDS);
  checkEnvironment(check, container);
  checkProcess(check, container);
  checkNaming(check, container);
  checkUlimits(check, container.ulimits);
  if (container.healthCheck) checkHealthCheck(check, container.healthCheck);
  if (container.logConfiguration) checkLogConfiguration(check, container.logConfiguration);
  if (container.linuxParameters) checkLinuxParameters(check, container.linuxParameters);
  checkSystemControls(check, container.systemControls, networkMode);
  if (container.versionConsistency !== undefined) {
    check.word('versionConsistency', container.versionConsistency, ['enabled', 'disabled']);
  }
  for (const [at, option] of container.dockerSecurityOptions.entries()) {
    check.text(
      `dockerSecurityOptions[${at}]`,
      option,
      SECURITY_OPTION,
      'no-new-privileges, apparmor:PROFILE, label:VALUE or seccomp:PROFILE',
    );
  }
  if (Object.keys(container.dockerLabels).includes('')) {
    check.refuse('dockerLabels has an empty key; expected every label to have a name.');
  }
}

function checkImage(all: Checker, check: Checker, { image, name }: ContainerDefinition): void {
  if (image === '') {
    all.refuse(`Container.image should not be null or empty. (container '${name}')`);
  }
  check.text(
    'image',
    image,
    IMAGE,
    'REPOSITORY[:TAG] or REPOSITORY@sha256:DIGEST with 64 hexadecimal digits',
  );
  const tagged = image.replace(/@.*$/, '');
  if (tagged.length > MOST_IMAGE_CHARACTERS) {
    check.refuse(
      `image has ${tagged.length} characters; expected at most ${MOST_IMAGE_CHARACTERS}.`,
    );
  }
}

function checkEnvironment(check: Checker, { environment }: ContainerDefinition): void {
  for (const [index, { name, value }] of environment.entries()) {
    check.text(
      `environment[${index}].name`,
      name,
      /^[^=\0]+$/,
      'a name without "=" or a zero byte, not empty',
    );
    if (value.includes('\0')) {
      check.refuse(`environment[${index}].value of ${name} has a zero byte; expected text.`);
    }
  }
}

function checkProcess(check: Checker, container: ContainerDefinition): void {
  check.text('user', container.user, /^[^\s:]+(:[^\s:]+)?$/, 'USER[:GROUP] by name or number');
  check.text('workingDirectory', container.workingDirectory, /^\//, 'an absolute path');
  for (const field of ['entryPoint', 'command'] as const) {
    const at = container[field].findIndex((word) => word.includes('\0'));
    if (at >= 0) check.refuse(`${field}[${at}] has a zero byte; expected text.`);
  }
}

function checkNaming(check: Checker, container: ContainerDefinition): void {
  check.text(
    'hostname',
    container.hostname,
    /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
    'a host name of letters, digits, hyphens and dots',
  );
  for (const [index, server] of container.dnsServers.entries()) {
    if (!isAddress(server)) check.expected(`dnsServers[${index}]`, server, 'an IP address');
  }
  for (const [index, domain] of container.dnsSearchDomains.entries()) {
    check.text(
      `dnsSearchDomains[${index}]`,
      domain,
      /^[A-Za-z0-9.-]{0,253}[A-Za-z0-9]$/,
      'a domain name',
    );
  }
  for (const [index, { hostname, ipAddress }] of container.extraHosts.entries()) {
    check.text(`extraHosts[${index}].hostname`, hostname, /^[^\s:]+$/, 'a host name');
    if (ipAddress !== 'host-gateway' && !isAddress(ipAddress)) {
      check.expected(`extraHosts[${index}].ipAddress`, ipAddress, 'an IP address or host-gateway');
    }
  }
}

/** An IP address without a zone. */
function isAddress(text: string): boolean {
  return !text.includes('%') && parseAddress(text) !== undefined;
}

function checkUlimits(check: Checker, ulimits: readonly Ulimit[]): void {
  for (const [index, { name, softLimit, hardLimit }] of ulimits.entries()) {
    const field = `ulimits[${index}]`;
    check.text(`${field}.name`, name, /./, 'the name of a limit, such as nofile');
    const unlimited = { least: -1, most: 2_147_483_647 };
    check.integer(`${field}.softLimit`, softLimit, unlimited);
    check.integer(`${field}.hardLimit`, hardLimit, unlimited);
    const above = hardLimit !== -1 && (softLimit === -1 || softLimit > hardLimit);
    if (above) {
      check.expected(`${field}.softLimit`, softLimit, `at most the hardLimit, ${hardLimit}`);
    }
  }
  check.unique(
    'ulimits',
    ulimits.map((ulimit) => ulimit.name),
  );
}

function checkHealthCheck(check: Checker, health: HealthCheck): void {
  const [kind, ...rest] = health.command;
  check.word('healthCheck.command[0]', kind, ['CMD', 'CMD-SHELL', 'NONE']);
  if (kind === 'CMD' && (rest[0] ?? '') === '') {
    check.refuse('healthCheck.command is CMD alone; expected the program to run after it.');
  }
  if (kind === 'CMD-SHELL' && (rest.length !== 1 || rest[0]?.trim() === '')) {
    check.refuse(
      `healthCheck.command has ${rest.length} words after CMD-SHELL; expected one command line for /bin/sh -c.`,
    );
  }
  if (kind === 'NONE' && rest.length > 0) {
    check.refuse('healthCheck.command has words after NONE; expected none.');
  }
  check.integer('healthCheck.interval', health.interval, { least: 5, most: 300 });
  check.integer('healthCheck.timeout', health.timeout, { least: 2, most: 60 });
  check.integer('healthCheck.retries', health.retries, { least: 1, most: 10 });
  check.integer('healthCheck.startPeriod', health.startPeriod, { least: 0, most: 300 });
}
