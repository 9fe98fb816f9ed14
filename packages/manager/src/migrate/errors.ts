/** A migration that cannot be; the message is a sentence for the operator and holds no secret. */
export class MigrationError extends Error {
  override name = 'MigrationError';
  /** The message alone tells what to do. */
  readonly expected = true;
}
