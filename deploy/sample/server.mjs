// The sample service: says which task answers. Runs in a container that holds nothing but Node and busybox,
// and shows what a well-behaved task does: it answers its health check truthfully, ends in order on SIGTERM, and
// keeps idle connections longer than the proxy does.
//   GET, POST /hello         one line of JSON: task, revision, host port; for POST the size of the body
//   GET /hello/slow?ms=N     the same, N milliseconds later
//   GET /hello/health        200; 503 where UNHEALTHY is set
//   /hello/ws                a WebSocket that sends back each message
import { createServer } from 'node:http';

import { accept, closeAll } from './websocket.mjs';

const PORT = Number(process.env.PORT ?? 8080);
const SLOW_MAX_MS = 60_000;
/** The proxy drops idle connections after 4 s: ours must live longer, or it would send into a closing one. */
const KEEP_ALIVE_MS = 75_000;
const LEAVE_MS = 15_000;

const {
  BERTH_TASK_ID = '0'.repeat(32),
  BERTH_REVISION = '0',
  BERTH_HOST_PORT_8080 = '0',
  UNHEALTHY = '',
} = process.env;
const unhealthy = UNHEALTHY !== '' && UNHEALTHY !== '0';
let stopping = false;

const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
  const url = new URL(request.url ?? '/', 'http://task');
  if (stopping) response.setHeader('connection', 'close');
  switch (url.pathname.replace(/\/+$/, '')) {
    case '/hello':
      return hello(request, response, 0);
    case '/hello/slow':
      return hello(request, response, Number(url.searchParams.get('ms') ?? 1000));
    case '/hello/health':
      return health(response);
    default:
      return send(response, 404, { error: `there is nothing at ${url.pathname}` });
  }
});
server.on('upgrade', (request, socket, head) => {
  if (request.url?.split('?')[0] === '/hello/ws') accept(request, socket, head);
  else socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
});

function hello(request, response, waitMs) {
  if (!['GET', 'HEAD', 'POST'].includes(request.method)) {
    response.setHeader('allow', 'GET, HEAD, POST');
    return send(response, 405, { error: `${request.method} is not answered here` });
  }
  if (!(waitMs >= 0 && waitMs <= SLOW_MAX_MS)) {
    return send(response, 400, { error: `ms must be 0 to ${SLOW_MAX_MS}` });
  }
  let bytes = 0;
  request.on('data', (chunk) => (bytes += chunk.length));
  request.on('end', () => {
    setTimeout(() => {
      send(response, 200, {
        message: 'hello',
        task: BERTH_TASK_ID,
        revision: Number(BERTH_REVISION),
        hostPort: Number(BERTH_HOST_PORT_8080),
        ...(request.method === 'POST' ? { bytes } : {}),
      });
    }, waitMs);
  });
}

function health(response) {
  if (!unhealthy) return send(response, 200, { status: 'healthy' });
  const reason = `UNHEALTHY=${UNHEALTHY} is set`;
  console.error(`health check failed: ${reason}`);
  response.statusMessage = reason; // all that busybox wget shows of an error
  return send(response, 503, { status: 'unhealthy', reason });
}

function send(response, status, body) {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** Take nothing new, finish what is under way, leave. */
function stop(signal) {
  if (stopping) return;
  stopping = true;
  console.log(`${signal}: finishing what is under way`);
  server.close(() => {
    console.log('done');
    process.exit(0);
  });
  closeAll();
  server.closeIdleConnections();
  setInterval(() => server.closeIdleConnections(), 200).unref();
  setTimeout(() => process.exit(1), LEAVE_MS).unref();
}

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stop(signal));
server.listen(PORT, '0.0.0.0', () => {
  const where =
    BERTH_HOST_PORT_8080 === '0'
      ? `port ${server.address().port}`
      : `host port ${BERTH_HOST_PORT_8080}`;
  console.log(`task ${BERTH_TASK_ID} of hello:${BERTH_REVISION} serves on ${where}`);
  if (unhealthy) console.error(`UNHEALTHY=${UNHEALTHY} is set: the health check will fail`);
});
