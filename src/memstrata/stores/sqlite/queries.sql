-- name: scope_number
-- A partition by its four ids; NULL is written as a NUL character, as in the index.
SELECT no, next_row, next_session, last_event, forgotten FROM scope
WHERE coalesce(user_id, char(0)) = coalesce(?1, char(0)) AND coalesce(agent_id, char(0)) = coalesce(?2, char(0))
  AND coalesce(app_id, char(0)) = coalesce(?3, char(0)) AND coalesce(run_id, char(0)) = coalesce(?4, char(0));

-- name: insert_scope
INSERT INTO scope (user_id, agent_id, app_id, run_id) VALUES (?, ?, ?, ?) RETURNING no;

-- name: update_scope
UPDATE scope SET next_row = ?2, next_session = ?3 WHERE no = ?1;

-- name: insert_event
INSERT INTO event (scope, kind, space, rows, at) VALUES (?, ?, ?, ?, ?) RETURNING no;

-- name: set_last_event
UPDATE scope SET last_event = ?2 WHERE no = ?1;

-- name: last_event
-- The one row that every search reads to know whether its index is current.
SELECT last_event FROM scope WHERE no = ?;

-- name: events_after
SELECT no, kind, space, rows FROM event WHERE scope = ? AND no > ? ORDER BY no;

-- name: runs
SELECT no, run_id, session, last_timestamp, session_episodes FROM run WHERE scope = ?;

-- name: run_by_id
SELECT no, session, last_timestamp, session_episodes FROM run
WHERE scope = ?1 AND coalesce(run_id, char(0)) = coalesce(?2, char(0));

-- name: next_run
SELECT coalesce(max(no) + 1, 0) FROM run WHERE scope = ?;

-- name: put_run
INSERT INTO run (scope, no, run_id, session, last_timestamp, session_episodes) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (scope, no) DO UPDATE SET session = excluded.session, last_timestamp = excluded.last_timestamp,
  session_episodes = excluded.session_episodes;

-- name: speakers
SELECT no, name FROM speaker WHERE scope = ? ORDER BY no;

-- name: speaker_by_name
SELECT no FROM speaker WHERE scope = ? AND name = ?;

-- name: insert_speaker
INSERT INTO speaker (scope, no, name) SELECT ?1, coalesce(max(no) + 1, 0), ?2 FROM speaker WHERE scope = ?1
RETURNING no;

-- name: episode_by_digest
-- Of a redacted episode the text is no longer known, so that any text of its digest is the same message.
SELECT public_id, iif(redacted, NULL, text) FROM episode WHERE digest = ?;

-- name: insert_episode
INSERT INTO episode (id, public_id, digest, run, session, role, speaker, text, timestamp, utc_offset, recorded_at,
  metadata, message_id, terms, length, question_share, address_share, words, proper_nouns,
  time_expression)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: index_rows
-- What an index needs of a range of rows, without any text; in the order of core.index.rows.ROW, then the terms.
SELECT id & 4294967295, run, session, speaker, timestamp, recorded_at, length, words, question_share, address_share,
  utc_offset, role, proper_nouns, time_expression, terms
FROM episode WHERE id BETWEEN ? AND ? ORDER BY id;

-- name: metadata_rows
SELECT id & 4294967295, metadata, message_id FROM episode
WHERE id BETWEEN ? AND ? AND (metadata IS NOT NULL OR message_id IS NOT NULL);

-- name: episode_columns
-- The columns of an Episode; each read adds its own WHERE to the view of the same name.
SELECT e.id & 4294967295, e.public_id, r.run_id, e.session, e.role, s.name, e.text, e.timestamp, e.utc_offset,
  e.recorded_at, e.metadata, e.message_id
FROM episode e JOIN run r ON r.scope = e.scope AND r.no = e.run
  LEFT JOIN speaker s ON s.scope = e.scope AND s.no = e.speaker

-- name: ids_of_scope
SELECT id, public_id FROM episode WHERE id BETWEEN ? AND ?;

