#include "gateway/app/inheritance.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cstdlib>
#include <utility>

namespace dbgate::app {
namespace {

namespace json = boost::json;

constexpr const char* handover_variable = "DBGATE_HANDOVER";
constexpr int first_of_systemd = 3;  // SD_LISTEN_FDS_START

// FileDescriptorName= of systemd.socket(5), and what the gateway calls the same.
const std::map<std::string_view, const char*> names_of_systemd = {
    {"pg", "pg"}, {"https", "https"}, {"ops", "ops"}, {"pg.socket", "pg.socket"}};

std::string taken_from_environment(const char* name) {
  const char* const value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

long number_of(const std::string& text) {
  long number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool is_open(int descriptor) {
  return descriptor >= 0 && ::fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0;
}

Error unreadable(const char* variable) {
  return Error(sqlstate::invalid_parameter_value,
               std::string(variable) + " of the environment is not as another process would have set it",
               "Start the gateway without it; only a handover and systemd set it.");
}

}  // namespace

Inheritance::~Inheritance() {
  for (const auto& [name, descriptor] : sockets_)
    ::close(descriptor);
  if (succession_.link >= 0) ::close(succession_.link);
  if (succession_.lock >= 0) ::close(succession_.lock);
}

Inheritance::Inheritance(Inheritance&& other) noexcept
    : succession_(std::exchange(other.succession_, {})),
      sockets_(std::exchange(other.sockets_, {})),
      handed_over_(other.handed_over_),
      systemd_(other.systemd_) {}

std::string Inheritance::environment(const Succession& succession, const Sockets& sockets) {
  json::object said;
  said["link"] = succession.link;
  said["lock"] = succession.lock;
  said["older"] = succession.older;
  said["generations"] = json::array(succession.generations.begin(), succession.generations.end());
  json::object& listening = said["sockets"].emplace_object();
  for (const auto& [name, descriptor] : sockets)
    listening[name] = descriptor;
  return std::string(handover_variable) + "=" + json::serialize(said);
}

Result<Inheritance> Inheritance::take() {
  Inheritance inheritance;
  const std::string handover = taken_from_environment(handover_variable);
  const std::string pid = taken_from_environment("LISTEN_PID");
  const std::string count = taken_from_environment("LISTEN_FDS");
  const std::string names = taken_from_environment("LISTEN_FDNAMES");
  if (!handover.empty()) {
    inheritance.handed_over_ = true;
    boost::system::error_code failed;
    const json::value said = json::parse(handover, failed);
    if (failed) return unreadable(handover_variable);
    try {
      Succession& succession = inheritance.succession_;
      succession.link = said.at("link").to_number<int>();
      succession.lock = said.at("lock").to_number<int>();
      succession.older = said.at("older").to_number<std::size_t>();
      for (const json::value& one : said.at("generations").as_array())
        succession.generations.push_back(one.to_number<unsigned>());
      for (const auto& [name, descriptor] : said.at("sockets").as_object())
        inheritance.sockets_[name] = descriptor.to_number<int>();
    } catch (const std::exception&) {
      return unreadable(handover_variable);
    }
    const bool all_open =
        is_open(inheritance.succession_.link) && is_open(inheritance.succession_.lock) &&
        std::ranges::all_of(inheritance.sockets_, [](const auto& one) { return is_open(one.second); });
    if (!all_open) return unreadable(handover_variable);
  } else if (number_of(pid) == ::getpid()) {
    inheritance.systemd_ = true;
    std::size_t at = 0;
    for (int i = 0; i < number_of(count); ++i) {
      const std::size_t end = std::min(names.find(':', at), names.size());
      const auto known = names_of_systemd.find(std::string_view(names).substr(std::min(at, names.size()), end - at));
      at = end + 1;
      const int descriptor = first_of_systemd + i;
      if (!is_open(descriptor)) return unreadable("LISTEN_FDS");
      if (known == names_of_systemd.end()) {
        return Error(sqlstate::invalid_parameter_value, "systemd has left a socket of a name that nothing here has",
                     "FileDescriptorName= is one of pg, pg.socket, https, ops.");
      }
      inheritance.sockets_[known->second] = descriptor;
    }
  }
  return inheritance;
}

unsigned Inheritance::free_generation() const {
  unsigned generation = 0;
  while (std::ranges::count(succession_.generations, generation) > 0)
    ++generation;
  return generation;
}

int Inheritance::take_link() noexcept {
  return std::exchange(succession_.link, -1);
}

int Inheritance::take_lock() noexcept {
  return std::exchange(succession_.lock, -1);
}

int Inheritance::take_socket(const std::string& name, const net::ListenAddress& where) {
  const auto found = sockets_.find(name);
  if (found == sockets_.end()) return -1;
  if (!systemd_ && !net::listens_at(found->second, where)) return -1;
  const int descriptor = found->second;
  sockets_.erase(found);
  return descriptor;
}

}  // namespace dbgate::app
