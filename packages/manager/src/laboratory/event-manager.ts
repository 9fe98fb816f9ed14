/** The laboratory's Event Manager, as far as this manager uses it. */
import type { SendEvent } from '../domain/outbox.ts';

/** The Event Manager answers within milliseconds; MADSci's own clients wait this long for it. */
const requestTimeoutMs = 10_000;

/** Sends to POST {url}event. An answer that cannot change by repeating (a 4xx but 408 and 429) means that it refuses the event. */
export function eventSender(url: string): SendEvent {
  const target = new URL('event', url);
  const headers = { 'content-type': 'application/json', ...takeCredentials(target) };
  return async (event, signal) => {
    const response = await fetch(target, {
      method: 'POST',
      headers,
      body: JSON.stringify(event),
      signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
    });
    await response.arrayBuffer(); // Read to its end, so that the connection can serve again.
    if (response.ok) return 'taken';
    const { status } = response;
    if (status >= 400 && status < 500 && status !== 408 && status !== 429) return 'refused';
    throw new Error(`The Event Manager answered ${status}`);
  };
}

/** Moves user and password from the URL, where fetch refuses them and quotes them in its error, to a header. */
function takeCredentials(target: URL): { authorization?: string } {
  const { username, password } = target;
  if (username === '' && password === '') return {};
  target.username = '';
  target.password = '';
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}
