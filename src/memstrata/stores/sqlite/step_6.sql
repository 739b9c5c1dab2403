-- From schema 5 to 6: how surprising each episode is to a local model. Nothing is weighed of old files unasked.
CREATE TABLE surprise (
  id   INTEGER PRIMARY KEY,
  nats REAL NOT NULL
);
