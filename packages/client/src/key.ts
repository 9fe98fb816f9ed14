/** A new random Idempotency-Key, 128 bits. `crypto.randomUUID` would do, but browsers offer it on https and localhost only. */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((word) => word.toString(36)).join('-');
}
