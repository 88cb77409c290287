#include <netdb.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <sstream>

#include "cli/api_client.h"
#include "cli/commands/commands.h"
#include "cli/files.h"
#include "cli/http/dial.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/settings.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr std::int64_t skew_warning = 5;
constexpr std::int64_t skew_failure = 60;
constexpr std::int64_t certificate_warning = 14 * 86400;

/// What was looked at so far.
class Findings {
 public:
  void add(const std::string& check, const std::string& result, const std::string& says, const std::string& fix = {}) {
    failed_ = failed_ || result == "fail";
    items_.push_back({{"check", check},
                      {"result", result},
                      {"detail", says},
                      {"fix", fix.empty() ? json::value(nullptr) : json::value(fix)}});
  }
  bool failed() const { return failed_; }

  void print(const Options& options) const {
    const std::string format = format_of(options);
    if ((format != "table" && format != "wide") || options.quiet) {
      print_listing(options, {{"check", "result", "detail", "fix"}, items_});
      return;
    }
    for (const json::value& item : items_) {
      const std::string result = text_at(item, "result");
      const Style style = result == "ok" ? Style::green : result == "warn" ? Style::yellow : Style::red;
      const std::string check = text_at(item, "check");
      std::cout << styled(result, style) << std::string(6 - result.size(), ' ') << check
                << std::string(13 - std::min<std::size_t>(12, check.size()), ' ') << text_at(item, "detail") << '\n';
      const std::string fix = text_at(item, "fix");
      if (!fix.empty()) std::cout << "      fix: " << fix << '\n';
    }
  }

 private:
  json::array items_;
  bool failed_ = false;
};

bool check_name(const GatewayUrl& url, Findings& findings) {
  const std::string proxy = proxy_for(url);
  std::string host = proxy.empty() ? url.host : proxy.substr(0, proxy.rfind(':'));
  if (host.starts_with("[")) host = host.substr(1, host.size() - 2);
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, nullptr, &found);
  if (failed != 0) {
    findings.add("dns", "fail", host + ": " + ::gai_strerror(failed), "check the URL and the name server");
    return false;
  }
  char address[NI_MAXHOST] = "";
  ::getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof address, nullptr, 0, NI_NUMERICHOST);
  ::freeaddrinfo(found);
  findings.add("dns", "ok", host + " is " + address + (proxy.empty() ? "" : " (proxy)"));
  return true;
}

bool check_tcp(const GatewayUrl& url, Findings& findings) {
  boost::asio::io_context context(1);
  std::string why;
  net::run_apart(context.get_executor(), [&]() -> Task<> {
    const auto dialled = co_await dial(context.get_executor(), url);
    if (!dialled) why = dialled.error().message();
  });
  context.run();
  const std::string place = url.host + ":" + std::to_string(url.port);
  if (!why.empty()) {
    findings.add("tcp", "fail", why, "is the gateway running, and does a firewall let " + place + " through?");
    return false;
  }
  findings.add("tcp", "ok", place);
  return true;
}

bool check_tls(const Options& options, const GatewayUrl& url, Findings& findings) {
  if (!url.tls) {
    findings.add("tls", "warn", "http on loopback", "use https");
    return true;
  }
  try {
    const HttpConnection connection(options, url);
    const std::int64_t left = connection.certificate_end() - static_cast<std::int64_t>(std::time(nullptr));
    const std::string ends = ", ends in " + std::to_string(left / 86400) + " days";
    const bool soon = left < certificate_warning;
    if (options.insecure) {
      findings.add("tls", "warn", "not verified: --insecure", "leave --insecure out");
    } else {
      findings.add("tls", soon ? "warn" : "ok", connection.tls_summary() + ends,
                   soon ? "the gateway's administrator renews its certificate" : "");
    }
    return true;
  } catch (const Problem& problem) {
    findings.add("tls", "fail", problem.cause,
                 "--ca-file with the authority that signed it, or the name that is in it");
    return false;
  }
}

