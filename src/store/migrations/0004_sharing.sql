-- What devices share: tasks of a group, messages and speech that wait for a device.
CREATE TABLE task (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    group_key TEXT NOT NULL,
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 3),
    is_done INTEGER NOT NULL DEFAULT 0,
    owner TEXT NOT NULL DEFAULT '',
    extra TEXT NOT NULL DEFAULT '{}',
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    UNIQUE (group_key, id)
);

CREATE TABLE peer_message (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    target TEXT NOT NULL,
    origin TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    UNIQUE (id, target)
);
CREATE INDEX peer_message_target ON peer_message (target, n);
CREATE INDEX peer_message_expires ON peer_message (expires_ms);

-- state: queued fetched played busy expired
CREATE TABLE say (
    id TEXT PRIMARY KEY,
    device TEXT NOT NULL,
    text TEXT NOT NULL,
    auto_listen INTEGER NOT NULL DEFAULT 0,
    key TEXT,
    state TEXT NOT NULL DEFAULT 'queued',
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    UNIQUE (device, key)
);
CREATE INDEX say_waiting ON say (device, state, created_ms);
CREATE INDEX say_expires ON say (state, expires_ms);
