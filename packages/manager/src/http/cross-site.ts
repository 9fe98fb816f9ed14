/**
 * Which web pages may talk to the manager. A page of another site can send a POST without asking first (no preflight for a POST without a
 * body), so a foreign Origin is refused wherever a request could change something; reading is left to the browser's own rule.
 */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errors, type Route } from '@madsci-ts/protocol';

/** Seconds for which a browser may remember a preflight's answer. */
const preflightAgeS = 600;

const loopback = /^(?:localhost|.*\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

export interface CrossSite {
  /** Sets the CORS headers. True where the request may go on; otherwise the reply has been sent. */
  admit(request: FastifyRequest, reply: FastifyReply): boolean;
}

/**
 * @param origins further origins that may, e.g. `https://lab.example`
 * @param serverHost host of the manager's own URL
 */
export function createCrossSite(origins: readonly string[], serverHost: string): CrossSite {
  const allowed = new Set(origins.map((origin) => origin.toLowerCase()));
  const ownNames = new Set([serverHost.toLowerCase(), hostname().toLowerCase()]);

  /**
   * A page may call its own host, where that is a name of this machine: any other name could have been pointed here by the page's owner
   * (DNS rebinding).
   */
  function isOwn(origin: URL, request: FastifyRequest): boolean {
    if (origin.host !== request.headers.host?.toLowerCase()) return false;
    const name = origin.hostname;
    return (
      isIP(name.replaceAll(/[[\]]/g, '')) !== 0 ||
      ownNames.has(name) ||
      ownNames.has(name.split('.')[0] ?? '')
    );
  }

  function isAllowed(text: string, request: FastifyRequest): boolean {
    if (allowed.has(text.toLowerCase())) return true;
    if (!URL.canParse(text)) return false;
    const origin = new URL(text);
    return loopback.test(origin.hostname) || isOwn(origin, request);
  }

  function admit(request: FastifyRequest, reply: FastifyReply): boolean {
    const origin = request.headers.origin;
    if (origin === undefined) return true;
    reply.header('vary', 'Origin');
    const trusted = isAllowed(origin, request);
    if (trusted) reply.header('access-control-allow-origin', origin);
    if (request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined) {
      preflight(request, reply, trusted);
      return false;
    }
    if (trusted || request.method === 'GET' || request.method === 'HEAD') {
      reply.header('access-control-expose-headers', exposed);
      return true;
    }
    const { status, detail } = errors.foreign_origin;
    const body = { detail: `${detail}: ${origin} is not in allowed_origins`, code: 'foreign_origin' };
    void reply.code(status).header('content-type', 'application/json').send(JSON.stringify(body));
    return false;
  }

  return { admit };
}

/** What a page may read beside the body. */
const exposed =
  'link, retry-after, x-request-id, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-ratelimit-burst-limit, x-ratelimit-burst-remaining';
const methods: Route['method'][] = ['GET', 'POST', 'PATCH'];

function preflight(request: FastifyRequest, reply: FastifyReply, trusted: boolean) {
  if (!trusted) {
    void reply.code(400).type('text/plain').send('Disallowed CORS origin');
    return;
  }
  const asked = request.headers['access-control-request-headers'];
  if (asked !== undefined) reply.header('access-control-allow-headers', asked);
  reply.header('access-control-allow-methods', methods.join(', '));
  reply.header('access-control-max-age', String(preflightAgeS));
  void reply.code(200).type('text/plain').send('OK');
}