-- name: counts
SELECT count(*), count(DISTINCT r.run_id), count(DISTINCT e.session), min(e.timestamp), max(e.timestamp),
  coalesce(sum(length(e.text)), 0)
FROM episode e JOIN run r ON r.scope = e.scope AND r.no = e.run
WHERE e.id BETWEEN ?1 AND ?2 AND (?3 IS NULL OR e.run = ?3);

-- name: count_vectors
SELECT count(*) FROM vector v JOIN episode e ON e.id = v.id
WHERE v.space = ?1 AND v.id BETWEEN ?2 AND ?3 AND (?4 IS NULL OR e.run = ?4);

-- name: space_number
SELECT no FROM space WHERE fingerprint = ?;

-- name: insert_space
INSERT INTO space (fingerprint) VALUES (?) RETURNING no;

-- name: missing_vectors
SELECT e.id & 4294967295, e.timestamp, e.utc_offset, s.name, e.text, e.redacted
FROM episode e LEFT JOIN speaker s ON s.scope = e.scope AND s.no = e.speaker
WHERE e.id BETWEEN ?1 AND ?2 AND NOT EXISTS (SELECT 1 FROM vector v WHERE v.space = ?3 AND v.id = e.id)
ORDER BY e.id LIMIT ?4;

-- name: insert_vector
-- A vector of an earlier text, from before a redaction, would tell of what was erased.
INSERT OR IGNORE INTO vector (space, id, half) SELECT ?1, ?2, ?3
WHERE EXISTS (SELECT 1 FROM episode WHERE id = ?2 AND redacted = coalesce(?4, redacted));

-- name: vectors_in_range
SELECT id & 4294967295, half FROM vector WHERE space = ? AND id BETWEEN ? AND ?;

-- name: insert_sentences
-- Only beside a vector, which was not kept where the text has changed meanwhile.
INSERT OR IGNORE INTO sentence_vector (space, id, count, data) SELECT ?1, ?2, ?3, ?4
WHERE EXISTS (SELECT 1 FROM vector WHERE space = ?1 AND id = ?2);

-- name: sentences_in_range
SELECT id & 4294967295, count, data FROM sentence_vector WHERE space = ? AND id BETWEEN ? AND ? ORDER BY id;

-- name: delete_sentences
DELETE FROM sentence_vector WHERE space = ? AND id BETWEEN ? AND ?;

-- name: other_spaces
SELECT no FROM space WHERE no <> ?;

-- name: delete_vectors
DELETE FROM vector WHERE space = ? AND id BETWEEN ? AND ?;

-- name: delete_vector_blocks
DELETE FROM block WHERE scope = ? AND kind IN (2, 3) AND space = ?;

-- name: put_block
INSERT OR REPLACE INTO block (scope, kind, space, block, data) VALUES (?, ?, ?, ?, ?);

-- name: blocks
SELECT block, data FROM block WHERE scope = ? AND kind = ? AND space = ? ORDER BY block;

-- name: block_numbers
SELECT block FROM block WHERE scope = ? AND kind = ? AND space = ?;

-- name: enqueue
INSERT INTO job (queue, scope, due) VALUES (?, ?, ?) ON CONFLICT (queue, scope) WHERE state = 'pending' DO NOTHING;

-- name: scopes_with_episodes
SELECT no FROM scope s
WHERE EXISTS (SELECT 1 FROM episode e WHERE e.id BETWEEN s.no << 32 AND (s.no << 32) | 4294967295) ORDER BY no;

-- name: finish_job
DELETE FROM job WHERE no = ? AND state = 'running' AND owner = ? RETURNING no;

-- name: extend_job
UPDATE job SET lease_until = ?3 WHERE no = ?1 AND state = 'running' AND owner = ?2 RETURNING no;

-- name: bury_job
UPDATE job SET state = 'dead', owner = NULL, lease_until = NULL, error = ?3
WHERE no = ?1 AND state = 'running' AND owner = ?2 RETURNING no;

