/** Lists come in pages; the next page's cursor stands in the Link header. */

/** One page of a list. */
export interface Page<T> {
  items: T[];
  /** Pass it as `cursor` for the page after this one; undefined on the last page. */
  next: string | undefined;
}

const nextLink = /<([^>]*)>\s*;[^,]*\brel="?next"?/i;

/** The cursor that `Link: <...?cursor=...>; rel="next"` holds. */
export function readNextCursor(headers: Headers): string | undefined {
  const target = nextLink.exec(headers.get('link') ?? '')?.[1];
  if (target === undefined) return undefined;
  return new URL(target, 'http://localhost').searchParams.get('cursor') ?? undefined;
}

/** Every entry of every page, each page fetched when the one before is used up. */
export async function* eachEntry<T>(fetchPage: (cursor: string | undefined) => Promise<Page<T>>) {
  let cursor: string | undefined;
  do {
    const page: Page<T> = await fetchPage(cursor);
    yield* page.items;
    cursor = page.next;
  } while (cursor !== undefined);
}
