#pragma once
#include <initializer_list>

#include "gateway/sql/facts.h"

// What footprints and residues ask of effects and settings alike.
namespace dbgate::policy {

constexpr std::uint32_t first_of_users = 16384;  ///< FirstNormalObjectId: smaller OIDs came with the server

inline sql::EffectSet effects(std::initializer_list<sql::Effect> list) {
  sql::EffectSet set;
  for (const sql::Effect effect : list)
    set.set(static_cast<std::size_t>(effect));
  return set;
}

inline bool only(const sql::EffectSet& some, const sql::EffectSet& allowed) {
  return (some & ~allowed).none();
}

inline bool changes(const sql::SettingUse& use) {
  return use.action != sql::SettingAction::show && use.action != sql::SettingAction::show_all;
}

}  // namespace dbgate::policy
