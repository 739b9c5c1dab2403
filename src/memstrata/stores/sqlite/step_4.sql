-- From schema 3 to 4: vectors of sentences, and the share of an episode's sentences that speak to the hearer.
ALTER TABLE episode ADD COLUMN address_share REAL NOT NULL DEFAULT 0;

CREATE TABLE sentence_vector (
  space INTEGER NOT NULL,
  id    INTEGER NOT NULL,
  count INTEGER NOT NULL,
  data  BLOB NOT NULL,
  PRIMARY KEY (space, id)
);
