-- Meetings: texts as they are acknowledged, segments, summaries, what must still be told to others.
-- state: 0 open, 1 finalizing, 2 done
CREATE TABLE meeting (
    id TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    device TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
    title TEXT NOT NULL DEFAULT '',
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL DEFAULT 0,
    last_text_ms INTEGER NOT NULL DEFAULT 0,
    left_ms INTEGER NOT NULL DEFAULT 0,
    segments INTEGER NOT NULL DEFAULT 0,
    bullets INTEGER NOT NULL DEFAULT 0,
    summary TEXT NOT NULL DEFAULT '',
    metrics TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX meeting_open ON meeting (device) WHERE state = 0;
CREATE INDEX meeting_started ON meeting (started_ms);
CREATE INDEX meeting_session ON meeting (session, started_ms);
CREATE INDEX meeting_unfinished ON meeting (state, started_ms) WHERE state < 2;
CREATE INDEX meeting_device ON meeting (device, started_ms);

CREATE TABLE pending_text (
    id INTEGER PRIMARY KEY,
    meeting TEXT NOT NULL REFERENCES meeting(id) ON DELETE CASCADE,
    ts_ms INTEGER NOT NULL,
    text TEXT NOT NULL,
    speaker TEXT NOT NULL DEFAULT '',
    tag TEXT NOT NULL DEFAULT ''
);
CREATE INDEX pending_text_meeting ON pending_text (meeting, id);

CREATE TABLE segment (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    meeting TEXT NOT NULL REFERENCES meeting(id) ON DELETE CASCADE,
    ts_ms INTEGER NOT NULL,
    text TEXT NOT NULL,
    speaker TEXT NOT NULL DEFAULT '',
    tag TEXT NOT NULL DEFAULT ''
);
CREATE INDEX segment_meeting ON segment (meeting, id);

-- The index knows words only; words() puts blanks around each Chinese character.
CREATE VIRTUAL TABLE segment_words USING fts5(words, content='', tokenize="unicode61 remove_diacritics 2");
CREATE TRIGGER segment_added AFTER INSERT ON segment BEGIN
    INSERT INTO segment_words (rowid, words) VALUES (new.id, words(new.text));
END;
CREATE TRIGGER segment_removed AFTER DELETE ON segment BEGIN
    INSERT INTO segment_words (segment_words, rowid, words) VALUES ('delete', old.id, words(old.text));
END;

CREATE TABLE checkpoint (
    id INTEGER PRIMARY KEY,
    meeting TEXT NOT NULL REFERENCES meeting(id) ON DELETE CASCADE,
    upto_segment INTEGER NOT NULL,
    summary TEXT NOT NULL,
    created_ms INTEGER NOT NULL
);
CREATE INDEX checkpoint_meeting ON checkpoint (meeting, id);

CREATE TABLE webhook_job (
    id INTEGER PRIMARY KEY,
    meeting TEXT NOT NULL REFERENCES meeting(id) ON DELETE CASCADE,
    body TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    next_try_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
);
CREATE INDEX webhook_job_due ON webhook_job (next_try_ms);
CREATE INDEX webhook_job_meeting ON webhook_job (meeting);
