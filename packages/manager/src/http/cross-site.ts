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
  /** Sets the CORS headers and says what to do with the request: let it go on, `refuse` it, or `answer` a browser's preflight. */
  judge(request: FastifyRequest, reply: FastifyReply): 'admitted' | 'foreign' | 'preflight';
  /** Sends the 403. */
  refuse(request: FastifyRequest, reply: FastifyReply): void;
  /** Sends the answer to a preflight. */
  answer(request: FastifyRequest, reply: FastifyReply): void;
}

/**
 * @param origins further origins that may, e.g. `https://lab.example`
 * @param serverHost host of the manager's own URL
 */
export function createCrossSite(origins: readonly string[], serverHost: string): CrossSite {
  const allowed = new Set(origins.map((origin) => origin.toLowerCase()));
  const machine = hostname().toLowerCase();
  const ownNames = new Set([serverHost.toLowerCase(), machine, `${machine}.local`]);

  /**
   * A page may call its own host, where that is a name of this machine: any other name could have been pointed here by the page's owner
   * (DNS rebinding).
   */
  function isOwn(origin: URL, request: FastifyRequest): boolean {
    if (origin.host !== request.headers.host?.toLowerCase()) return false;
    const name = origin.hostname;
    return isIP(name.replaceAll(/[[\]]/g, '')) !== 0 || ownNames.has(name);
  }

  function isAllowed(text: string, request: FastifyRequest): boolean {
    if (allowed.has(text.toLowerCase())) return true;
    if (!URL.canParse(text)) return false;
    const origin = new URL(text);
    return loopback.test(origin.hostname) || isOwn(origin, request);
  }

  return {
    judge(request, reply) {
      const { origin } = request.headers;
      if (origin === undefined) return 'admitted';
      reply.header('vary', 'Origin');
      const trusted = isAllowed(origin, request);
      if (trusted) {
        reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', exposed);
      }
      const isPreflight = request.headers['access-control-request-method'] !== undefined;
      if (request.method === 'OPTIONS' && isPreflight) return 'preflight';
      return trusted || request.method === 'GET' || request.method === 'HEAD' ? 'admitted' : 'foreign';
    },
    refuse(request, reply) {
      const { status, detail: reason } = errors.foreign_origin;
      const detail = `${reason}: ${request.headers.origin} is not in allowed_origins`;
      const body = JSON.stringify({ detail, code: 'foreign_origin' });
      void reply.code(status).header('content-type', 'application/json').send(body);
    },
    answer(request, reply) {
      if (reply.hasHeader('access-control-allow-origin')) preflight(request, reply);
      else void reply.code(400).type('text/plain').send('Disallowed CORS origin');
    },
  };
}

/** What a page may read beside the body. */
const exposed =
  'link, retry-after, x-request-id, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-ratelimit-burst-limit, x-ratelimit-burst-remaining';
const methods: Route['method'][] = ['GET', 'POST', 'PATCH'];

function preflight(request: FastifyRequest, reply: FastifyReply) {
  const asked = request.headers['access-control-request-headers'];
  if (asked !== undefined) reply.header('access-control-allow-headers', asked);
  reply.header('access-control-allow-methods', methods.join(', '));
  reply.header('access-control-max-age', String(preflightAgeS));
  void reply.code(200).type('text/plain').send('OK');
}
