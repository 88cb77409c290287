#pragma once
#include <string>
#include <string_view>

#include "gateway/session/judge.h"

// Whole messages that dbgate sends in its own voice.
namespace dbgate::session {

/// An ErrorResponse; severity ERROR, or FATAL if the refusal is.
std::string error_response(const Refusal& refusal);
/// A NoticeResponse of the same members; severity NOTICE.
std::string notice_response(const Refusal& words);
std::string fatal_response(SqlState code, std::string_view message, std::string_view hint = {});
std::string ready_for_query(char status);

/// Flush, to the server: asks for the replies that it keeps (PostgreSQL docs ch. 55.2.3).
const std::string& flush_message();

/// Messages to the server that fail without any effect: text that no PostgreSQL can parse. The Parse names a statement
/// of its own, unless it stands for a refused Parse of the unnamed statement, which drops the one before (PostgreSQL
/// docs ch. 55.2.3).
const std::string& failing_query();
const std::string& failing_parse(bool unnamed);

/// What PostgreSQL says of a prepared statement that does not exist.
Refusal unknown_statement(std::string_view name);
/// What a name stands for is not what it would be now: clients that see this prepare the statement again.
Refusal outdated_statement();
Refusal changed_result();
/// The audit log did not take the record. @param why  with a hint: what clients may know of it
Refusal audit_refusal(const Error& why = {});

/// The judgement of what is beyond a limit of dbgate's own. @param script null: the text was not read
Judged over_limit(Refusal refusal, std::shared_ptr<const sql::Script> script, std::string_view rule = "builtin/limit");

/// What was allowed is refused after all.
void refuse(Judged& judged, Refusal refusal);

/// A denial says under which id it stands in the audit log; PostgreSQL's own errors stay as they are.
Refusal with_request_id(Refusal refusal, std::string_view query_id);

/// Whether judging a script depends on what other names stand for (EXECUTE, FETCH).
bool names_others(const sql::Script& script);

}  // namespace dbgate::session
