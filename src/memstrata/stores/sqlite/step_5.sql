-- From schema 4 to 5: keys of a server, and what it answered to calls with an idempotency key.
CREATE TABLE access_key (
  id   TEXT PRIMARY KEY,
  body TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE kept_answer (
  name    BLOB PRIMARY KEY,
  request BLOB NOT NULL,
  body    TEXT NOT NULL,
  at      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX kept_answer_at ON kept_answer (at);
