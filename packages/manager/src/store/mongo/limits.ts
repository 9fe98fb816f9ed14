/** Every time and size limit of the MongoDB store. */

/** How long a call waits for a server that can be reached. */
export const serverSelectionTimeoutMs = 2000;
/** How long a connection may take to be made, and how long a server may take to say that it lives. */
export const connectTimeoutMs = 2000;
/** How often the driver asks each server whether it lives. */
export const heartbeatFrequencyMs = 1000;
/** After this a call that the server does not answer is given up; whether a write among them happened is then unknown. */
export const operationTimeoutMs = 5000;
/** How long a call waits for a free connection while the server answers, but slowly. */
export const waitQueueTimeoutMs = 10_000;
/** After this a call ends in any case, whatever of the above adds up. */
export const callTimeoutMs = 15_000;
/** After this a request is answered in any case: it may need several calls, or wait for a turn. */
export const requestTimeoutMs = 20_000;
/** The same for the question of /health. */
export const checkTimeoutMs = 2000;
/** How long a write waits for its turn: behind others that share a round trip, or on FerretDB behind another manager's write of that run. */
export const turnTimeoutMs = 5000;
/** How long an opening waits for a database that does not answer. */
export const openTimeoutMs = 30_000;
/** The work of an opening that takes the longer the more is stored: indexes and the count of all runs. */
export const preparationTimeoutMs = 10 * 60_000;

/** Connections of one process. */
export const maxPoolSize = 32;

/** Writes of one process under way at once on FerretDB 1, whose SQLite lets one write at a time and the others come to it in no order. */
export const maxFerretWrites = 4;

/** A turn (see turns.ts) is relied on for this long at most; others think its holder dead after twice that. */
export const turnValidMs = 5000;

/** Documents that share one round trip. */
export const maxBatchSize = 500;

/** History entries that a run's document holds before they are moved to the history collection, and their size in UTF-16 units. */
export const maxPendingEntries = 32;
export const maxPendingCharacters = 64 * 1024;

/** Idempotency-Keys remembered in a run's document; one is needed there only until its outcome stands beside the key. */
export const maxKeys = 20;

/** A field whose BSON would be larger is kept as text alone. */
export const maxFieldBytes = 2 * 1024 * 1024;

/** What fits into one document of 16 MiB beside the rest of a run. */
export const maxBodyBytes = 11 * 1024 * 1024;
