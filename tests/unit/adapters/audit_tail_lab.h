#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/adapters/file_audit.h"
#include "gateway/audit/json.h"
#include "gateway/audit/log_reader.h"
#include "gateway/audit/tail.h"
#include "gateway/audit/verify.h"
#include "tests/support/temp_directory.h"

// A log whose chain w0 accepts records in its tail.
namespace dbgate::adapters {

using ports::AuditChain;
using ports::AuditLog;
using ports::Pace;
using tests::read_file;
using tests::write_file;

inline std::vector<std::string> lines_of(const std::string& path) {
  return audit::read_tail(path, "w0").lines;
}

class AuditTailTest : public testing::Test {
 protected:
  std::unique_ptr<AuditLog> open() {
    auto log = open_file_audit(options_);
    EXPECT_TRUE(log) << log.error().message();
    return log ? std::move(*log) : nullptr;
  }
  static std::unique_ptr<AuditChain> chain(AuditLog& log, Pace pace = Pace::steady) {
    auto opened = log.open_chain("w0", pace);
    EXPECT_TRUE(opened);
    return opened ? std::move(*opened) : nullptr;
  }
  static void write(AuditChain& chain, std::string_view text) {
    std::string fields;
    audit::append_field(fields, "text", text);
    EXPECT_TRUE(chain.append("e", fields));
    EXPECT_TRUE(chain.commit());
  }
  std::string segment(int number) const {
    return directory_.file("audit-w0-00000" + std::to_string(number) + ".jsonl");
  }
  // What a process leaves that is killed: its files as they are now.
  void crash(std::unique_ptr<AuditChain>& chain) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      if (entry.is_regular_file()) files[entry.path()] = read_file(entry.path());
    }
    chain.reset();
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      if (entry.is_regular_file() && !files.contains(entry.path())) std::filesystem::remove(entry.path());
    }
    for (const auto& [path, content] : files)
      write_file(path, content);
  }
  std::vector<std::string> problems() const { return audit::verify_directory(directory_.path()).problems; }
  std::uint64_t records() const { return audit::verify_directory(directory_.path()).records; }
  // What a reader of the log sees of the texts that were written.
  std::vector<std::string> texts() const {
    audit::LogReader reader(directory_.path());
    return texts_of(reader);
  }
  static std::vector<std::string> texts_of(audit::LogReader& reader) {
    std::vector<std::string> texts;
    reader.more([&](const std::string& line) {
      constexpr std::string_view key = "\"text\":\"";
      const std::size_t at = line.find(key);
      if (at == std::string::npos) return texts.push_back("-");
      const std::size_t start = at + key.size();
      texts.push_back(line.substr(start, line.find('"', start) - start));
    });
    return texts;
  }

  tests::TempDirectory directory_;
  const std::string tail_ = directory_.file("audit-w0.tail");
  FileAuditOptions options_{.directory = directory_.path()};
};

}  // namespace dbgate::adapters
