#include "cli/commands/sign_in.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <thread>

#include "cli/files.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

bool is_otp(const std::string& code) {
  return code.size() == 6 && code.find_first_not_of("0123456789") == std::string::npos;
}

std::string user_of(const Call& call) {
  const std::string user = call.text("username", environment("USER"));
  if (user.empty()) throw Problem{Exit::usage, "no user name", "use --username"};
  return user;
}

std::int64_t number_at(const json::value& value, const char* name, std::int64_t otherwise) {
  const json::value* found = value.is_object() ? value.as_object().if_contains(name) : nullptr;
  return found != nullptr && found->is_int64() ? found->as_int64() : otherwise;
}

}  // namespace

bool has_display() {
  if (!environment("SSH_CONNECTION").empty() || !environment("SSH_TTY").empty()) return false;
  return !environment("DISPLAY").empty() || !environment("WAYLAND_DISPLAY").empty() || !environment("BROWSER").empty();
}

json::value sign_in_with_password(Api& api, const Call& call) {
  const std::string user = user_of(call);
  const bool piped = call.has("password-stdin");
  const std::string password =
      piped
          ? line_of_stdin()
          : ask_secret(call.options, "Password for " + user + " at " + api.url().text() + ": ", "use --password-stdin");
  json::object credentials{{"username", user}, {"password", password}};
  try {
    const Progress progress(call.options, "signing in");
    return api.login(credentials);
  } catch (const Problem& problem) {
    if (problem.code != "second_factor_required") throw;
  }
  const std::string code = piped ? line_of_stdin()
                                 : ask(call.options, "Code of your second factor, or a recovery code: ",
                                       "give the code as second line with --password-stdin");
  if (code.empty()) {
    throw Problem{Exit::not_authenticated, "the gateway asks for a second factor",
                  "give the code as second line with --password-stdin"};
  }
  credentials[is_otp(code) ? "otp" : "recovery_code"] = code;
  return api.login(credentials);
}

json::value sign_in_with_device(Api& api, const std::string& provider) {
  const json::value start = api.start_device(provider);
  const std::string place = text_at(start, "verification_uri");
  const std::string direct = text_at(start, "verification_uri_complete");
  std::cerr << "Open " << place << "\nand enter the code " << styled(text_at(start, "user_code"), Style::bold, 2)
            << '\n';
  if (!direct.empty()) std::cerr << "or open " << direct << '\n';
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(number_at(start, "expires_in", 600));
  std::chrono::seconds pause(std::clamp<std::int64_t>(number_at(start, "interval", 5), 1, 60));
  const Progress progress(api.options(), "waiting for you to sign in");
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(pause);
    try {
      return api.poll_device(text_at(start, "device_code"));
    } catch (const Problem& problem) {
      if (problem.code == "slow_down") pause += std::chrono::seconds(5);  // RFC 8628 §3.5
      const bool goes_on =
          problem.code == "slow_down" || problem.code == "authorization_pending" || problem.exit == Exit::unreachable;
      if (problem.code == "access_denied") {
        throw Problem{Exit::not_authenticated, "signing in was refused", "dbgate login", problem.request_id};
      }
      if (problem.code == "expired_token") break;
      if (!goes_on) throw;
    }
  }
  throw Problem{Exit::timed_out, "nobody signed in in time", "dbgate login --device"};
}

}  // namespace dbgate::cli
