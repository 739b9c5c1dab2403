-- From schema 6 to 7: artifacts. Nothing is derived of old files unasked.
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
