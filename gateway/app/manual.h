#pragma once
#include <CLI/App.hpp>
#include <string>

namespace dbgate::app {

/// The manual page dbgate-gateway.8 (man(7) macros), made of the table that --help is made of.
std::string manual_page(const CLI::App& table, const std::string& version);

}  // namespace dbgate::app
