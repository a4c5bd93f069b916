// How V8 collects garbage in a process that holds connections.
import { setFlagsFromString } from 'node:v8';

/**
 * By default V8 goes through everything whenever the memory of buffers and sockets, which is not its own, has grown by 64 MiB since
 * the last time: every few seconds with thousands of connections, and the longer the more there is to keep. Counted as part of the
 * heap that memory makes it do so when the whole has grown by a share of itself. To be called when the process starts.
 */
export function countBuffersAsHeap(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit');
}
