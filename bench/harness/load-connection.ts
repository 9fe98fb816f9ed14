/**
 * One keep-alive connection that sends a request when the reply before it is there. A ready-made client takes a whole core for half of
 * what a bare Fastify server answers here (undici; autocannon counts whole milliseconds), and would measure itself.
 */
import { connect } from 'node:net';
import type { NextRequest } from './operations.ts';

/** A server that says nothing for so long has failed the run. */
const silenceMs = 60_000;

const endOfHead = Buffer.from('\r\n\r\n');

export interface Exchange {
  hostname: string;
  port: number;
  next: NextRequest;
  /** Called with the time from the first byte of a request to the last byte of its reply. */
  onReply(nanoseconds: number): void;
  /** Whether to send another one. */
  goesOn(): boolean;
}

/** Exchanges until `goesOn` says no. Rejects at the first reply that is not 2xx, and where the server closes the connection. */
export function exchange({ hostname, port, next, onReply, goesOn }: Exchange): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port, noDelay: true });
    let pending: Buffer = Buffer.alloc(0);
    let sentAt = 0n;
    let finished = false;
    const fail = (reason: string) => {
      reject(new Error(reason));
      socket.destroy();
    };
    const send = () => {
      sentAt = process.hrtime.bigint();
      socket.write(next());
    };
    socket.setTimeout(silenceMs, () => fail(`no reply within ${silenceMs / 1000} s`));
    socket.on('error', (error) => fail(`the connection failed: ${error.message}`));
    socket.on('close', () => finished || fail('the server closed the connection'));
    socket.on('connect', send);
    socket.on('data', (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const reply = readReply(pending);
      if (reply === undefined) return;
      if (reply.fault !== undefined) return fail(reply.fault);
      onReply(Number(process.hrtime.bigint() - sentAt));
      pending = Buffer.alloc(0);
      if (goesOn()) return send();
      finished = true;
      socket.destroy();
      resolve();
    });
  });
}

/** Undefined until the reply is complete; `fault` says why it counts as failed. */
function readReply(bytes: Buffer): { fault?: string } | undefined {
  const end = bytes.indexOf(endOfHead);
  if (end < 0) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) return { fault: `a reply without a length: ${head}` };
  const expected = end + endOfHead.length + Number(length);
  if (bytes.length < expected) return undefined;
  const body = () => bytes.toString('utf8', end + endOfHead.length).slice(0, 500);
  if (!head.startsWith('HTTP/1.1 2'))
    return { fault: `a reply that is not 2xx: ${head.split('\r\n')[0]} ${body()}` };
  if (bytes.length > expected) return { fault: 'more bytes than a reply' };
  return {};
}
