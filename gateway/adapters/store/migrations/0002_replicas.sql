-- The gateways on one store: who is there, what they say to each other (rows live for moments), secrets they share.

CREATE TABLE replicas (
  id TEXT PRIMARY KEY,
  beats BIGINT NOT NULL,
  state TEXT NOT NULL
);

CREATE TABLE replica_messages (
  id TEXT PRIMARY KEY,
  recipient TEXT NOT NULL,
  sealed_body TEXT NOT NULL
);
CREATE INDEX replica_messages_recipient ON replica_messages (recipient, id);

CREATE TABLE shared_secrets (
  name TEXT PRIMARY KEY,
  sealed_value TEXT NOT NULL
);
