-- What waits for a second person, and what approvers have said of it. The state is as it was last written: whether the
-- time of a pending or approved one is over, the clock says.

CREATE TABLE approvals (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  requester TEXT NOT NULL,
  target TEXT NOT NULL,
  database_name TEXT NOT NULL,
  session TEXT NOT NULL,
  gateway TEXT NOT NULL,
  policy_rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  ticket TEXT NOT NULL,
  rule_groups TEXT NOT NULL,
  rule_users TEXT NOT NULL,
  needed BIGINT NOT NULL,
  decide_by_us BIGINT NOT NULL,
  good_for_us BIGINT NOT NULL,
  good_until_us BIGINT NOT NULL,
  once BIGINT NOT NULL,
  digest TEXT NOT NULL,
  sealed_body TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  updated_us BIGINT NOT NULL,
  revision BIGINT NOT NULL
);
CREATE INDEX approvals_requester ON approvals (requester, digest);
CREATE INDEX approvals_state ON approvals (state, id);

CREATE TABLE approval_votes (
  approval TEXT NOT NULL,
  voter TEXT NOT NULL,
  yes BIGINT NOT NULL,
  reason TEXT NOT NULL,
  ticket TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  PRIMARY KEY (approval, voter)
);
