#include "gateway/risk/report.h"

// IJ: shapes that injections have, and applications do not.
namespace dbgate::risk {
namespace {

using sql::Sign;

void union_shape(const Rule& rule, Report& report) {
  if (report.signs.has(Sign::union_of_nulls)) report.hit(rule, "an arm of NULLs");
  if (report.signs.has(Sign::union_padded)) report.hit(rule, "an arm that is padded");
  if (report.signs.has(Sign::union_catalog)) report.hit(rule, "an arm that reads the catalog");
}

void tautology(const Rule& rule, Report& report) {
  if (report.signs.has(Sign::constant_or)) report.hit(rule);
  if (report.signs.has(Sign::constant_and)) report.hit(rule, Level::medium);
}

template <Sign sign>
void has_sign(const Rule& rule, Report& report) {
  if (report.signs.has(sign)) report.hit(rule);
}

void comments(const Rule& rule, Report& report) {
  const bool tautology = report.signs.has(Sign::constant_or) || report.signs.has(Sign::union_of_nulls);
  if (report.signs.has(Sign::comment_at_end)) report.hit(rule, tautology ? Level::high : Level::medium, "--");
  if (report.signs.has(Sign::odd_comment)) report.hit(rule, Level::medium, "/*");
}

void assembled(const Rule& rule, Report& report) {
  if (report.signs.has(Sign::odd_characters)) report.hit(rule, Level::high, "characters that cannot be seen");
  if (report.signs.has(Sign::assembled_text)) report.hit(rule, Level::medium, "chr, decode or convert_from");
  if (report.signs.has(Sign::unicode_identifier)) report.hit(rule, Level::medium, "U&\"…\"");
}

constexpr Check checks[] = {
    {{"IJ-01", "UNION as injections write it", Level::high, Level::high, Level::high,
      "An arm that is padded to fit, and reads something else, brings other tables into the answer of a query.",
      "Use placeholders for values; look at what makes this statement."},
     union_shape},
    {{"IJ-02", "A condition that always holds, beside OR", Level::high, Level::high, Level::high,
      "OR 1=1 makes a condition of a query meaningless.", "Use placeholders for values; leave the constant out."},
     tautology},
    {{"IJ-03", "Data is made into an error", Level::high, Level::high, Level::high,
      "A sub-select that is cast to a number shows what it found in the server's error message.",
      "Read the value in a query of its own."},
     has_sign<Sign::error_extraction>},
    {{"IJ-04", "Data is found out bit by bit", Level::high, Level::high, Level::high,
      "Comparing letters of a sub-select, or sleeping when one fits, reads a value without showing it.",
      "Read the value in a query of its own."},
     has_sign<Sign::blind_probe>},
    {{"IJ-05", "A comment cuts the statement off", Level::medium, Level::medium, Level::medium,
      "What an application had written behind it does not count any more.", "Use placeholders for values."},
     comments},
    {{"IJ-06", "Text that hides what it says", Level::medium, Level::medium, Level::medium,
      "Characters without width, chr() and decode() keep words out of the sight of filters and of people.",
      "Write text as it is."},
     assembled},
    {{"IJ-07", "The rest of a quote", Level::medium, Level::medium, Level::high,
      "'' || something || '' is what stays when a value breaks out of its quotes.", "Use placeholders for values."},
     has_sign<Sign::quote_residue>},
};

}  // namespace

std::span<const Check> injection_checks() {
  return checks;
}

}  // namespace dbgate::risk
