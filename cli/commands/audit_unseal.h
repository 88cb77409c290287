#pragma once
#include "cli/table/verb.h"

namespace dbgate::cli {

/// `dbgate audit unseal`.
Verb audit_unseal_verb();

}  // namespace dbgate::cli
