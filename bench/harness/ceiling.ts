/** The process behind the ceiling: bare Fastify, every reply a constant. Arguments: port, a JSON file of replies by operation. */
import { readFile } from 'node:fs/promises';
import { fastify, type FastifyReply } from 'fastify';
import type { Operation } from './operations.ts';

const [port, file] = process.argv.slice(2);
const replies = JSON.parse(await readFile(file ?? '', 'utf8')) as Record<Operation, string>;
const reply = (operation: Operation) => (_request: unknown, answer: FastifyReply) =>
  answer.header('content-type', 'application/json').send(replies[operation]);

const app = fastify();
app.get('/health', reply('health'));
app.get('/experiments', reply('list'));
app.get('/experiment/:id', reply('get'));
app.post('/experiment', reply('start'));
app.post('/experiment/:id/pause', reply('lifecycle'));
app.post('/experiment/:id/continue', reply('lifecycle'));
await app.listen({ host: '127.0.0.1', port: Number(port) });
