-- Devices, who may speak for them, and what pairs them.
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE device (
    id TEXT PRIMARY KEY,
    language TEXT NOT NULL DEFAULT '',
    board TEXT NOT NULL DEFAULT '',
    firmware TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL DEFAULT '',
    group_key TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '',
    first_seen_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- state: 0 pending, 1 active, 2 revoked
CREATE TABLE pair (
    device TEXT NOT NULL REFERENCES device(id) ON DELETE CASCADE,
    client TEXT NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    how TEXT NOT NULL DEFAULT '',
    serial TEXT NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    PRIMARY KEY (device, client)
) WITHOUT ROWID;

CREATE TABLE pairing_code (
    code TEXT PRIMARY KEY,
    device TEXT NOT NULL,
    client TEXT NOT NULL,
    challenge TEXT NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX pairing_code_pair ON pairing_code (device, client, expires_ms);

-- Keys of burnt serial numbers, hex.
CREATE TABLE serial_key (serial TEXT PRIMARY KEY, key TEXT NOT NULL) WITHOUT ROWID;

-- A forced firmware is named once per device and version.
CREATE TABLE firmware_force (
    device TEXT NOT NULL,
    version TEXT NOT NULL,
    sent_ms INTEGER NOT NULL,
    PRIMARY KEY (device, version)
) WITHOUT ROWID;
