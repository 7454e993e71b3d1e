-- Whose serial number it is: the first device that proved it. Nobody else's from then on.
ALTER TABLE serial_key ADD COLUMN device TEXT NOT NULL DEFAULT '';
