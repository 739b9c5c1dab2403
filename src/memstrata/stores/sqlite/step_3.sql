-- From schema 2 to 3: facts, and episodes of which a part may be erased. Nothing is extracted from old episodes unasked.
ALTER TABLE scope ADD COLUMN last_change INTEGER NOT NULL DEFAULT 0;
ALTER TABLE episode ADD COLUMN redacted INTEGER NOT NULL DEFAULT 0;

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

CREATE TABLE fact_source (
  fact     INTEGER NOT NULL,
  episode  INTEGER NOT NULL,
  standing INTEGER NOT NULL,
  PRIMARY KEY (fact, episode)
) WITHOUT ROWID;
CREATE INDEX fact_source_episode ON fact_source (episode);

CREATE TABLE fact_entity (
  scope INTEGER NOT NULL,
  name  TEXT NOT NULL,
  fact  INTEGER NOT NULL,
  PRIMARY KEY (scope, name, fact)
) WITHOUT ROWID;
CREATE INDEX fact_entity_fact ON fact_entity (fact);

CREATE TABLE extracted (
  scope     INTEGER NOT NULL,
  extractor TEXT NOT NULL,
  through   INTEGER NOT NULL,
  PRIMARY KEY (scope, extractor)
) WITHOUT ROWID;

CREATE TABLE spend (
  scope  INTEGER NOT NULL,
  day    TEXT NOT NULL,
  calls  INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  micros INTEGER NOT NULL,
  PRIMARY KEY (scope, day)
) WITHOUT ROWID;
