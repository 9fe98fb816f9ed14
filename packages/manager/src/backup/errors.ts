/** A backup or restore that cannot be; the message is a sentence for the operator and holds no secret. */
export class BackupError extends Error {
  override name = 'BackupError';
  /** The message alone tells what to do. */
  readonly expected = true;
}
