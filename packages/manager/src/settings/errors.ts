/** A setting or a settings file that the server can't start with; the message is one sentence for its operator. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** A definition file that the server can't start with; the message is one sentence for its operator. */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError';
}

/** The `code` of an error of the file system, such as ENOENT; undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
