#pragma once
#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "cli/options.h"

namespace dbgate::cli {

/// Prints results of statements in one of the formats.
class ResultWriter {
 public:
  virtual ~ResultWriter() = default;
  /// A result begins. @param meta  its message: columns with names and types
  virtual void begin(const boost::json::object& meta) = 0;
  /// Rows, as the line of the stream that brought them.
  virtual void rows(const std::string& line) = 0;
  /// There is no more of anything.
  virtual void end() = 0;
};

std::unique_ptr<ResultWriter> make_result_writer(const Options& options);

}  // namespace dbgate::cli
