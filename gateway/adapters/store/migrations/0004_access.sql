-- Rights that people ask for, for a time. Who has to agree, and whether they have, is in approvals; with break-glass that
-- is the review. starts_us 0: not in force yet. ended_us 0: until ends_us.

CREATE TABLE access_requests (
  id TEXT PRIMARY KEY,
  user_name TEXT NOT NULL,
  target TEXT NOT NULL,
  offer TEXT NOT NULL,
  tables TEXT NOT NULL,
  verbs TEXT NOT NULL,
  seconds BIGINT NOT NULL,
  reason TEXT NOT NULL,
  ticket TEXT NOT NULL,
  break_glass BIGINT NOT NULL,
  approval TEXT NOT NULL,
  starts_us BIGINT NOT NULL,
  ends_us BIGINT NOT NULL,
  ended_us BIGINT NOT NULL,
  end_reason TEXT NOT NULL,
  ended_by TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  updated_us BIGINT NOT NULL,
  revision BIGINT NOT NULL
);
CREATE INDEX access_requests_user ON access_requests (user_name);
CREATE INDEX access_requests_approval ON access_requests (approval);
CREATE INDEX access_requests_open ON access_requests (ended_us, ends_us);
