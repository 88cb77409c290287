#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "gateway/adapters/store/sql_database.h"

namespace dbgate::adapters::store {

/// A database file of SQLite in WAL mode; made with mode 0600 if it is not there. One connection writes, some read,
/// each signal has one of its own and looks every 250 ms for what other processes have committed. Errors: 08006, with
/// the reason in the message.
Result<std::unique_ptr<SqlDatabase>> open_sqlite(const std::string& path, std::chrono::milliseconds timeout);

}  // namespace dbgate::adapters::store
