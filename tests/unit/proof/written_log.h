#pragma once
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "gateway/audit/chain.h"
#include "gateway/audit/verify.h"
#include "gateway/base/ids.h"
#include "gateway/proof/merkle.h"

namespace dbgate::proof {

inline std::string read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

inline void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

/// The directory of an audit log, with chains as a gateway writes them. It goes with the object.
class WrittenLog {
 public:
  WrittenLog() : directory_(std::filesystem::temp_directory_path() / make_id("log_")) {
    std::filesystem::create_directory(directory_);
  }
  ~WrittenLog() { std::filesystem::remove_all(directory_); }
  WrittenLog(const WrittenLog&) = delete;
  WrittenLog& operator=(const WrittenLog&) = delete;

  std::string directory() const { return directory_.string(); }
  /// Adds records to the last segment of a chain. @return their hashes
  std::vector<TreeHash> add(const std::string& name, int count) {
    std::vector<TreeHash> hashes;
    for (int i = 0; i < count; ++i)
      hashes.push_back(append(name, "admin.change", ",\"object\":\"" + std::to_string(i) + "\""));
    return hashes;
  }
  TreeHash append(const std::string& name, const std::string& event, const std::string& fields) {
    Written& chain = written(name);
    std::string line;
    chain.chain.seal(line, event, fields);
    std::ofstream(segment(name), std::ios::binary | std::ios::app) << line;
    TreeHash hash{};
    read_hex(chain.chain.hash(), hash);
    return hash;
  }
  void turn(const std::string& name) {
    ++written(name).segment;
    write_file(segment(name), "");
  }
  /// The last one of a chain.
  std::string segment(const std::string& name) { return audit::segment_path(directory(), name, written(name).segment); }

 private:
  struct Written {
    explicit Written(const std::string& name) : chain(name) {}
    audit::Chain chain;
    std::uint64_t segment = 1;
  };
  Written& written(const std::string& name) {
    std::unique_ptr<Written>& chain = chains_[name];
    if (!chain) chain = std::make_unique<Written>(name);
    return *chain;
  }

  std::filesystem::path directory_;
  std::map<std::string, std::unique_ptr<Written>> chains_;
};

}  // namespace dbgate::proof
