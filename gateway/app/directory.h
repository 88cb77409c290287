#pragma once
#include "config/extension.h"
#include "gateway/app/snapshot.h"
#include "gateway/ports/store_records.h"

// The identity store's directory in the configuration's words.
namespace dbgate::app {

/// Users that are not active are left out, with all that is theirs.
config::Extension extension_of(const ports::store::Directory& directory);

/// The file with what the store adds to it; problems go to the log. The version names both, and stays the same while
/// only credentials change. @param directory  null: the file alone
config::Config composed(const config::Config& file, const ports::store::Directory* directory,
                        const std::string& config_directory);

/// The snapshot for both. Policies of the store that cannot be used take all rights away: a deny rule among them must
/// not be lost. Errors: what is wrong with the file.
Result<std::shared_ptr<Snapshot>> snapshot_of(const config::Config& file, const ports::store::Directory* directory,
                                              const std::string& config_directory, const Snapshot* previous);

}  // namespace dbgate::app
