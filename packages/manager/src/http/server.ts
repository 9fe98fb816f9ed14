/** The HTTP server: limits, what happens before and after every request, and all endpoints. */
import type { Socket } from 'node:net';
import {
  LogController,
  fastify,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { errors, type ErrorCode } from '@madsci-ts/protocol';
import { createCrossSite } from './cross-site.ts';
import { actorOf } from './endpoint.ts';
import { addNotFound, hasEmptySegment } from './not-found.ts';
import type { Parts } from './parts.ts';
import { replyWithProblem } from './problems.ts';
import { createRateLimiter, type RateLimits } from './rate-limit.ts';
import { about } from './routes/about.ts';
import { getCampaign, listCampaigns, registerCampaign } from './routes/campaigns.ts';
import { commandExperiment, endExperiment } from './routes/command-experiment.ts';
import { docs } from './routes/docs.ts';
import { editExperiment } from './routes/edit-experiment.ts';
import { experimentHistory } from './routes/experiment-history.ts';
import { getExperiment } from './routes/get-experiment.ts';
import { listExperiments } from './routes/list-experiments.ts';
import { startExperiment } from './routes/start-experiment.ts';

/** How often Node looks for requests that are late. */
const lateCheckMs = 1000;

export interface ServerOptions {
  maxBodyBytes: number;
  maxHeaderBytes: number;
  requestTimeoutMs: number;
  keepAliveTimeoutMs: number;
  /** Null: as many as the system gives. */
  maxConnections: number | null;
  /** Whose X-Forwarded-For counts. */
  trustedProxies: readonly string[];
  allowedOrigins: readonly string[];
  /** Host of the manager's own URL. */
  serverHost: string;
  /** Null switches the limits off. */
  rateLimits: RateLimits | null;
}

/** `starting` and `stopping` answer 503. */
type Phase = 'starting' | 'ready' | 'stopping';

export interface Server {
  app: FastifyInstance;
  setPhase(phase: Phase): void;
}

export function createServer(options: ServerOptions, parts: Parts, logger: FastifyBaseLogger): Server {
  let phase: Phase = 'starting';
  const app = createApp(options, logger);
  const notFound = addNotFound(app);
  const crossSite = createCrossSite(options.allowedOrigins, options.serverHost);
  const limiter = options.rateLimits === null ? undefined : createRateLimiter(options.rateLimits);

  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('close', () => observe(parts, request, reply));
    reply.header('x-request-id', request.id);
    if (phase !== 'ready') {
      const { status, detail } = errors.unavailable;
      const body = JSON.stringify({ detail, code: 'unavailable' });
      reply
        .header('retry-after', '1')
        .header('connection', 'close')
        .header('content-type', 'application/json');
      void reply.code(status).send(body);
      return;
    }
    const verdict = crossSite.judge(request, reply);
    if (verdict === 'preflight') return crossSite.answer(request, reply);
    const goOn = () => {
      if (verdict === 'foreign') crossSite.refuse(request, reply);
      else if (request.is404 || hasEmptySegment(request.url)) notFound(request, reply);
      else done();
    };
    if (limiter === undefined) return goOn();
    limiter(request.ip, reply).then((admitted) => admitted && goOn(), done);
  });
  addEndpoints(app, parts);
  return { app, setPhase: (next) => (phase = next) };
}

function createApp(options: ServerOptions, logger: FastifyBaseLogger): FastifyInstance {
  // Request ids are unique over restarts: the time of the start, then a count.
  const start = Date.now().toString(36);
  let count = 0;
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    // A logger of its own for each request would cost more than the line that it writes.
    childLoggerFactory: (parent) => parent,
    genReqId: () => `${start}-${(++count).toString(36)}`,
    bodyLimit: options.maxBodyBytes,
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    http: {
      maxHeaderSize: options.maxHeaderBytes,
      headersTimeout: options.requestTimeoutMs,
      connectionsCheckingInterval: lateCheckMs,
    },
    trustProxy: options.trustedProxies.length === 0 ? false : [...options.trustedProxies],
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    rewriteUrl: ({ url = '/' }) => routable(url),
    // A longer id does not fit into the request's head.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: options.maxHeaderBytes },
    clientErrorHandler: answerClientError,
  });
  // Once a connection is gone Node knows its peer's address only if it was asked before.
  app.server.on('connection', (socket) => void socket.remoteAddress);
  if (options.maxConnections !== null) app.server.maxConnections = options.maxConnections;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error, request, reply) => replyWithProblem(error, request, reply));
  return app;
}

function addEndpoints(app: FastifyInstance, parts: Parts) {
  about(app, parts);
  docs(app, parts);
  startExperiment(app, parts);
  listExperiments(app, parts);
  getExperiment(app, parts);
  editExperiment(app, parts);
  commandExperiment(app, parts);
  endExperiment(app, parts);
  experimentHistory(app, parts);
  registerCampaign(app, parts);
  getCampaign(app, parts);
  listCampaigns(app, parts);
}

/** An id whose escapes mean no text is looked up as it stands, and not found, like any other. */
function routable(url: string): string {
  if (!url.includes('%')) return url;
  try {
    decodeURIComponent(url);
    return url;
  } catch {
    return url.replaceAll('%', '%25');
  }
}

/** Counts and logs a request once it is over. One whose client went away before the reply has no status. */
function observe({ metrics }: Parts, request: FastifyRequest, reply: FastifyReply) {
  const { statusCode: status, elapsedTime: elapsedMs } = reply;
  const isDelivered = reply.raw.writableFinished;
  if (isDelivered) {
    metrics.observe(request.routeOptions.url ?? 'none', request.method, status, elapsedMs / 1000);
  }
  const line = {
    request_id: request.id,
    actor: actorOf(request),
    method: request.method,
    url: request.originalUrl,
    ...(isDelivered ? { status } : { undelivered: true }),
    ms: Math.round(elapsedMs * 10) / 10,
  };
  if (isDelivered && status >= 500) request.log.error(line, 'request');
  else request.log.info(line, 'request');
}

/** What cannot be parsed as HTTP has no request: it is answered on the socket. */
function answerClientError(error: Error & { code?: string }, socket: Socket) {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const code = { HPE_HEADER_OVERFLOW: 'headers_too_large', ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout' }[
    error.code ?? ''
  ] as ErrorCode | undefined;
  const status = code === undefined ? '400 Bad Request' : `${errors[code].status} ${errors[code].detail}`;
  const body =
    code === undefined
      ? 'Invalid HTTP request received.'
      : JSON.stringify({ detail: errors[code].detail, code });
  const type = code === undefined ? 'text/plain; charset=utf-8' : 'application/json';
  const length = Buffer.byteLength(body);
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n${body}`,
  );
}
