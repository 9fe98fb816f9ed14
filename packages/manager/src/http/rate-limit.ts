/** MADSci's two windows a client address: a long one and a burst. Refused requests do not count. */
import type { FastifyReply } from 'fastify';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { errors } from '@madsci-ts/protocol';

export interface RateLimits {
  requests: number;
  windowS: number;
  /** Null switches the burst window off. */
  burst: { requests: number; windowS: number } | null;
  exempt: ReadonlySet<string>;
}

interface Window {
  limiter: RateLimiterMemory;
  requests: number;
  windowS: number;
  name: string;
}

const window = (requests: number, windowS: number, name: string): Window => ({
  limiter: new RateLimiterMemory({ points: requests, duration: windowS }),
  requests,
  windowS,
  name,
});

/** Counts one request. A full window answers with its state too, and is not prolonged by it. */
async function hit(of: Window, address: string): Promise<RateLimiterRes> {
  try {
    return await of.limiter.consume(address);
  } catch (refusal) {
    if (refusal instanceof RateLimiterRes) return refusal;
    throw refusal;
  }
}

const isFull = (state: RateLimiterRes, of: Window) => state.consumedPoints > of.requests;
const left = (state: RateLimiterRes | null, of: Window) =>
  String(Math.max(0, of.requests - (state?.consumedPoints ?? 0)));

function showLong(reply: FastifyReply, state: RateLimiterRes | null, of: Window) {
  const resetS = Math.ceil((Date.now() + (state?.msBeforeNext ?? 0)) / 1000);
  reply.header('x-ratelimit-limit', String(of.requests));
  reply.header('x-ratelimit-remaining', left(state, of));
  reply.header('x-ratelimit-reset', String(resetS));
}

function showBurst(reply: FastifyReply, state: RateLimiterRes, of: Window) {
  reply.header('x-ratelimit-burst-limit', String(of.requests));
  reply.header('x-ratelimit-burst-remaining', left(state, of));
}

function refuse(reply: FastifyReply, of: Window, state: RateLimiterRes): false {
  const detail = `Rate limit exceeded: ${of.requests} requests per ${of.windowS} seconds${of.name}`;
  const waitS = Math.max(1, Math.ceil(state.msBeforeNext / 1000));
  reply.header('retry-after', String(waitS)).header('x-ratelimit-remaining', '0');
  const body = JSON.stringify({ detail, code: 'rate_limited' });
  void reply.code(errors.rate_limited.status).header('content-type', 'application/json').send(body);
  return false;
}

/** Counts a request and sets the headers. Resolves to true where it may go on; otherwise the 429 has been sent. */
export type RateLimiter = (address: string, reply: FastifyReply) => Promise<boolean>;

export function createRateLimiter(limits: RateLimits): RateLimiter {
  const long = window(limits.requests, limits.windowS, '');
  const burst =
    limits.burst === null ? null : window(limits.burst.requests, limits.burst.windowS, ' (burst limit)');

  return async (address, reply) => {
    if (limits.exempt.has(address)) return true;
    if (burst !== null) {
      const state = await hit(burst, address);
      if (isFull(state, burst)) {
        showLong(reply, await long.limiter.get(address), long);
        showBurst(reply, state, burst);
        return refuse(reply, burst, state);
      }
      showBurst(reply, state, burst);
    }
    const state = await hit(long, address);
    showLong(reply, state, long);
    if (!isFull(state, long)) return true;
    reply.removeHeader('x-ratelimit-burst-limit').removeHeader('x-ratelimit-burst-remaining');
    return refuse(reply, long, state);
  };
}
