// A WebSocket server that sends back each message: as much of RFC 6455 as that needs, without dependencies.
import { createHash } from 'node:crypto';

const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const MESSAGE_MAX = 1024 * 1024;
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };
const codes = { normal: 1000, leaving: 1001, protocolError: 1002, tooBig: 1009 };
/** Closing handshakes that are not answered end after this long. */
const CLOSE_MS = 2000;

/** Connections that are open, each with its function to close it. */
const open = new Set();

/** Answer an upgrade request. The socket is ours from here on. */
export function accept(request, socket, head) {
  const key = request.headers['sec-websocket-key'];
  if (!key || request.headers['sec-websocket-version'] !== '13') {
    socket.end(
      'HTTP/1.1 426 Upgrade Required\r\nsec-websocket-version: 13\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
    );
    return;
  }
  const token = createHash('sha1')
    .update(key + MAGIC)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${token}\r\n\r\n`,
  );
  echo(socket, head);
}

/** Say goodbye to all: the task leaves. */
export function closeAll() {
  for (const close of open) close(codes.leaving);
}

function echo(socket, head) {
  let buffered = Buffer.alloc(0);
  let message = [];
  let messageOpcode = 0;
  let closing = false;

  const close = (code) => {
    if (closing) return;
    closing = true;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    socket.write(frame(opcodes.close, payload));
    setTimeout(() => socket.destroy(), CLOSE_MS).unref();
  };
  open.add(close);
  socket.on('close', () => open.delete(close));
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
  socket.setNoDelay(true);

  const handle = ({ final, opcode, payload }) => {
    switch (opcode) {
      case opcodes.text:
      case opcodes.binary:
      case opcodes.continuation: {
        if ((opcode === opcodes.continuation) === (message.length === 0)) {
          return close(codes.protocolError);
        }
        if (opcode !== opcodes.continuation) messageOpcode = opcode;
        message.push(payload);
        if (message.reduce((sum, part) => sum + part.length, 0) > MESSAGE_MAX) {
          return close(codes.tooBig);
        }
        if (final) socket.write(frame(messageOpcode, Buffer.concat(message.splice(0))));
        return;
      }
      case opcodes.ping:
        return void socket.write(frame(opcodes.pong, payload));
      case opcodes.pong:
        return;
      case opcodes.close:
        if (!closing) socket.write(frame(opcodes.close, payload.subarray(0, 2)));
        closing = true;
        return void socket.end();
      default:
        return close(codes.protocolError);
    }
  };
  const take = (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    for (;;) {
      const next = readFrame(buffered);
      if (next === undefined) return;
      if (next === 'wrong') return close(codes.protocolError);
      if (next === 'big') return close(codes.tooBig);
      buffered = buffered.subarray(next.size);
      handle(next);
    }
  };
  socket.on('data', take);
  if (head.length > 0) take(head);
}

/** The first frame; undefined while it is not complete. A client's frames are masked. */
function readFrame(bytes) {
  if (bytes.length < 2) return undefined;
  const final = (bytes[0] & 0x80) !== 0;
  const opcode = bytes[0] & 0x0f;
  if ((bytes[0] & 0x70) !== 0 || (bytes[1] & 0x80) === 0) return 'wrong';
  let length = bytes[1] & 0x7f;
  let offset = 2;
  if (opcode >= opcodes.close && (!final || length > 125)) return 'wrong';
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    offset = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    const long = bytes.readBigUInt64BE(2);
    if (long > BigInt(MESSAGE_MAX)) return 'big';
    length = Number(long);
    offset = 10;
  }
  if (length > MESSAGE_MAX) return 'big';
  const size = offset + 4 + length;
  if (bytes.length < size) return undefined;
  const mask = bytes.subarray(offset, offset + 4);
  const payload = Buffer.from(bytes.subarray(offset + 4, size));
  for (let index = 0; index < payload.length; index += 1) payload[index] ^= mask[index & 3];
  return { final, opcode, payload, size };
}

function frame(opcode, payload) {
  const head =
    payload.length < 126
      ? Buffer.from([0x80 | opcode, payload.length])
      : payload.length < 65_536
        ? Buffer.from([0x80 | opcode, 126, payload.length >> 8, payload.length & 0xff])
        : longHead(opcode, payload.length);
  return Buffer.concat([head, payload]);
}

function longHead(opcode, length) {
  const head = Buffer.alloc(10);
  head[0] = 0x80 | opcode;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}
