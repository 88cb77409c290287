#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dbgate::rehearsal {

/// What a text would do on a server that nobody guards, as far as the text says.
struct Reach {
  std::string writes;       ///< why it may do more than read; empty: it only reads
  bool readable = false;    ///< it is SQL that dbgate's grammar knows
  bool takes_rows = false;  ///< COPY … FROM STDIN: the client sends rows behind it
  std::size_t statements = 0;
  std::size_t parameters = 0;      ///< the highest $n
  std::vector<std::string> makes;  ///< names of the prepared statements and cursors that it makes
  std::vector<std::string> needs;  ///< … and that it uses
};

/// Believes nothing that a record says of the text: reads it anew, by names alone. What functions of users do cannot be
/// seen, so calling one counts as writing. Needs the stack of Rehearsal::run().
Reach reach_of(std::string_view text);

}  // namespace dbgate::rehearsal
