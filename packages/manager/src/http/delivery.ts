/**
 * Starts whose reply did not reach the client. A Python client repeats such a start without a key, which would be a second run: so the
 * identical request from the same address within a minute is answered with the run that the first one made.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hash } from 'node:crypto';
import { Refusal } from '../domain/refusals.ts';
import type { Store } from '../store/store.ts';
import { rawBody } from './body.ts';
import type { Domain } from './parts.ts';

/** How long after the lost start the same request still means the same run. */
const repeatWindowMs = 60_000;

interface Lost {
  /** The run's id; rejects where the start failed after all. */
  id: Promise<string>;
  at: number;
}

export interface Delivery {
  /** Starts a run, or finds the one whose reply was lost. */
  start(
    request: FastifyRequest,
    reply: FastifyReply,
    begin: (fingerprint: string) => Promise<string>,
  ): Promise<string>;
  /** Takes over what a process before this one left unanswered. */
  recover(store: Store): Promise<void>;
}

/** `_id` comes first in a stored run. */
function idOf(text: string): string {
  return /^\{"_id":"([^"]+)"/.exec(text)?.[1] ?? (JSON.parse(text) as { _id: string })._id;
}

export function createDelivery(domain: () => Domain): Delivery {
  const lost = new Map<string, Lost[]>();

  function keep(fingerprint: string, one: Lost) {
    const oldest = Date.now() - repeatWindowMs;
    for (const [key, several] of lost) {
      if (several.every(({ at }) => at < oldest)) lost.delete(key);
    }
    lost.set(fingerprint, [...(lost.get(fingerprint) ?? []), one]);
  }

  /** Takes one out, so that two repeats of two lost starts get a run each. */
  function take(fingerprint: string): Lost | undefined {
    const several = lost.get(fingerprint) ?? [];
    const fresh = several.filter(({ at }) => at >= Date.now() - repeatWindowMs);
    const first = fresh.shift();
    if (fresh.length === 0) lost.delete(fingerprint);
    else lost.set(fingerprint, fresh);
    return first;
  }

  function watch(reply: FastifyReply, fingerprint: string, one: Lost) {
    const settle = () => {
      if (!reply.raw.writableFinished) keep(fingerprint, one);
      else one.id.then((id) => domain().store.forgetUndelivered(id)).catch(() => undefined); // Failed: nothing to forget.
    };
    if (reply.raw.closed) settle();
    else reply.raw.once('close', settle);
  }

  return {
    async start(request, reply, begin) {
      // Reset before it was accepted: nobody waits for the run, and a repeat could not be told from another client's start.
      if ((request.ip as string | undefined) === undefined) throw new Refusal('bad_request');
      const fingerprint = hash('sha256', Buffer.concat([Buffer.from(`${request.ip}\n`), rawBody(request)]));
      const before = take(fingerprint);
      if (before !== undefined) {
        const id = await before.id.catch(() => undefined);
        if (id !== undefined) {
          watch(reply, fingerprint, before);
          return domain().experiments.get(id);
        }
      }
      const text = begin(fingerprint);
      const id = text.then(idOf);
      watch(reply, fingerprint, { id, at: Date.now() });
      id.catch(() => undefined); // The caller hears of a failure through `text`.
      const stored = await text;
      // A client that closed right after its request is seen in the next turn of the event loop, before this reply counts as delivered.
      await new Promise(setImmediate);
      return stored;
    },
    async recover(opened) {
      const rows = await opened.undelivered(Date.now() - repeatWindowMs);
      for (const { fingerprint, id, at } of rows) keep(fingerprint, { id: Promise.resolve(id), at });
    },
  };
}
