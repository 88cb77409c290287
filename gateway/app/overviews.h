#pragma once
#include "gateway/app/worker.h"

namespace dbgate::app {

/// All there is to show of this process, asked for on the thread of `home`. Of workers that do not answer within 2 s,
/// what they would have said is missing.
Task<show::Overview> collect_overview(Shared& shared, boost::asio::io_context& home);

/// Keeps the totals of targets if a period of statistics is over.
void end_stats_period(Shared& shared);

/// What SHOW CONFIG says of a configuration: nothing that is secret, no file and nobody's name.
std::vector<show::Setting> settings_of(const config::Config& config);

}  // namespace dbgate::app
