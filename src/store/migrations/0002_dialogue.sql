-- What was said, what is remembered of it, and what still has to be remembered.
CREATE TABLE turn (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    session TEXT NOT NULL,
    number INTEGER NOT NULL,
    role TEXT NOT NULL,
    mode TEXT NOT NULL DEFAULT 'chat',
    text TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT '',
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    details TEXT NOT NULL DEFAULT ''
);
CREATE INDEX turn_device ON turn (device, id);
CREATE INDEX turn_session ON turn (session, id);
CREATE INDEX turn_ended ON turn (ended_ms);

CREATE TABLE memory (
    device TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    updated_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE chat_summary (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    text TEXT NOT NULL,
    created_ms INTEGER NOT NULL
);
CREATE INDEX chat_summary_device ON chat_summary (device, id);

-- state: 0 waiting, 1 saved, 2 dropped. A finished job keeps its key, not its text.
CREATE TABLE save_job (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    seq INTEGER NOT NULL,
    key TEXT NOT NULL UNIQUE,
    session TEXT NOT NULL DEFAULT '',
    payload TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    next_try_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX save_job_seq ON save_job (device, seq);
CREATE INDEX save_job_waiting ON save_job (state, next_try_ms);
