-- The identity store. One text for SQLite and PostgreSQL: types TEXT and BIGINT only, nothing is NULL ('' and 0 stand for
-- "none"), times are microseconds since 1970 UTC, lists and maps are JSON, bytes are base64, columns named sealed_… hold
-- what gateway/identity/sealing makes. What belongs to a user names it, since users of the configuration file have no row.

CREATE TABLE directory (
  one BIGINT PRIMARY KEY CHECK (one = 1),
  generation BIGINT NOT NULL
);
INSERT INTO directory (one, generation) VALUES (1, 1);

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  display_name TEXT NOT NULL,
  email TEXT NOT NULL,
  wire_login TEXT NOT NULL,
  attributes TEXT NOT NULL,
  source TEXT NOT NULL,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  updated_us BIGINT NOT NULL,
  revision BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_subject ON users (issuer, subject) WHERE subject <> '';

CREATE TABLE sign_ins (
  user_name TEXT PRIMARY KEY,
  password_hash TEXT NOT NULL DEFAULT '',
  must_change_password BIGINT NOT NULL DEFAULT 0,
  password_changed_us BIGINT NOT NULL DEFAULT 0,
  sealed_totp TEXT NOT NULL DEFAULT '',
  totp_confirmed_us BIGINT NOT NULL DEFAULT 0,
  totp_last_step BIGINT NOT NULL DEFAULT 0,
  scram_salt TEXT NOT NULL DEFAULT '',
  scram_iterations BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE recovery_codes (
  user_name TEXT NOT NULL,
  hash TEXT NOT NULL,
  used_us BIGINT NOT NULL,
  PRIMARY KEY (user_name, hash)
);

CREATE TABLE certificate_names (
  value TEXT PRIMARY KEY,
  user_name TEXT NOT NULL,
  created_us BIGINT NOT NULL
);
CREATE INDEX certificate_names_user ON certificate_names (user_name);

CREATE TABLE groups (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  updated_us BIGINT NOT NULL,
  revision BIGINT NOT NULL
);

CREATE TABLE memberships (
  group_name TEXT NOT NULL,
  user_name TEXT NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (group_name, user_name, source)
);
CREATE INDEX memberships_user ON memberships (user_name);

CREATE TABLE roles (
  subject_kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  role TEXT NOT NULL,
  PRIMARY KEY (subject_kind, subject, role)
);

CREATE TABLE database_passwords (
  id TEXT PRIMARY KEY,
  user_name TEXT NOT NULL,
  name TEXT NOT NULL,
  target TEXT NOT NULL,
  stored_key TEXT NOT NULL,
  server_key TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  expires_us BIGINT NOT NULL,
  last_used_us BIGINT NOT NULL,
  revoked_us BIGINT NOT NULL
);
CREATE UNIQUE INDEX database_passwords_name ON database_passwords (user_name, name) WHERE revoked_us = 0;

CREATE TABLE access_keys (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  user_name TEXT NOT NULL,
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  expires_us BIGINT NOT NULL,
  last_used_us BIGINT NOT NULL,
  revoked_us BIGINT NOT NULL
);
CREATE UNIQUE INDEX access_keys_name ON access_keys (user_name, kind, name) WHERE revoked_us = 0;

CREATE TABLE logins (
  id TEXT PRIMARY KEY,
  user_name TEXT NOT NULL,
  method TEXT NOT NULL,
  client TEXT NOT NULL,
  address TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  last_used_us BIGINT NOT NULL,
  expires_us BIGINT NOT NULL,
  ended_us BIGINT NOT NULL,
  end_reason TEXT NOT NULL,
  ended_by TEXT NOT NULL
);
CREATE INDEX logins_user ON logins (user_name, created_us, id);
CREATE INDEX logins_created ON logins (created_us, id);

CREATE TABLE refresh_tokens (
  hash TEXT PRIMARY KEY,
  login TEXT NOT NULL REFERENCES logins (id) ON DELETE CASCADE,
  issued_us BIGINT NOT NULL,
  used_us BIGINT NOT NULL,
  expires_us BIGINT NOT NULL
);
CREATE INDEX refresh_tokens_login ON refresh_tokens (login);

-- What ended lately, also of users that are gone: their access tokens live on for minutes.
CREATE TABLE ended_credentials (
  credential TEXT PRIMARY KEY,
  user_name TEXT NOT NULL,
  ended_us BIGINT NOT NULL,
  reason TEXT NOT NULL,
  ended_by TEXT NOT NULL
);
CREATE INDEX ended_credentials_time ON ended_credentials (ended_us);

CREATE TABLE revoked_tokens (
  jti TEXT PRIMARY KEY,
  expires_us BIGINT NOT NULL
);

CREATE TABLE signing_keys (
  kid TEXT PRIMARY KEY,
  sealed_private TEXT NOT NULL,
  public_pem TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  retired_us BIGINT NOT NULL
);

CREATE TABLE pending_logins (
  kind TEXT NOT NULL,
  hash TEXT NOT NULL,
  sealed_data TEXT NOT NULL,
  expires_us BIGINT NOT NULL,
  PRIMARY KEY (kind, hash)
);

CREATE TABLE failures (
  key TEXT PRIMARY KEY,
  started_us BIGINT NOT NULL,
  forget_us BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  locked_until_us BIGINT NOT NULL
);

CREATE TABLE targets (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  settings TEXT NOT NULL,
  sealed_password TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  updated_us BIGINT NOT NULL,
  revision BIGINT NOT NULL
);

CREATE TABLE policy_versions (
  number BIGINT PRIMARY KEY,
  text TEXT NOT NULL,
  comment TEXT NOT NULL,
  author TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  active BIGINT NOT NULL
);
CREATE UNIQUE INDEX policy_versions_active ON policy_versions (active) WHERE active = 1;

CREATE TABLE saved_queries (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  target TEXT NOT NULL,
  text TEXT NOT NULL,
  description TEXT NOT NULL,
  shared BIGINT NOT NULL,
  created_us BIGINT NOT NULL,
  updated_us BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  UNIQUE (owner, name)
);

CREATE TABLE invitations (
  id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL,
  groups TEXT NOT NULL,
  roles TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  expires_us BIGINT NOT NULL,
  used_us BIGINT NOT NULL,
  used_by TEXT NOT NULL,
  revoked_us BIGINT NOT NULL
);

CREATE TABLE requests (
  user_name TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  finished BIGINT NOT NULL,
  status BIGINT NOT NULL,
  sealed_body TEXT NOT NULL,
  expires_us BIGINT NOT NULL,
  PRIMARY KEY (user_name, key)
);
