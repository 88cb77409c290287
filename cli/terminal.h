#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "cli/options.h"

// The terminal: colours, questions, progress, pager.
namespace dbgate::cli {

enum class Style { plain, bold, dim, red, green, yellow };

/// Decides by --color, NO_COLOR, CLICOLOR, CLICOLOR_FORCE and the terminal whether standard output (and standard error)
/// get colours. Once, at the start.
void choose_colors(const Options& options);
/// The text in a style, if the stream shows colours. `descriptor` is 1 or 2.
std::string styled(const std::string& text, Style style, int descriptor = 1);

/// Whether somebody can be asked: standard input is a terminal, and neither --no-input nor DBGATE_NO_INPUT stands.
bool may_ask(const Options& options);
/// Asks for a line. Throws Problem (usage, with `instead` as hint) if nobody can be asked.
std::string ask(const Options& options, const std::string& question, const std::string& instead);
/// The same without echo.
std::string ask_secret(const Options& options, const std::string& question, const std::string& instead);
/// A line of standard input, without its end.
std::string line_of_stdin();
/// Asks before something is destroyed; `yes`: it is meant. Throws Problem (usage) if nobody can be asked, and (failure)
/// if the answer is no.
void confirm(const Options& options, bool yes, const std::string& question);

/// Ctrl-C and SIGTERM end the process with 130 and 143; the terminal echoes again. Call at the start.
void end_on_signals();

/// Says on a terminal's standard error what is waited for, once that takes longer than 300 ms.
class Progress {
 public:
  Progress(const Options& options, const std::string& what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Writes text to standard output, through the pager if that is a terminal and the text is longer than it.
void page(const Options& options, const std::string& text);

}  // namespace dbgate::cli
