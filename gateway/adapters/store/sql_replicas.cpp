#include "gateway/adapters/store/sql_parts.h"
#include "gateway/base/log.h"

// What gateways on one store know of each other.
namespace dbgate::adapters::store {
namespace {

std::string body_place(std::string_view id) {
  return place("replica_messages.sealed_body", id);
}

std::string secret_place(std::string_view name) {
  return place("shared_secrets.sealed_value", name);
}

Replica read_replica(SqlRow& row) {
  Replica replica;
  replica.id = row.text();
  replica.beats = row.number();
  replica.state = row.text();
  return replica;
}

}  // namespace

Result<> SqlReplicas::say(std::string_view id, std::string_view state, bool wake) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(
        transaction.run("INSERT INTO replicas (id, beats, state) VALUES ($1, 1, $2) "
                        "ON CONFLICT (id) DO UPDATE SET beats = replicas.beats + 1, state = $2",
                        {id, state}));
    return wake ? transaction.announce(Channel::replicas) : done;
  });
}

Result<std::vector<Replica>> SqlReplicas::list() {
  DBGATE_TRY(SqlResult result, core_.database.query("SELECT id, beats, state FROM replicas ORDER BY id"));
  return read_all<Replica>(std::move(result), read_replica);
}

Result<> SqlReplicas::forget(std::string_view id, std::int64_t beats) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_TRY(
        const SqlResult gone,
        transaction.run("DELETE FROM replicas WHERE id = $1 AND (CAST($2 AS BIGINT) = 0 OR beats = $2)", {id, beats}));
    if (gone.changed == 0) return done;
    DBGATE_CHECK(transaction.run("DELETE FROM replica_messages WHERE recipient = $1", {id}));
    return transaction.announce(Channel::replicas);
  });
}

Result<> SqlReplicas::send(std::span<const ReplicaMessage> messages) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    for (const ReplicaMessage& message : messages) {
      const std::string sealed = core_.sealing.seal(message.body, body_place(message.id));
      DBGATE_CHECK(transaction.run("INSERT INTO replica_messages (id, recipient, sealed_body) VALUES ($1, $2, $3)",
                                   {message.id, message.recipient, sealed}));
    }
    return transaction.announce(Channel::replicas);
  });
}

Result<std::vector<ReplicaMessage>> SqlReplicas::take(std::string_view recipient) {
  // Mostly there is nothing, and reading is cheap.
  DBGATE_TRY(const SqlResult found,
             core_.database.query("SELECT 1 FROM replica_messages WHERE recipient = $1 LIMIT 1", {recipient}));
  std::vector<ReplicaMessage> messages;
  if (found.rows() == 0) return messages;
  SqlResult result;
  DBGATE_CHECK(core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_TRY(result, transaction.run("DELETE FROM replica_messages WHERE recipient = $1 RETURNING id, sealed_body",
                                       {recipient}));
    return done;
  }));
  for (std::size_t i = 0; i < result.rows(); ++i) {
    SqlRow row = result.row(i);
    ReplicaMessage message;
    message.id = row.text();
    message.recipient = recipient;
    auto body = core_.sealing.open(row.text(), body_place(message.id));
    if (!body) {
      log::error("store", "a message of another gateway cannot be opened: have all of them the same encryption keys?");
      continue;
    }
    message.body = std::move(*body);
    messages.push_back(std::move(message));
  }
  return messages;
}

Result<> SqlReplicas::withdraw(std::span<const ReplicaMessage> messages) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    for (const ReplicaMessage& message : messages)
      DBGATE_CHECK(transaction.run("DELETE FROM replica_messages WHERE id = $1", {message.id}));
    return done;
  });
}

Result<std::string> SqlReplicas::secret(std::string_view name, std::string_view candidate) {
  const std::string sealed = core_.sealing.seal(candidate, secret_place(name));
  return core_.write<std::string>([&](SqlTransaction& transaction) -> Result<std::string> {
    DBGATE_CHECK(
        transaction.run("INSERT INTO shared_secrets (name, sealed_value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                        {name, sealed}));
    DBGATE_TRY(SqlResult result, transaction.run("SELECT sealed_value FROM shared_secrets WHERE name = $1", {name}));
    return core_.sealing.open(result.row(0).text(), secret_place(name));
  });
}

Result<std::unique_ptr<StoreSignal>> SqlReplicas::signal() {
  return signal_of(core_.database, Channel::replicas);
}

}  // namespace dbgate::adapters::store
