#pragma once
#include <memory>
#include <string_view>

#include "gateway/ports/plan_source.h"

namespace dbgate::adapters {

/// Over libpq: one connection for each question.
std::unique_ptr<ports::PlanSource> make_pg_plan_source();

/// How many rows a plan of EXPLAIN (FORMAT JSON) means to change, or else to return; nothing: it is none.
Result<double> rows_of_plan(std::string_view json);

}  // namespace dbgate::adapters
