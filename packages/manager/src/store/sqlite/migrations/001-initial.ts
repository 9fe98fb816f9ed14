/**
 * Runs, their history, outgoing events, campaigns, and what makes repeated requests harmless. Documents are JSON text in wire form.
 * `history.position` counts over all runs: it is the order in which changes happened.
 */
export const initial = `
CREATE TABLE run (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  started_at TEXT NOT NULL,
  entries INTEGER NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX run_started ON run (started_at, id);
CREATE INDEX run_status_started ON run (status, started_at, id);

CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE history (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  entry TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX history_run_sequence ON history (run, sequence);

CREATE TABLE outbox (
  position INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  event_type TEXT NOT NULL,
  at TEXT NOT NULL,
  run TEXT NOT NULL
) STRICT;

CREATE TABLE once (
  key TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  at INTEGER NOT NULL,
  outcome TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX once_at ON once (at);

CREATE TABLE undelivered (id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE campaign (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  document TEXT NOT NULL
) STRICT;
`;
