#pragma once
#include <string>

#include "protocol/postgres/frame.h"

namespace dbgate::session {

/// What people see of the server's errors whose rights are limited to columns: values, rows and names that they may not
/// know stand in messages, details and hints (threat model §10). SQLSTATE, severity and the server's routine stay; the
/// message stays where it speaks of the statement's text or the session and not of data; everything else becomes a fixed
/// text.
/// @param body of an ErrorResponse; may be the beginning only
/// @param rewritten  the server had another text than the frontend wrote: places in it mean nothing
std::string reduced_error(protocol::Bytes body, bool rewritten);
/// Whether a NoticeResponse may pass: those that functions raise may not. Same parameter.
bool notice_passes(protocol::Bytes body);

}  // namespace dbgate::session
