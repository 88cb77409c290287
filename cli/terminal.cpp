#include "cli/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <thread>

#include "cli/files.h"
#include "cli/output.h"
#include "cli/problem.h"

namespace dbgate::cli {
namespace {

bool colors[3] = {false, false, false};

termios shown_mode{};
volatile sig_atomic_t hides_echo = 0;

void on_signal(int number) {
  if (hides_echo != 0) ::tcsetattr(STDIN_FILENO, TCSANOW, &shown_mode);
  ::_exit(128 + number);
}

const char* code_of(Style style) {
  switch (style) {
    case Style::bold:
      return "1";
    case Style::dim:
      return "2";
    case Style::red:
      return "31";
    case Style::green:
      return "32";
    case Style::yellow:
      return "33";
    case Style::plain:
      break;
  }
  return "0";
}

void require_terminal(const Options& options, const std::string& instead) {
  if (may_ask(options)) return;
  throw Problem{Exit::usage, "nobody can be asked: there is no terminal, or DBGATE_NO_INPUT is set", instead};
}

std::size_t terminal_rows() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

void write_all(int descriptor, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t wrote = ::write(descriptor, text.data() + at, text.size() - at);
    if (wrote <= 0) return;  // whoever looked has seen enough
    at += static_cast<std::size_t>(wrote);
  }
}

}  // namespace

void choose_colors(const Options& options) {
  const bool forbidden = !environment("NO_COLOR").empty() || environment("CLICOLOR") == "0";
  const std::string force = environment("CLICOLOR_FORCE");
  for (const int descriptor : {1, 2}) {
    bool on = ::isatty(descriptor) != 0 && environment("TERM") != "dumb" && !forbidden;
    if (!force.empty() && force != "0") on = true;
    if (options.color != "auto") on = options.color == "always";
    colors[descriptor] = on;
  }
}

std::string styled(const std::string& text, Style style, int descriptor) {
  if (!colors[descriptor] || style == Style::plain) return text;
  return std::string("\x1b[") + code_of(style) + "m" + text + "\x1b[0m";
}

bool may_ask(const Options& options) {
  return !options.no_input && ::isatty(STDIN_FILENO) != 0;
}

std::string line_of_stdin() {
  std::string line;
  std::getline(std::cin, line);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

std::string ask(const Options& options, const std::string& question, const std::string& instead) {
  require_terminal(options, instead);
  std::cerr << question << std::flush;
  return line_of_stdin();
}

std::string ask_secret(const Options& options, const std::string& question, const std::string& instead) {
  require_terminal(options, instead);
  ::tcgetattr(STDIN_FILENO, &shown_mode);
  termios hidden = shown_mode;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  hides_echo = 1;
  // Before the question: whoever answers at once must not be echoed.
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  std::cerr << question << std::flush;
  std::string secret = line_of_stdin();
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &shown_mode);
  hides_echo = 0;
  std::cerr << '\n';
  return secret;
}

void confirm(const Options& options, bool yes, const std::string& question) {
  if (yes) return;
  const std::string answer = ask(options, question + " [y/N] ", "add --yes if it is meant");
  if (answer == "y" || answer == "Y" || answer == "yes") return;
  throw Problem{Exit::failure, "nothing was done", ""};
}

void end_on_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

struct Progress::State {
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  std::thread shows;
};

Progress::Progress(const Options& options, const std::string& what) {
  if (::isatty(STDERR_FILENO) == 0 || wants_json(options) || options.debug) return;
  state_ = std::make_unique<State>();
  // Signals are for the thread that does the work.
  sigset_t all{}, before{};
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  state_->shows = std::thread([state = state_.get(), what] {
    const auto begin = std::chrono::steady_clock::now();
    std::unique_lock lock(state->mutex);
    auto pause = std::chrono::milliseconds(300);
    bool visible = false;
    while (!state->changed.wait_for(lock, pause, [state] { return state->over; })) {
      const auto seconds =
          std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin).count();
      const std::string line = what + "… " + (seconds > 0 ? std::to_string(seconds) + " s" : "");
      write_all(STDERR_FILENO, "\r\x1b[K" + styled(line, Style::dim, 2));
      visible = true;
      pause = std::chrono::milliseconds(500);
    }
    if (visible) write_all(STDERR_FILENO, "\r\x1b[K");
  });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Progress::~Progress() {
  if (!state_) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->over = true;
  }
  state_->changed.notify_all();
  state_->shows.join();
}

void page(const Options& options, const std::string& text) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  const bool wanted = ::isatty(STDOUT_FILENO) != 0 && lines >= terminal_rows() && !options.pager.empty() &&
                      options.pager != "cat" && may_ask(options);
  std::cout.flush();
  if (!wanted) return write_all(STDOUT_FILENO, text);
  int ends[2];
  if (::pipe(ends) != 0) return write_all(STDOUT_FILENO, text);
  const pid_t pager = ::fork();
  if (pager == 0) {
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::signal(SIGPIPE, SIG_DFL);
    ::execl("/bin/sh", "sh", "-c", options.pager.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(ends[0]);
  ::signal(SIGINT, SIG_IGN);  // the pager's to handle
  write_all(ends[1], text);
  ::close(ends[1]);
  int status = 0;
  ::waitpid(pager, &status, 0);
  end_on_signals();
  // 127: there is no such pager.
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) write_all(STDOUT_FILENO, text);
}

}  // namespace dbgate::cli
