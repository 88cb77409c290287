#pragma once
#include "cli/table/verb.h"

namespace dbgate::cli {

Verb audit_export_verb();

}  // namespace dbgate::cli
