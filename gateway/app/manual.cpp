#include "gateway/app/manual.h"

#include <utility>
#include <vector>

namespace dbgate::app {
namespace {

using Terms = std::vector<std::pair<std::string, std::string>>;

// Text in roff: a backslash and a leading dot or quote would be taken for more than they are.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool leads = out.empty() || out.back() == '\n';
    if (leads && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\' || c == '-') out += '\\';
    out += c == '\\' ? 'e' : c;
  }
  return out;
}

std::string terms_of(const Terms& terms) {
  std::string out;
  for (const auto& [term, meaning] : terms)
    out += ".TP\n.B " + roff(term) + "\n" + roff(meaning) + "\n";
  return out;
}

Terms options_of(const CLI::App& app) {
  Terms terms;
  for (const CLI::Option* const option : app.get_options()) {
    if (option->get_group().empty()) continue;
    std::string term = option->get_positional() ? option->get_name(true) : option->get_name(false, true);
    const bool takes = !option->get_positional() && option->get_type_size_max() > 0;
    if (takes) term += " " + option->get_type_name();
    const std::string usual = option->get_default_str();
    terms.emplace_back(term, option->get_description() + (usual.empty() ? "" : " (" + usual + " without)"));
  }
  return terms;
}

std::string command_of(const CLI::App& app) {
  std::string synopsis = app.get_name();
  for (const CLI::Option* const option : app.get_options()) {
    if (option->get_positional()) synopsis += " " + option->get_name(true);
  }
  return ".SS " + roff(synopsis) + "\n" + roff(app.get_description()) + ".\n" + terms_of(options_of(app));
}

const Terms& signals() {
  static const Terms all{
      {"SIGHUP", "reads the configuration again; a bad one changes nothing"},
      {"SIGTERM", "drains: nobody new, clients are ended between transactions; a second one ends them at once"},
      {"SIGINT", "ends at once"},
      {"SIGUSR1", "opens files of sinks anew"},
      {"SIGUSR2", "hands over to a new process of the program file, which takes the listeners; clients stay"}};
  return all;
}

const Terms& files() {
  static const Terms all{{"/etc/dbgate/gateway.yaml", "the configuration, unless --config names another"},
                         {"STATE_DIR/audit", "the audit log"},
                         {"STATE_DIR/admin.sock", "the admin socket, unless listen.admin.socket names another"}};
  return all;
}

const Terms& statuses() {
  static const Terms all{
      {"0", "it was done"}, {"1", "it was not, and standard error says why"}, {"2", "wrong arguments"}};
  return all;
}

}  // namespace

std::string manual_page(const CLI::App& table, const std::string& version) {
  std::string out = ".TH DBGATE\\-GATEWAY 8 \"\" \"dbgate " + version +
                    "\" \"System Administration\"\n.SH NAME\ndbgate\\-gateway \\- a gateway in front of databases that "
                    "judges and audits every statement\n.SH SYNOPSIS\n.B dbgate\\-gateway\n[options]\n.br\n"
                    ".B dbgate\\-gateway\n.I COMMAND\n[options]\n.SH DESCRIPTION\nWithout a command it serves: it "
                    "takes PostgreSQL clients, decides by policy what of their statements is sent on, and records "
                    "it.\n.SH OPTIONS\n";
  out += terms_of(options_of(table)) + ".SH COMMANDS\n";
  for (const CLI::App* const command : table.get_subcommands([](const CLI::App*) { return true; }))
    if (!command->get_group().empty()) out += command_of(*command);
  out += ".SH SIGNALS\n" + terms_of(signals()) + ".SH FILES\n" + terms_of(files());
  out += ".SH EXIT STATUS\n" + terms_of(statuses()) + ".SH SEE ALSO\n.BR dbgate (1)\n";
  return out;
}

}  // namespace dbgate::app
