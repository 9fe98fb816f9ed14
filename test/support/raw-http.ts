/** HTTP by hand, for requests that no HTTP library would send: raw bytes in the path, wrong lengths, headers left out. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawRequest {
  method: string;
  /** Goes into the request line as it stands. */
  path: string;
  /** Beside or in place of host, accept, connection and, with a body, content-type and content-length; null leaves one out. */
  headers?: Record<string, string | null>;
  body?: Buffer | string;
}

export interface RawReply {
  status: number;
  /** By lower-case name; a repeated one counts by its last value. */
  headers: Record<string, string>;
  text: string;
}

const patienceMs = 30_000;

/** The whole request as it goes on the wire. */
export function encodeRequest(host: string, { method, path, headers = {}, body }: RawRequest): Buffer {
  const bytes = Buffer.from(body ?? '');
  const usual: Record<string, string | null> = { host, accept: '*/*', connection: 'close' };
  if (body !== undefined) {
    Object.assign(usual, { 'content-type': 'application/json', 'content-length': String(bytes.length) });
  }
  const lines = Object.entries({ ...usual, ...headers })
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), bytes]);
}

/** Opens a connection to the server of `url`. */
export async function openSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname.replaceAll(/[[\]]/g, ''));
  await once(socket, 'connect');
  return socket;
}

/** Everything that comes until the server closes. Rejects when it does not. */
export async function readToEnd(socket: Socket): Promise<Buffer> {
  socket.setTimeout(patienceMs, () => socket.destroy(new Error('the server said nothing and did not close')));
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function dechunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.subarray(0, end).toString('latin1'), 16);
    if (end < 0 || !(size > 0)) return Buffer.concat(parts);
    parts.push(rest.subarray(end + 2, end + 2 + size));
    rest = rest.subarray(end + 4 + size);
  }
}

/** One whole reply. */
export function decodeReply(bytes: Buffer): RawReply {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) throw new Error(`no HTTP reply: ${JSON.stringify(bytes.toString('latin1').slice(0, 200))}`);
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const pairs = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  const headers = Object.fromEntries(pairs);
  const body = bytes.subarray(end + 4);
  const text = (headers['transfer-encoding'] === 'chunked' ? dechunk(body) : body).toString('utf8');
  return { status: Number(statusLine.split(' ')[1]), headers, text };
}

/** Sends one request on a connection of its own. */
export async function sendRaw(url: string, request: RawRequest): Promise<RawReply> {
  const socket = await openSocket(url);
  socket.write(encodeRequest(new URL(url).host, request));
  return decodeReply(await readToEnd(socket));
}
