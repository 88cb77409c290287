#include "gateway/base/error.h"

#include <boost/assert/source_location.hpp>
#include <stdexcept>

namespace dbgate {

void throw_exception_from_error(const Error& error, const boost::source_location& /*location*/) {
  throw std::runtime_error(std::string(error.code().text()) + ": " + error.message());
}

}  // namespace dbgate
