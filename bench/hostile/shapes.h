#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace dbgate::bench {

/// A statement made to be expensive.
struct HostileShape {
  std::string name;
  std::function<std::string()> text;
};

/// What people send who want to stop a gateway, each as large as the default limits let it be, divided by `scale`.
std::vector<HostileShape> hostile_shapes(std::size_t scale);

}  // namespace dbgate::bench
