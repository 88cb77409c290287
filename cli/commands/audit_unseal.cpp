#include "cli/commands/audit_unseal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include "cli/commands/audit_filters.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"
#include "gateway/audit/envelope.h"
#include "gateway/audit/sealed_segment.h"

// A copy of a log in which everything can be read: what other verbs do with a log they do with that.
namespace dbgate::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

audit::OpeningKey key_of(const Call& call) {
  if (!call.has("private-key"))
    throw Problem{Exit::usage, "what was sealed takes a private key", "add --private-key FILE"};
  const std::string path = call.text("private-key");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Problem{Exit::not_found, "cannot read " + path, "name the file of the private key"};
  std::ostringstream pem;
  pem << file.rdbuf();
  auto key = audit::OpeningKey::read(pem.str(), [&call] {
    return ask_secret(call.options, "Passphrase of the private key: ", "decrypt it first with `openssl pkey`");
  });
  if (!key)
    throw Problem{Exit::usage, path + " " + key.error().message(), "a certificate is not enough: it takes the key"};
  return *key;
}

void make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return;
  const bool there = errno == EEXIST;
  throw Problem{there ? Exit::usage : Exit::failure,
                there ? path + " is there already" : "cannot create " + path + ": " + std::strerror(errno),
                "name a directory that is to be made"};
}

// The log may be written to meanwhile, and what is sealed meanwhile goes.
void copy_over(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  fs::copy_file(from, to, failed);
  if (!failed || failed == std::errc::no_such_file_or_directory) return;
  throw Problem{Exit::failure, "cannot copy " + from.string() + ": " + failed.message(),
                "is there room, and may you write there?"};
}

// All that is not sealed. What says how far the log is, and tails, before the segments: these are then as far at least.
void copy_rest(const std::string& from, const std::string& to) {
  std::error_code failed;
  for (const bool segments : {false, true})
    for (const auto& entry : fs::directory_iterator(from, failed)) {
      const std::string name = entry.path().filename().string();
      const bool segment = name.ends_with(".jsonl") || name.ends_with(".jsonl.zst");
      if (entry.is_regular_file() && segment == segments) copy_over(entry.path(), fs::path(to) / name);
    }
  for (const auto& entry : fs::directory_iterator(from + "/blobs", failed))
    if (entry.is_regular_file()) copy_over(entry.path(), fs::path(to) / "blobs" / entry.path().filename());
}

// What is decrypted is used when all of it is known to be what was sealed.
Result<> unseal(const audit::SealedFile& sealed, const audit::OpeningKey& key, const std::string& to) {
  const std::string opened = to + "/opened.zst";
  const int file = ::open(opened.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Error(sqlstate::io_error, "cannot create " + opened + ": " + std::strerror(errno));
  Result<> done = audit::open_sealed(sealed.path, key, file);
  ::close(file);
  if (done) done = audit::restore_segment(opened, to, sealed.chain, sealed.number);
  ::unlink(opened.c_str());
  return done;
}

int unseal_all(const Call& call) {
  const std::string from = call.text("DIRECTORY"), to = call.text("TO");
  require_directory(from);
  const audit::OpeningKey key = key_of(call);
  make_directory(to);
  make_directory(to + "/blobs");
  copy_rest(from, to);
  std::vector<std::string> problems;
  std::set<std::string> whole;
  std::size_t unsealed = 0;
  for (const audit::SealedFile& sealed : audit::list_sealed(from)) {
    const auto done = unseal(sealed, key, to);
    if (!done) {
      problems.push_back(done.error().message());
      continue;
    }
    ++unsealed;
    if (sealed.number == 1) whole.insert(sealed.chain);
  }
  // A chain that has its first record again begins there, and not behind what its note says.
  for (const std::string& chain : whole)
    ::unlink((to + "/audit-" + chain + ".removed").c_str());
  if (wants_json(call.options)) {
    print_json(json::object{{"unsealed", unsealed}, {"problems", json::value_from(problems)}});
  } else {
    std::cout << unsealed << (unsealed == 1 ? " segment" : " segments") << " unsealed\n";
    for (const std::string& problem : problems)
      std::cout << problem << '\n';
  }
  if (problems.empty()) return 0;
  throw Problem{Exit::failure, "not everything could be unsealed",
                "use the key of each time; `dbgate audit verify` says what was changed"};
}

}  // namespace

Verb audit_unseal_verb() {
  Verb verb{"audit unseal", "make a copy of a log in which sealed segments can be read, offline"};
  verb.arguments = {{"DIRECTORY", Kind::directory, "the gateway's audit directory, or a copy of it"},
                    {"TO", Kind::directory, "where to; it is made, with mode 0700"}};
  verb.flags = {option("--private-key", Kind::file, "FILE", "the private key of a recipient, in PEM")};
  verb.description =
      "What audit.encryption has sealed, and everything else of the log, as if it had never been sealed: verify, "
      "search, export, replay and the others read the copy. verify proves that what was unsealed are the records that "
      "were signed. Where keys have changed, those that this key does not open are named, and the status is 1.";
  verb.examples = {{"dbgate audit unseal /var/lib/dbgate/audit clear/ --private-key auditor.key", "to look into it"},
                   {"dbgate audit verify clear/ --key audit-signing-key.pub", "is it what was recorded?"}};
  verb.exits = {3};
  verb.run = unseal_all;
  return verb;
}

}  // namespace dbgate::cli
