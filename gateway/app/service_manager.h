#pragma once
#include <string_view>

namespace dbgate::app {

/// Says to whoever supervises this process what it is about, as sd_notify(3) does; nothing where nobody has asked for
/// it (NOTIFY_SOCKET).
void tell_service_manager(std::string_view state);
/// A reload begins; READY=1 ends it.
void tell_service_manager_of_reload();

}  // namespace dbgate::app