-- name: retry_job
-- OR IGNORE: where a twin is pending already, the row stays running and is removed by the next statement.
UPDATE OR IGNORE job SET state = 'pending', owner = NULL, lease_until = NULL, error = ?3, due = ?4
WHERE no = ?1 AND state = 'running' AND owner = ?2 RETURNING no;

-- name: dead_jobs
SELECT no, queue, scope FROM job WHERE state = 'dead';

-- name: delete_job
DELETE FROM job WHERE no = ?;

-- name: delete_jobs_of_scope
DELETE FROM job WHERE scope = ?;

-- name: insert_erasure
INSERT INTO erasure (id, scope, episodes, at) VALUES (?, ?, ?, ?);

-- name: mark_scrubbed
UPDATE erasure SET scrubbed = 1 WHERE id = ?;

-- name: unscrubbed
SELECT id FROM erasure WHERE scrubbed = 0;

-- name: delete_pending_jobs
DELETE FROM job WHERE queue = ? AND state = 'pending';

-- name: current_space
SELECT value FROM meta WHERE key = 'space';

-- name: set_current_space
INSERT OR REPLACE INTO meta (key, value) VALUES ('space', ?);

-- name: ids_of_run
SELECT id, public_id FROM episode WHERE id BETWEEN ? AND ? AND run = ?;

-- name: any_episode
SELECT 1 FROM episode WHERE id BETWEEN ? AND ? LIMIT 1;

-- name: delete_unused_speakers
-- A name is somebody's; it goes with the last episode that bears it.
DELETE FROM speaker WHERE scope = ?1 AND no NOT IN (SELECT speaker FROM episode WHERE scope = ?1);

-- name: delete_unused_runs
DELETE FROM run WHERE scope = ?1 AND no NOT IN (SELECT run FROM episode WHERE scope = ?1);

-- name: count_forgotten
UPDATE scope SET forgotten = forgotten + ?2 WHERE no = ?1;

-- name: release_job
UPDATE OR IGNORE job SET state = 'pending', owner = NULL, lease_until = NULL, attempts = attempts - 1
WHERE no = ?1 AND state = 'running' AND owner = ?2 RETURNING no;

-- name: embedded_through
-- Every episode before this row has a vector in the space.
SELECT through FROM embedded WHERE scope = ? AND space = ?;

-- name: put_embedded_through
INSERT OR REPLACE INTO embedded (scope, space, through) VALUES (?, ?, ?);

-- name: first_missing_vector
SELECT min(e.id) FROM episode e WHERE e.id BETWEEN ?1 AND ?2
  AND NOT EXISTS (SELECT 1 FROM vector v WHERE v.space = ?3 AND v.id = e.id);

-- name: delete_embedded
DELETE FROM embedded WHERE scope = ? AND space = ?;

-- name: texts_after
-- A stretch of episodes, to derive their features anew.
SELECT e.id, e.text, s.name, e.timestamp, e.utc_offset
FROM episode e LEFT JOIN speaker s ON s.scope = e.scope AND s.no = e.speaker
WHERE e.id > ? ORDER BY e.id LIMIT 1000;

-- name: put_features
UPDATE episode SET terms = ?2, length = ?3, question_share = ?4, address_share = ?5, words = ?6,
  proper_nouns = ?7, time_expression = ?8 WHERE id = ?1;

-- name: scope_by_number
SELECT user_id, agent_id, app_id, run_id FROM scope WHERE no = ?;

-- name: texts_by_id
-- What a redaction needs of episodes of a scope (and run).
SELECT e.id, e.public_id, e.text, s.name, e.timestamp, e.utc_offset
FROM episode e LEFT JOIN speaker s ON s.scope = e.scope AND s.no = e.speaker
WHERE e.id BETWEEN ?1 AND ?2 AND (?3 IS NULL OR e.run = ?3) AND e.public_id IN (/* keys */) ORDER BY e.id;

