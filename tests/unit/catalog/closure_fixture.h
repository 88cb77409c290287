#pragma once
#include <gtest/gtest.h>

#include <set>

#include "gateway/catalog/closure.h"
#include "tests/unit/catalog/hand_made.h"
#include "tests/unit/sql/facts_text.h"

namespace dbgate::catalog {

using sql::Effect;

inline Touch touch(Oid relation, std::vector<Effect> effects, std::vector<std::string> reads = {},
                   std::vector<std::string> writes = {}) {
  Touch made;
  made.relation = relation;
  for (const Effect effect : effects)
    made.effects.set(static_cast<std::size_t>(effect));
  made.reads.names = std::move(reads);
  made.writes.names = std::move(writes);
  return made;
}

inline std::string use_text(const Snapshot& snapshot, const Reach& reach) {
  std::set<std::string> parts;
  for (const Reach::OfRelation& of : reach.relations) {
    parts.insert(std::string(snapshot.relation(of.touch.relation)->name) + "[" + sql::effects_text(of.touch.effects) +
                 "](" + sql::columns_text(of.touch.reads) + ";" + sql::columns_text(of.touch.writes) + ")" +
                 (of.touch.check ? "check" : ""));
  }
  for (const Reach::OfFunction& of : reach.functions)
    parts.insert(std::string(snapshot.function(of.function)->name) + "()");
  for (const Reach::Opaque& of : reach.opaque)
    parts.insert("opaque: " + of.why);
  std::string text;
  for (const std::string& part : parts)
    text += (text.empty() ? "" : " ") + part;
  return text;
}

class ClosureTest : public testing::Test {
 protected:
  const Closure& closure() {
    if (!closure_) closure_ = std::make_unique<Closure>(db.build());
    return *closure_;
  }
  Reach reach(const Touch& start, std::string_view path = "shop") {
    return closure().of({&start, 1}, {}, {}, SearchPath{read_search_path(path), "boss"});
  }
  std::string text(const Touch& start, std::string_view path = "shop") {
    return use_text(closure().snapshot(), reach(start, path));
  }
  std::string call_text(Oid function, std::string_view path = "shop") {
    const Call call{function};
    return use_text(closure().snapshot(), closure().of({}, {&call, 1}, {}, SearchPath{read_search_path(path), "boss"}));
  }
  std::string way_to(const Reach& reach, Oid relation) {
    for (const Reach::OfRelation& of : reach.relations) {
      if (of.touch.relation == relation) return path_text(closure().snapshot(), reach, of.step);
    }
    return "none";
  }

  HandMade db;

 private:
  std::unique_ptr<Closure> closure_;
};

}  // namespace dbgate::catalog
