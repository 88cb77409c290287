#pragma once
#include <string>
#include <string_view>

#include "gateway/ports/events.h"
#include "gateway/ports/store_records.h"

namespace dbgate::app {

/// The members of records about rights for a time: which, whose, on what.
std::string fields_of_access(const ports::store::AccessRequest& request);
/// The event for those who watch: the holder, those who decide on it, auditors.
/// @param event  access.granted or access.ended
ports::Event event_of_access(std::string_view event, const ports::store::AccessRequest& request);

}  // namespace dbgate::app
