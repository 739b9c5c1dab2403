-- Schema 7. An episode's id is scope number << 32 | row: the rows of a scope are one contiguous range. A change of a
-- fact has scope number << 32 | its number in the scope's log, a fact that of the first change that is left of it.

-- What the file itself knows: the current vector space, the salt of nothing else.
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- One row a partition (a scope without its run, or a run alone); the counters only grow.
CREATE TABLE scope (
  no           INTEGER PRIMARY KEY,
  user_id      TEXT,
  agent_id     TEXT,
  app_id       TEXT,
  run_id       TEXT,
  next_row     INTEGER NOT NULL DEFAULT 0,
  next_session INTEGER NOT NULL DEFAULT 0,
  last_event   INTEGER NOT NULL DEFAULT 0,
  forgotten    INTEGER NOT NULL DEFAULT 0,
  last_change  INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX scope_ids ON scope (
  coalesce(user_id, char(0)), coalesce(agent_id, char(0)), coalesce(app_id, char(0)), coalesce(run_id, char(0))
);

-- Where each run of a scope stands, so that the next episode finds its session.
CREATE TABLE run (
  scope            INTEGER NOT NULL,
  no               INTEGER NOT NULL,
  run_id           TEXT,
  session          INTEGER NOT NULL,
  last_timestamp   INTEGER NOT NULL,
  session_episodes INTEGER NOT NULL,
  PRIMARY KEY (scope, no)
) WITHOUT ROWID;
CREATE UNIQUE INDEX run_id ON run (scope, coalesce(run_id, char(0)));

-- Speakers' names of a scope, numbered.
CREATE TABLE speaker (
  scope INTEGER NOT NULL,
  no    INTEGER NOT NULL,
  name  TEXT NOT NULL,
  PRIMARY KEY (scope, no)
) WITHOUT ROWID;
CREATE UNIQUE INDEX speaker_name ON speaker (scope, name);

-- The truth: what was seen. `terms` is term numbers and frequencies, all other derived columns are plain numbers;
-- `redacted` counts how often parts of the text were erased.
CREATE TABLE episode (
  id              INTEGER PRIMARY KEY,
  scope           INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
  public_id       TEXT NOT NULL UNIQUE,
  digest          BLOB NOT NULL UNIQUE,
  run             INTEGER NOT NULL,
  session         INTEGER NOT NULL,
  role            INTEGER NOT NULL,
  speaker         INTEGER NOT NULL,
  text            TEXT NOT NULL,
  timestamp       INTEGER NOT NULL,
  utc_offset      INTEGER NOT NULL,
  recorded_at     INTEGER NOT NULL,
  metadata        TEXT,
  message_id      TEXT,
  terms           BLOB NOT NULL,
  length          INTEGER NOT NULL,
  question_share  REAL NOT NULL,
  words           INTEGER NOT NULL,
  time_expression INTEGER NOT NULL,
  proper_nouns    INTEGER NOT NULL DEFAULT 0,
  redacted        INTEGER NOT NULL DEFAULT 0,
  address_share   REAL NOT NULL DEFAULT 0
);
CREATE INDEX episode_time ON episode (scope, timestamp);

-- Vector spaces (embedder fingerprints) by number.
CREATE TABLE space (
  no          INTEGER PRIMARY KEY,
  fingerprint TEXT NOT NULL UNIQUE
);

-- Vectors in half precision, by space and episode id.
CREATE TABLE vector (
  space INTEGER NOT NULL,
  id    INTEGER NOT NULL,
  half  BLOB NOT NULL,
  PRIMARY KEY (space, id)
) WITHOUT ROWID;

-- Of the same episode's sentences: how many, and for all of them scales (float32), then vectors in a byte a dimension.
CREATE TABLE sentence_vector (
  space INTEGER NOT NULL,
  id    INTEGER NOT NULL,
  count INTEGER NOT NULL,
  data  BLOB NOT NULL,
  PRIMARY KEY (space, id)
);

-- How far each scope is embedded in a space: every episode before row `through` has its vector.
CREATE TABLE embedded (
  scope   INTEGER NOT NULL,
  space   INTEGER NOT NULL,
  through INTEGER NOT NULL,
  PRIMARY KEY (scope, space)
) WITHOUT ROWID;

-- Derived: how surprising an episode is to the local model that `meta` names, in nats; none of another model is kept.
CREATE TABLE surprise (
  id   INTEGER PRIMARY KEY,
  nats REAL NOT NULL
);

-- Derived: 1,024 rows of a scope packed for a fast start. Kind 0 columns, 1 postings, 2 int8 vectors of a
-- space, 3 those of sentences.
CREATE TABLE block (
  scope INTEGER NOT NULL,
  kind  INTEGER NOT NULL,
  space INTEGER NOT NULL,
  block INTEGER NOT NULL,
  data  BLOB NOT NULL,
  PRIMARY KEY (scope, kind, space, block)
);

-- What happened, in order; an index in memory is current when it has seen the scope's last event.
CREATE TABLE event (
  no    INTEGER PRIMARY KEY AUTOINCREMENT,
  scope INTEGER NOT NULL,
  kind  TEXT NOT NULL,
  space INTEGER,
  rows  BLOB NOT NULL,
  at    INTEGER NOT NULL
);
CREATE INDEX event_scope ON event (scope, no);

-- Work to be done. At most one pending job a queue and scope.
CREATE TABLE job (
  no          INTEGER PRIMARY KEY AUTOINCREMENT,
  queue       TEXT NOT NULL,
  scope       INTEGER NOT NULL,
  state       TEXT NOT NULL DEFAULT 'pending',
  due         INTEGER NOT NULL,
  attempts    INTEGER NOT NULL DEFAULT 0,
  owner       TEXT,
  lease_until INTEGER,
  error       TEXT
);
CREATE UNIQUE INDEX job_pending ON job (queue, scope) WHERE state = 'pending';
CREATE INDEX job_due ON job (queue, state, due);

-- Receipts of erasures, without any content.
CREATE TABLE erasure (
  id        TEXT PRIMARY KEY,
  scope     INTEGER NOT NULL,
  episodes  INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  scrubbed  INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- The log that facts are folded from; it only grows, but for erasures. `by_fact` is the fact that brought the change.
CREATE TABLE fact_change (
  id        INTEGER PRIMARY KEY,
  scope     INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
  public_id TEXT NOT NULL,
  fact      TEXT NOT NULL,
  kind      TEXT NOT NULL,
  cause     TEXT NOT NULL,
  at        INTEGER NOT NULL,
  actor     TEXT NOT NULL,
  by_fact   TEXT,
  data      TEXT NOT NULL
);
CREATE UNIQUE INDEX fact_change_id ON fact_change (scope, public_id);
CREATE INDEX fact_change_fact ON fact_change (scope, fact);
CREATE INDEX fact_change_by ON fact_change (scope, by_fact) WHERE by_fact IS NOT NULL;

-- Derived: what the log of each fact folds to, whole in `body`; NULL where its beginning was undone.
CREATE TABLE fact (
  id        INTEGER PRIMARY KEY,
  scope     INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
  public_id TEXT NOT NULL,
  kind      TEXT,
  slot      TEXT,
  status    TEXT,
  body      TEXT
);
CREATE UNIQUE INDEX fact_id ON fact (scope, public_id);
CREATE INDEX fact_slot ON fact (scope, slot) WHERE slot IS NOT NULL;

-- Derived: the episodes that any claim in a fact's log rests on; `standing` where the fact as it stands does.
CREATE TABLE fact_source (
  fact     INTEGER NOT NULL,
  episode  INTEGER NOT NULL,
  standing INTEGER NOT NULL,
  PRIMARY KEY (fact, episode)
) WITHOUT ROWID;
CREATE INDEX fact_source_episode ON fact_source (episode);

-- Derived: the folded names of whom and what a fact is about.
CREATE TABLE fact_entity (
  scope INTEGER NOT NULL,
  name  TEXT NOT NULL,
  fact  INTEGER NOT NULL,
  PRIMARY KEY (scope, name, fact)
) WITHOUT ROWID;
CREATE INDEX fact_entity_fact ON fact_entity (fact);

-- How far each extractor has read a scope: every episode up to and with row `through`.
CREATE TABLE extracted (
  scope     INTEGER NOT NULL,
  extractor TEXT NOT NULL,
  through   INTEGER NOT NULL,
  PRIMARY KEY (scope, extractor)
) WITHOUT ROWID;

-- What models were asked for on a scope's account, by day.
CREATE TABLE spend (
  scope  INTEGER NOT NULL,
  day    TEXT NOT NULL,
  calls  INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  micros INTEGER NOT NULL,
  PRIMARY KEY (scope, day)
) WITHOUT ROWID;

-- Keys of a server, each a JSON text; of their secrets only digests.
CREATE TABLE access_key (
  id   TEXT PRIMARY KEY,
  body TEXT NOT NULL
) WITHOUT ROWID;

-- What a server answered to calls with an idempotency key, without any of the user's words; kept for a day.
CREATE TABLE kept_answer (
  name    BLOB PRIMARY KEY,
  request BLOB NOT NULL,
  body    TEXT NOT NULL,
  at      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX kept_answer_at ON kept_answer (at);

-- What was derived of a memory into other tiers; `body` is JSON: recipe, metrics, reason. Of the bytes only a digest.
CREATE TABLE artifact (
  scope   INTEGER NOT NULL,
  id      TEXT NOT NULL,
  kind    TEXT NOT NULL,
  series  TEXT NOT NULL,
  status  TEXT NOT NULL,
  model   TEXT NOT NULL,
  tokens  INTEGER NOT NULL,
  size    INTEGER NOT NULL,
  digest  TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  used_at INTEGER,
  uses    INTEGER NOT NULL,
  body    TEXT NOT NULL,
  PRIMARY KEY (scope, id)
) WITHOUT ROWID;
CREATE INDEX artifact_series ON artifact (scope, series);

-- The facts and episodes that an artifact was made of, by their public ids.
CREATE TABLE artifact_source (
  scope    INTEGER NOT NULL,
  source   TEXT NOT NULL,
  artifact TEXT NOT NULL,
  place    INTEGER NOT NULL,
  PRIMARY KEY (scope, source, artifact)
) WITHOUT ROWID;
CREATE INDEX artifact_source_artifact ON artifact_source (scope, artifact);

-- Bytes that are to be deleted: written with what condemns them, taken out when they are gone.
CREATE TABLE doomed (
  name TEXT PRIMARY KEY
) WITHOUT ROWID;
