#include "gateway/app/rotate_keys.h"

#include <ostream>

#include "config/loader.h"
#include "gateway/adapters/store/open_store.h"

namespace dbgate::app {

int rotate_keys(const std::string& config_path, std::ostream& out, std::ostream& errors) {
  const config::Loaded loaded = config::load_file(config_path);
  for (const config::Problem& problem : loaded.problems)
    errors << problem.line_text() << '\n';
  if (!loaded.config) return 1;
  const auto rotated = adapters::store::rotate_keys(*loaded.config);
  if (!rotated) {
    const Error why = rotated.error();
    errors << "dbgate-gateway: " << why.message() << '\n';
    if (!why.hint().empty()) errors << "  hint: " << why.hint() << '\n';
    return 1;
  }
  const auto& keys = loaded.config->encryption_keys;
  const std::string first = keys.empty() ? "its own key" : "key \"" + keys.front().id + "\"";
  out << *rotated << (*rotated == 1 ? " secret" : " secrets") << " wrapped with " << first << '\n';
  return 0;
}

}  // namespace dbgate::app