void check_clock(const HttpAnswer& answer, Findings& findings) {
  const std::string date = answer.header("Date");
  tm there{};
  if (date.empty() || ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &there) == nullptr) {
    return findings.add("clock", "warn", "the gateway does not say what time it is");
  }
  const std::int64_t skew = static_cast<std::int64_t>(std::time(nullptr)) - static_cast<std::int64_t>(::timegm(&there));
  const std::string says = std::to_string(std::abs(skew)) + " s " + (skew < 0 ? "behind" : "ahead of") + " the gateway";
  const bool off = std::abs(skew) > skew_warning;
  findings.add("clock", std::abs(skew) > skew_failure ? "fail" : (off ? "warn" : "ok"), says,
               off ? "set this machine's clock (timedatectl set-ntp true)" : "");
}

void check_version(const HttpAnswer& answer, Findings& findings) {
  const std::string server = answer.header("Server");
  const std::string prefix = "dbgate/";
  if (!server.starts_with(prefix)) {
    return findings.add("version", "warn", "this is " DBGATE_VERSION "; the gateway does not say what it is");
  }
  const std::string there = server.substr(prefix.size());
  const bool same = there.substr(0, there.rfind('.')) ==
                    std::string(DBGATE_VERSION).substr(0, std::string(DBGATE_VERSION).rfind('.'));
  findings.add("version", same ? "ok" : "warn", "this is " DBGATE_VERSION ", the gateway is " + there,
               same ? "" : "install the version of the gateway");
}

void check_token(const Options& options, const GatewayUrl& url, Findings& findings) {
  HttpAnswer answer;
  std::string why;
  std::string hint;
  try {
    Api api(options, url);
    std::string token;
    try {
      token = token_for(options, url, std::chrono::seconds(30));
    } catch (const Problem& problem) {
      why = problem.cause;
      hint = problem.hint;
    }
    answer = api.probe(token);
  } catch (const Problem& problem) {
    return findings.add("token", "fail", problem.cause, problem.hint);
  }
  check_clock(answer, findings);
  check_version(answer, findings);
  if (!why.empty()) return findings.add("token", "fail", why, hint);
  if (answer.status != 200) return findings.add("token", "fail", "the gateway does not accept it", "dbgate login");
  boost::system::error_code failed;
  const json::value me = json::parse(answer.body, failed);
  findings.add("token", "ok", "signed in as " + (failed ? std::string("?") : text_at(me, "user.name")));
}

std::string path_of(const std::string& program) {
  if (program.find('/') != std::string::npos) return ::access(program.c_str(), X_OK) == 0 ? program : "";
  std::istringstream folders(environment("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string path = folder + "/" + program;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

int doctor(const Call& call) {
  Findings findings;
  try {
    load_settings();
    findings.add("settings", "ok",
                 settings_path() + (call.options.profile.empty() ? "" : ", profile " + call.options.profile));
    const GatewayUrl url = gateway_of(call.options);
    const bool reached =
        check_name(url, findings) && check_tcp(url, findings) && check_tls(call.options, url, findings);
    if (reached) check_token(call.options, url, findings);
  } catch (const Problem& problem) {
    findings.add("gateway", "fail", problem.cause, problem.hint);
  }
  const std::string psql = path_of(call.options.psql);
  findings.add("psql", psql.empty() ? "warn" : "ok", psql.empty() ? call.options.psql + " is not there" : psql,
               psql.empty() ? "install postgresql-client, or set DBGATE_PSQL" : "");
  findings.print(call.options);
  return findings.failed() ? static_cast<int>(Exit::failure) : 0;
}

}  // namespace

Verbs doctor_verbs() {
  Verb verb{"doctor", "look for what could be wrong: DNS, TCP, TLS, clock, token, versions, psql"};
  verb.description = "Each line is ok, warn or fail; what is not ok comes with a fix. Exits with 1 if anything failed.";
  verb.run = doctor;
  return {verb};
}

}  // namespace dbgate::cli
