#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace dbgate::catalog {

/// The schemas that names without one are looked up in, as the setting search_path lists them, and who "$user" is.
struct SearchPath {
  std::vector<std::string> schemas;
  std::string user;  ///< the account on the server
  friend bool operator==(const SearchPath&, const SearchPath&) = default;
};

/// Reads the value of the setting as the server does: names with commas between them, quoted where they need it.
/// Nothing of what the server refuses. Longer names than the server's are not cut.
std::vector<std::string> read_search_path(std::string_view value);

}  // namespace dbgate::catalog