-- name: put_redacted_text
UPDATE episode SET text = ?2, redacted = redacted + 1 WHERE id = ?1;

-- name: lower_embedded_through
UPDATE embedded SET through = min(through, ?2) WHERE scope = ?1;

-- name: delete_vector_block
DELETE FROM block WHERE scope = ? AND kind IN (2, 3) AND block = ?;

-- name: last_change
SELECT last_change FROM scope WHERE no = ?;

-- name: set_last_change
UPDATE scope SET last_change = ?2 WHERE no = ?1;

-- name: known_changes
SELECT public_id FROM fact_change WHERE scope = ? AND public_id IN (/* keys */);

-- name: known_facts
SELECT public_id FROM fact WHERE scope = ? AND public_id IN (/* keys */);

-- name: present_episodes
SELECT public_id FROM episode WHERE id BETWEEN ? AND ? AND public_id IN (/* keys */);

-- name: insert_change
INSERT INTO fact_change (id, public_id, fact, kind, cause, at, actor, by_fact, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: delete_change
DELETE FROM fact_change WHERE id = ?;

-- name: changes
-- The log; each read adds its own condition. A run sees the log of the facts that rest on one of its episodes.
SELECT c.public_id, c.id & 4294967295, c.fact, c.kind, c.cause, c.at, c.actor, c.data FROM fact_change c
WHERE (?1 IS NULL OR EXISTS (
  SELECT 1 FROM fact f JOIN fact_source s ON s.fact = f.id JOIN episode e ON e.id = s.episode
  WHERE f.scope = c.scope AND f.public_id = c.fact AND s.standing AND e.run = ?1))

-- name: facts
-- Facts that stand, of some kinds and statuses (JSON lists, NULL for all); a run sees those that rest on it.
SELECT f.public_id, f.status, f.body FROM fact f
WHERE f.body IS NOT NULL AND f.id BETWEEN ?2 AND ?3
  AND (?4 IS NULL OR f.kind IN (SELECT value FROM json_each(?4)))
  AND (?5 IS NULL OR f.status IN (SELECT value FROM json_each(?5)))
  AND (?1 IS NULL OR EXISTS (
    SELECT 1 FROM fact_source s JOIN episode e ON e.id = s.episode
    WHERE s.fact = f.id AND s.standing AND e.run = ?1))

-- name: count_facts
SELECT f.status, count(*) FROM fact f
WHERE f.body IS NOT NULL AND f.id BETWEEN ?2 AND ?3
  AND (?1 IS NULL OR EXISTS (
    SELECT 1 FROM fact_source s JOIN episode e ON e.id = s.episode
    WHERE s.fact = f.id AND s.standing AND e.run = ?1))
GROUP BY f.status;

-- name: facts_by_id
SELECT id FROM fact WHERE scope = ? AND public_id IN (/* keys */);

-- name: facts_by_slot
SELECT id FROM fact WHERE scope = ? AND slot IN (/* keys */);

-- name: facts_by_closing
-- What any of these facts ever closed; whether it still stands so, the fact itself says.
SELECT f.id FROM fact_change c JOIN fact f ON f.scope = ? AND f.public_id = c.fact
WHERE c.scope = ? AND c.by_fact IN (/* keys */);

-- name: facts_by_entity
SELECT fact FROM fact_entity WHERE scope = ? AND name IN (/* keys */);

-- name: facts_by_episode
SELECT fact FROM fact_source WHERE standing AND episode IN (/* keys */);

-- name: facts_ever_on_episode
-- With those whose claim from there was undone: the log still holds its words.
SELECT DISTINCT f.public_id FROM fact_source s JOIN fact f ON f.id = s.fact WHERE s.episode IN (/* keys */);

-- name: facts_changed_by
SELECT DISTINCT fact FROM fact_change WHERE scope = ? AND by_fact IN (/* keys */);

-- name: fact_number
SELECT id FROM fact WHERE scope = ? AND public_id = ?;

-- name: insert_fact
INSERT INTO fact (id, public_id, kind, slot, status, body) VALUES (?, ?, ?, ?, ?, ?);

-- name: insert_fact_source
INSERT INTO fact_source (fact, episode, standing)
SELECT ?1, id, ?2 FROM episode WHERE public_id = ?3 AND id BETWEEN ?4 AND ?5;

-- name: insert_fact_entity
INSERT OR IGNORE INTO fact_entity (scope, name, fact) VALUES (?, ?, ?);

-- name: delete_fact
DELETE FROM fact WHERE id BETWEEN ? AND ?;

-- name: delete_fact_sources
DELETE FROM fact_source WHERE fact BETWEEN ? AND ?;

-- name: delete_fact_entities
DELETE FROM fact_entity WHERE fact BETWEEN ? AND ?;

-- name: delete_changes
DELETE FROM fact_change WHERE id BETWEEN ? AND ?;

-- name: extracted_through
SELECT through FROM extracted WHERE scope = ? AND extractor = ?;

-- name: put_extracted_through
INSERT INTO extracted (scope, extractor, through) VALUES (?, ?, ?)
ON CONFLICT (scope, extractor) DO UPDATE SET through = max(through, excluded.through);

-- name: spent
SELECT calls, tokens, micros FROM spend WHERE scope = ? AND day = ?;

-- name: add_spent
INSERT INTO spend (scope, day, calls, tokens, micros) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (scope, day) DO UPDATE SET calls = calls + excluded.calls, tokens = tokens + excluded.tokens,
  micros = micros + excluded.micros;

-- name: has_samples
SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat4';

-- name: delete_samples
-- What PRAGMA optimize noted for the planner holds values of indexed columns: names, ids.
DELETE FROM sqlite_stat4;

-- name: vector_of
SELECT half FROM vector WHERE space = ? AND id = ?;

-- name: put_key
INSERT INTO access_key (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body;

-- name: keep_answer
INSERT OR IGNORE INTO kept_answer (name, request, body, at) VALUES (?, ?, ?, ?);

-- name: current_salience
SELECT value FROM meta WHERE key = 'salience';

-- name: set_current_salience
INSERT OR REPLACE INTO meta (key, value) VALUES ('salience', ?);

-- name: delete_surprises
DELETE FROM surprise WHERE id BETWEEN ? AND ?;

-- name: session_to_weigh
-- The session of the first episode from an id on that has no surprise. Looks through the scope, which no index is
-- for: a hundred thousand episodes take a tenth of a second, and weighing what is found takes some seconds.
SELECT e.id & 4294967295, coalesce(s.name, ''), e.role, e.text, e.redacted,
  EXISTS (SELECT 1 FROM surprise n WHERE n.id = e.id)
FROM episode e LEFT JOIN speaker s ON s.scope = e.scope AND s.no = e.speaker
WHERE e.id BETWEEN ?1 AND ?3 AND e.session = (
  SELECT f.session FROM episode f
  WHERE f.id BETWEEN ?2 AND ?3 AND NOT EXISTS (SELECT 1 FROM surprise n WHERE n.id = f.id) ORDER BY f.id LIMIT 1)
ORDER BY e.id;

-- name: insert_surprise
-- A surprise of an earlier text, from before a redaction, would tell of what was erased.
INSERT OR IGNORE INTO surprise (id, nats) SELECT ?1, ?2
WHERE EXISTS (SELECT 1 FROM episode WHERE id = ?1 AND redacted = ?3);

-- name: surprises_in_range
SELECT id & 4294967295, nats FROM surprise WHERE id BETWEEN ? AND ?;

-- name: count_surprises
SELECT count(*) FROM surprise n JOIN episode e ON e.id = n.id
WHERE n.id BETWEEN ?1 AND ?2 AND (?3 IS NULL OR e.run = ?3);

-- name: kept_episodes
-- All that is needed to hand a scope over (one run of it, or NULL), in the order in which it was stored.
SELECT e.id & 4294967295, e.public_id, r.run_id, e.session, e.role, s.name, e.text, e.timestamp, e.utc_offset,
  e.recorded_at, e.metadata, e.message_id, e.digest, e.redacted
FROM episode e JOIN run r ON r.scope = e.scope AND r.no = e.run
  LEFT JOIN speaker s ON s.scope = e.scope AND s.no = e.speaker
WHERE e.id BETWEEN ?1 AND ?2 AND (?3 IS NULL OR e.run = ?3) ORDER BY e.id;

-- name: extracted_marks
SELECT extractor, through FROM extracted WHERE scope = ? ORDER BY extractor;

-- name: last_read
SELECT public_id FROM episode WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1;

-- name: last_row
SELECT max(id) & 4294967295 FROM episode WHERE id BETWEEN ? AND ?;

-- name: known_by_digest
SELECT public_id, digest, text, redacted, session FROM episode WHERE id BETWEEN ? AND ? AND digest IN (/* keys */);

-- name: known_by_id
SELECT public_id, digest, text, redacted, session FROM episode WHERE id BETWEEN ? AND ? AND public_id IN (/* keys */);

-- name: known_digests
SELECT digest FROM episode WHERE id BETWEEN ? AND ? AND digest IN (/* keys */);

-- name: taken_ids
SELECT public_id FROM episode WHERE public_id IN (/* keys */);

-- name: set_redacted
UPDATE episode SET redacted = ?2 WHERE id = ?1;

-- name: artifact
SELECT id, kind, series, status, model, tokens, size, digest, made_at, used_at, uses, body FROM artifact
WHERE scope = ? AND id = ?;

-- name: artifacts
SELECT id, kind, series, status, model, tokens, size, digest, made_at, used_at, uses, body FROM artifact
WHERE scope = ?1 AND (?2 IS NULL OR kind IN (SELECT value FROM json_each(?2)))
  AND (?3 IS NULL OR status IN (SELECT value FROM json_each(?3)))
  AND (?4 IS NULL OR series IN (SELECT value FROM json_each(?4))) ORDER BY made_at, id;

-- name: all_artifacts
SELECT id, kind, series, status, model, tokens, size, digest, made_at, used_at, uses, body, scope FROM artifact
WHERE kind IN (SELECT value FROM json_each(?)) AND status IN ('making', 'ready', 'kept') ORDER BY scope, made_at, id;

-- name: artifact_sources
SELECT source FROM artifact_source WHERE scope = ? AND artifact = ? ORDER BY place;

-- name: put_artifact
INSERT OR REPLACE INTO artifact (scope, id, kind, series, status, model, tokens, size, digest, made_at, used_at, uses,
  body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: put_artifact_source
INSERT OR IGNORE INTO artifact_source (scope, source, artifact, place) VALUES (?, ?, ?, ?);

-- name: artifacts_of_sources
SELECT DISTINCT s.artifact FROM artifact_source s WHERE s.scope = ? AND s.source IN (/* keys */);

-- name: any_artifact
-- Asked with every change of facts, so that a memory without artifacts pays one look.
SELECT 1 FROM artifact WHERE scope = ? LIMIT 1;

-- name: facts_that_hold
SELECT public_id FROM fact WHERE scope = ? AND status IN ('active', 'disputed') AND public_id IN (/* keys */);

-- name: delete_artifact
DELETE FROM artifact WHERE scope = ? AND id = ?;

-- name: delete_artifact_sources
DELETE FROM artifact_source WHERE scope = ? AND artifact = ?;

-- name: step_back
UPDATE artifact SET status = 'kept' WHERE scope = ? AND series = ? AND status = 'ready';

-- name: note_use
UPDATE artifact SET uses = uses + 1, used_at = ? WHERE scope = ? AND id = ?;

-- name: doom
INSERT OR IGNORE INTO doomed (name) VALUES (?);

-- name: doomed
SELECT name FROM doomed ORDER BY name;

-- name: pardon
DELETE FROM doomed WHERE name = ?;
