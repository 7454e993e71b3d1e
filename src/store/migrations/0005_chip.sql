-- What drives a device: boards without much memory get a shorter lead of audio.
ALTER TABLE device ADD COLUMN chip TEXT NOT NULL DEFAULT '';
