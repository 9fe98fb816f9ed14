/** What is asked of a server, and the requests that ask it. */

export const operations = ['start', 'get', 'list', 'lifecycle', 'health'] as const;
export type Operation = (typeof operations)[number];

/** Whether the operation changes what is stored, so that the store is put back afterwards. */
export const changesStore: Record<Operation, boolean> = {
  start: true,
  get: false,
  list: false,
  lifecycle: true,
  health: false,
};

/** The body of every start: what the Python client sends for a small design. */
export const startBody = {
  experiment_design: {
    experiment_name: 'Titration of sample plates',
    experiment_description: 'Finds the end point of eight samples with the plate reader',
    resource_conditions: [],
  },
  run_name: 'benchmark run',
  run_description: 'One of many',
};

/** Returns the bytes of a connection's next request, for ever. */
export type NextRequest = () => Buffer;

/**
 * The requests of each connection. Ids come in random order; for lifecycle commands each connection has runs of its own and goes round
 * them, pausing all and then continuing all, so that every command is a legal move.
 * @param host of the Host header
 */
export function requestsOf(
  operation: Operation,
  ids: readonly string[],
  connections: number,
  host: string,
): NextRequest[] {
  const mixed = shuffled(ids);
  return Array.from({ length: connections }, (_, connection) => {
    switch (operation) {
      case 'start':
        return cycle([request('POST', '/experiment', host, JSON.stringify(startBody))]);
      case 'list':
        return cycle([request('GET', '/experiments?number=10', host)]);
      case 'health':
        return cycle([request('GET', '/health', host)]);
      case 'get':
        return cycle(shuffled(mixed).map((id) => request('GET', `/experiment/${id}`, host)));
      case 'lifecycle':
        return cycle(lifecycleRequests(share(mixed, connection, connections), host));
    }
  });
}

function lifecycleRequests(ids: readonly string[], host: string): Buffer[] {
  const commands = ['pause', 'continue'];
  return commands.flatMap((command) =>
    ids.map((id) => request('POST', `/experiment/${id}/${command}`, host)),
  );
}

function share(ids: readonly string[], connection: number, connections: number): string[] {
  if (ids.length < connections) throw new Error(`${connections} connections need as many runs or more`);
  return ids.filter((_, index) => index % connections === connection);
}

function request(method: string, path: string, host: string, body?: string): Buffer {
  const head = [`${method} ${path} HTTP/1.1`, `host: ${host}`];
  if (body !== undefined) head.push('content-type: application/json');
  if (method === 'POST') head.push(`content-length: ${Buffer.byteLength(body ?? '')}`);
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body ?? ''}`);
}

function cycle(requests: readonly Buffer[]): NextRequest {
  let next = 0;
  return () => requests[next++ % requests.length] ?? Buffer.alloc(0);
}

/** Fisher and Yates. */
function shuffled<T>(values: readonly T[]): T[] {
  const mixed = [...values];
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other] as T, mixed[last] as T];
  }
  return mixed;
}
