#include "gateway/session/end_reason.h"

namespace dbgate::session {

std::string_view name_of(EndReason reason) {
  switch (reason) {
    case EndReason::terminated:
      return "terminated";
    case EndReason::client_gone:
      return "client gone";
    case EndReason::server_gone:
      return "server gone";
    case EndReason::protocol_error:
      return "protocol error";
    case EndReason::audit_failed:
      return "audit failed";
    case EndReason::limit:
      return "limit";
    case EndReason::ended_by_operator:
      return "ended by operator";
    case EndReason::ended_by_administrator:
      return "ended by administrator";
    case EndReason::credential_ended:
      return "credential ended";
    case EndReason::user_gone:
      return "user disabled";
    case EndReason::access_revoked:
      return "access revoked";
    case EndReason::denied:
      return "denied";
    case EndReason::listener_lost:
      return "listener lost";
    case EndReason::notifications_unread:
      return "notifications unread";
  }
  return "unknown";
}

}  // namespace dbgate::session
