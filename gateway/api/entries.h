#pragma once
#include "gateway/api/services.h"

// Who comes in, who is in, what was done, and what people keep: invitations, registrations, logins, sessions, history,
// audit records, saved queries (entries.yaml, history.yaml).
namespace dbgate::api {

Task<Response> list_invitations(Services& services, Request& request);
Task<Response> create_invitation(Services& services, Request& request);
Task<Response> revoke_invitation(Services& services, Request& request);
Task<Response> enroll(Services& services, Request& request);
Task<Response> list_registrations(Services& services, Request& request);
Task<Response> approve_registration(Services& services, Request& request);
Task<Response> deny_registration(Services& services, Request& request);
Task<Response> list_logins(Services& services, Request& request);
Task<Response> end_login(Services& services, Request& request);

Task<Response> list_sessions(Services& services, Request& request);
Task<Response> show_session(Services& services, Request& request);
Task<Response> kill_session(Services& services, Request& request);

Task<Response> list_history(Services& services, Request& request);
Task<Response> show_statement(Services& services, Request& request);
Task<Response> list_receipts(Services& services, Request& request);
Task<Response> list_audit_records(Services& services, Request& request);
Task<Response> list_saved_queries(Services& services, Request& request);
Task<Response> create_saved_query(Services& services, Request& request);
Task<Response> show_saved_query(Services& services, Request& request);
Task<Response> change_saved_query(Services& services, Request& request);
Task<Response> remove_saved_query(Services& services, Request& request);

}  // namespace dbgate::api
