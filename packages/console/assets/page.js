// Draws the overview and refreshes it every two seconds. Text goes in as text, never as markup.
'use strict';

const REFRESH_MS = 2000;
const GOOD = new Set(['RUNNING', 'HEALTHY', 'ACTIVE', 'COMPLETED', 'CONNECTED']);
const BAD = new Set(['UNHEALTHY', 'FAILED', 'STOPPED', 'DISCONNECTED']);

const shortArn = (arn) => arn.split('/').at(-1);
const ago = (at) => {
  const seconds = Math.max(0, Math.round((Date.now() - at) / 1000));
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
};

function tone(word) {
  if (GOOD.has(word)) return 'good';
  return BAD.has(word) ? 'bad' : 'busy';
}

function table(columns, rows) {
  if (rows.length === 0) {
    const empty = document.createElement('p');
    empty.className = 'empty';
    empty.textContent = 'None.';
    return empty;
  }
  const element = document.createElement('table');
  const head = element.createTHead().insertRow();
  for (const { title } of columns) {
    const cell = document.createElement('th');
    cell.textContent = title;
    head.append(cell);
  }
  const body = element.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const { of, as } of columns) {
      const cell = line.insertCell();
      const text = String(of(row) ?? '');
      cell.textContent = text;
      if (as === 'status') cell.className = tone(text);
      else if (as) cell.className = as;
    }
  }
  return element;
}

const SERVICES = [
  { title: 'Service', of: (service) => service.serviceName },
  { title: 'Status', of: (service) => service.status, as: 'status' },
  { title: 'Running', of: (service) => `${service.runningCount} of ${service.desiredCount}` },
  { title: 'Task definition', of: (service) => shortArn(service.taskDefinition) },
  { title: 'Rollout', of: (service) => service.deployments[0]?.rolloutState, as: 'status' },
];
const TASKS = [
  { title: 'Task', of: (task) => shortArn(task.taskArn).slice(0, 12), as: 'id' },
  { title: 'Group', of: (task) => task.group },
  { title: 'Status', of: (task) => task.lastStatus, as: 'status' },
  { title: 'Health', of: (task) => task.healthStatus, as: 'status' },
  { title: 'Task definition', of: (task) => shortArn(task.taskDefinitionArn) },
  { title: 'Host', of: (task) => task.hostName },
  { title: 'Created', of: (task) => ago(task.createdAt) },
];
const HOSTS = [
  { title: 'Host', of: (host) => host.name },
  { title: 'Status', of: (host) => host.status, as: 'status' },
  {
    title: 'Agent',
    of: (host) => (host.agentConnected ? 'CONNECTED' : 'DISCONNECTED'),
    as: 'status',
  },
  { title: 'Tasks', of: (host) => host.runningTasksCount },
  {
    title: 'CPU free',
    of: (host) => `${host.remainingResources.cpu} of ${host.registeredResources.cpu}`,
  },
  {
    title: 'Memory free',
    of: (host) => `${host.remainingResources.memory} of ${host.registeredResources.memory} MiB`,
  },
];
const EVENTS = [
  { title: 'When', of: (event) => ago(event.createdAt) },
  { title: 'What', of: (event) => event.message },
];

function show(id, columns, rows) {
  document.getElementById(id).replaceChildren(table(columns, rows));
}

async function refresh() {
  const trouble = document.getElementById('trouble');
  try {
    const response = await fetch('/overview.json');
    if (!response.ok) throw new Error(await response.text());
    const overview = await response.json();
    document.getElementById('cluster').textContent = overview.cluster;
    const events = overview.services.flatMap((service) => service.events);
    events.sort((a, b) => b.createdAt - a.createdAt);
    show('services', SERVICES, overview.services);
    show('tasks', TASKS, overview.tasks);
    show('hosts', HOSTS, overview.hosts);
    show('events', EVENTS, events.slice(0, 30));
    trouble.textContent = '';
  } catch (error) {
    trouble.textContent = `The cluster does not answer: ${error.message}`;
  }
  setTimeout(refresh, REFRESH_MS);
}

void refresh();
