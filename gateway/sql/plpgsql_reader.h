#pragma once
#include <initializer_list>
#include <set>

#include "gateway/sql/plpgsql.h"

namespace dbgate::sql {

/// Reads one PL/pgSQL function. Functions return false, and remember where, when the text does not follow the grammar.
class PlpgsqlReader {
 public:
  PlpgsqlReader(std::string_view source, const std::vector<Token>& tokens, PlpgsqlBody& body)
      : text_(source), tokens_(tokens), body_(body) {}

  bool read();
  std::size_t position() const { return at_ < tokens_.size() ? tokens_[at_].begin : text_.size(); }

 private:
  /// What the statements at hand stand in.
  enum class Frame : std::uint8_t { block, handlers, branch, choice, loop };
  using Stops = std::initializer_list<std::string_view>;

  // plpgsql_reader.cpp: blocks, declarations and what nests
  bool options();
  bool step();
  bool block();
  bool declarations();
  bool declaration();
  bool cursor_declaration(const std::string& name);
  bool datatype(Stops stops);
  bool close();
  bool handler();
  bool branch_header();
  bool choice_header();
  bool choice_arm();
  bool for_header();
  bool for_range(std::size_t begin, std::size_t dots);
  bool foreach_header();
  bool label();
  bool statement();

  // plpgsql_statements.cpp: statements without others in them
  bool assignment();
  bool simple_statement();
  bool execute();
  bool using_list(Stops stops);
  bool return_statement();
  bool raise();
  bool exit_statement();
  bool open();
  bool fetch();
  bool get_diagnostics();
  bool sql_statement();

  // plpgsql_tokens.cpp: tokens and fragments
  bool ended() const { return at_ >= tokens_.size(); }
  bool is(std::size_t index, std::string_view what) const;
  bool is_any(std::size_t index, Stops whats) const;
  bool is_name(std::size_t index) const;
  bool accept(std::string_view what);
  bool expect(std::string_view what) { return accept(what); }
  bool accept_name();
  bool accept_path();
  bool assigns() const;
  bool into_target();
  /// Moves to the first of the stops outside parentheses. A semicolon or the end of the text before it is an error.
  bool skip_until(Stops stops);
  bool fragment_until(FragmentKind kind, Stops stops);
  bool list_until(Stops stops);
  bool add(FragmentKind kind, std::size_t begin, std::size_t end);
  bool arguments(std::size_t begin, std::size_t end);
  std::string text(std::size_t begin, std::size_t end) const;
  void see_row(std::size_t begin, std::size_t end);

  std::string_view text_;
  const std::vector<Token>& tokens_;
  PlpgsqlBody& body_;
  std::size_t at_ = 0;  // into tokens_
  std::vector<Frame> frames_;
  std::set<std::string, std::less<>> cursors_;  // that were declared with a query
  std::vector<bool> simple_cases_;              // of the choices among frames_: CASE x WHEN
};

}  // namespace dbgate::sql
