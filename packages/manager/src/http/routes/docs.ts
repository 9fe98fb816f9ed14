/** GET /openapi.json, /docs and /redoc with their assets, all from this machine: a laboratory network may have no internet. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { FastifyInstance } from 'fastify';
import { openApiDocument } from '../openapi.ts';
import type { Parts } from '../parts.ts';

const require = createRequire(import.meta.url);

/** Pages run their own scripts and talk to this manager, nobody else. */
const contentPolicy =
  "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src blob:";

const page = (title: string, head: string, body: string) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>${head}</head><body>${body}</body></html>`;

const swaggerPage = page(
  'Experiment Manager - Swagger UI',
  '<link rel="stylesheet" href="/docs/swagger-ui.css">',
  `<div id="swagger-ui"></div><script src="/docs/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', validatorUrl: null,
  oauth2RedirectUrl: location.origin + '/docs/oauth2-redirect' });</script>`,
);

const redocPage = page(
  'Experiment Manager - ReDoc',
  '<style>body { margin: 0 }</style>',
  '<redoc spec-url="/openapi.json"></redoc><script src="/redoc/redoc.standalone.js"></script>',
);

const assets = [
  ['/docs/swagger-ui.css', 'swagger-ui-dist/swagger-ui.css', 'text/css; charset=utf-8'],
  ['/docs/swagger-ui-bundle.js', 'swagger-ui-dist/swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  ['/docs/oauth2-redirect', 'swagger-ui-dist/oauth2-redirect.html', 'text/html; charset=utf-8'],
  ['/docs/oauth2-redirect.js', 'swagger-ui-dist/oauth2-redirect.js', 'text/javascript; charset=utf-8'],
  ['/redoc/redoc.standalone.js', 'redoc/bundles/redoc.standalone.js', 'text/javascript; charset=utf-8'],
] as const;

export function docs(app: FastifyInstance, parts: Parts) {
  const document = JSON.stringify(openApiDocument(parts.definition.name, parts.version));
  app.get('/openapi.json', async (_request, reply) =>
    reply.header('content-type', 'application/json').send(document),
  );
  for (const [path, html] of [
    ['/docs', swaggerPage],
    ['/redoc', redocPage],
  ] as const) {
    app.get(path, async (_request, reply) =>
      reply
        .header('content-security-policy', contentPolicy)
        .header('content-type', 'text/html; charset=utf-8')
        .send(html),
    );
  }
  for (const [path, file, type] of assets) {
    app.get(path, async (_request, reply) => {
      reply.header('content-security-policy', contentPolicy).header('cache-control', 'max-age=3600');
      return reply.header('content-type', type).send(await readFile(require.resolve(file)));
    });
  }
}
