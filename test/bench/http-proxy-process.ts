// The http-proxy package as its users run it, for the benchmark: forwards everything on PORT to 127.0.0.1:TARGET-PORT, with
// X-Forwarded headers and connections kept for reuse.
import { Agent, createServer } from 'node:http';

import httpProxy from 'http-proxy';

const [port, targetPort] = process.argv.slice(2).map(Number);
if (port === undefined || targetPort === undefined) throw new Error('usage: PORT TARGET-PORT');

const proxy = httpProxy.createProxyServer({
  target: { host: '127.0.0.1', port: targetPort },
  agent: new Agent({ keepAlive: true, maxSockets: 256 }),
  xfwd: true,
});
proxy.on('error', (_error, _request, response) => {
  if ('writeHead' in response) response.writeHead(502);
  response.end();
});
createServer((request, response) => proxy.web(request, response)).listen(port, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
