/** What stands in the place of a secret; MADSci's own mark. */
export const REDACTED = '***REDACTED***';

const secretParameter = /([?&][^=&]*(?:password|token|secret|key|properties)[^=&]*=)[^&#]*/gi;

/**
 * A URL without its user and password and without query values that may be secret. It works on the text, because
 * refused values and MongoDB's lists of hosts are no URLs that the platform could parse.
 */
export function redactUrl(raw: unknown): unknown {
  if (typeof raw !== 'string' || raw.startsWith('sqlite:')) return raw;
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(raw) ?? [];
  const at = rest?.lastIndexOf('@') ?? -1;
  if (at < 0) return raw.replace(secretParameter, `$1${REDACTED}`);
  return `${scheme ?? ''}${REDACTED}${rest?.slice(at) ?? ''}`.replace(secretParameter, `$1${REDACTED}`);
}
