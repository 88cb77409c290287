#include "gateway/rewrite/mask_sql.h"

#include <gtest/gtest.h>

#include "gateway/catalog/builder.h"

namespace dbgate::rewrite {
namespace {

using catalog::Oid;
using config::MaskKind;

constexpr MaskKind kinds[] = {MaskKind::null,  MaskKind::redact,  MaskKind::hash,
                              MaskKind::range, MaskKind::partial, MaskKind::email};

class MaskSql : public testing::Test {
 protected:
  MaskSql() {
    builder_.add(catalog::Schema{11, "pg_catalog"});
    builder_.add(catalog::Schema{2200, "pub\"lic"});
  }
  Oid type(const char* name, Oid schema = 11, char kind = 'b', Oid base = 0, std::int32_t typmod = -1,
           Oid element = 0) {
    catalog::Type row;
    row.oid = ++last_;
    row.schema = schema;
    row.name = name;
    row.kind = kind;
    row.category = element != 0 ? 'A' : 'U';
    row.element = element;
    row.base = base;
    row.typmod = typmod;
    builder_.add(row);
    return row.oid;
  }
  std::string mask(Oid type, MaskKind kind, std::int32_t typmod = -1, const char* name = "c") {
    if (!snapshot_) snapshot_ = builder_.build(1, 150000);
    return masked(*snapshot_, catalog::Column{name, type, typmod, 1}, kind);
  }

 private:
  catalog::SnapshotBuilder builder_;
  std::shared_ptr<const catalog::Snapshot> snapshot_;
  Oid last_ = 100;
};

TEST_F(MaskSql, NamesAreReadBackWhateverTheyHold) {
  EXPECT_EQ(quoted("plain"), "\"plain\"");
  EXPECT_EQ(quoted("a\"b.c"), "\"a\"\"b.c\"");
  const Oid text = type("text");
  const std::string mask = this->mask(text, MaskKind::email, -1, "e\"mail");
  EXPECT_NE(mask.find("\"e\"\"mail\""), std::string::npos) << mask;
}

TEST_F(MaskSql, ConstantsNeverReadTheColumn) {
  const Oid types[] = {type("text"),  type("int4"), type("date"),           type("json"),
                       type("bytea"), type("inet"), type("mood", 2200, 'e')};
  for (const Oid type : types) {
    for (const MaskKind kind : {MaskKind::null, MaskKind::redact}) {
      const std::string sql = mask(type, kind);
      EXPECT_EQ(sql.find("\"c\""), std::string::npos) << sql;
    }
  }
}

TEST_F(MaskSql, TheTypeAndItsModifierStay) {
  const Oid varchar = type("varchar");
  const Oid numeric = type("numeric");
  const Oid interval = type("interval");
  const Oid timestamp = type("timestamp");
  const Oid array = type("_varchar", 11, 'b', 0, -1, varchar);
  const Oid mood = type("mo\"od", 2200, 'e');
  EXPECT_EQ(mask(varchar, MaskKind::redact, 24), "CAST('***' AS \"pg_catalog\".\"varchar\"(20))");
  EXPECT_EQ(mask(numeric, MaskKind::redact, (12 << 16) + 2 + 4), "CAST(0 AS \"pg_catalog\".\"numeric\"(12,2))");
  EXPECT_EQ(mask(numeric, MaskKind::redact, ((2 << 16) | 0x7ff) + 4), "CAST(0 AS \"pg_catalog\".\"numeric\"(2,-1))");
  EXPECT_EQ(mask(timestamp, MaskKind::null, 3), "CAST(NULL AS \"pg_catalog\".\"timestamp\"(3))");
  EXPECT_EQ(mask(interval, MaskKind::null, 0x7fff0003), "CAST(NULL AS \"pg_catalog\".\"interval\"(32767,3))");
  EXPECT_EQ(mask(interval, MaskKind::null, 0x1800ffff), "CAST(NULL AS \"pg_catalog\".\"interval\"(6144))");
  EXPECT_EQ(mask(array, MaskKind::redact, 24), "CAST('{}' AS \"pg_catalog\".\"_varchar\"(20))");
  EXPECT_EQ(mask(mood, MaskKind::redact), "CAST(NULL AS \"pub\"\"lic\".\"mo\"\"od\")");
}

TEST_F(MaskSql, DomainsHaveTheirBaseType) {
  const Oid varchar = type("varchar");
  const Oid inner = type("inner", 2200, 'd', varchar, 14);
  const Oid outer = type("outer", 2200, 'd', inner);
  EXPECT_EQ(mask(inner, MaskKind::redact), "CAST('***' AS \"pg_catalog\".\"varchar\"(10))");
  EXPECT_EQ(mask(outer, MaskKind::redact), "CAST('***' AS \"pg_catalog\".\"varchar\"(10))");
}

TEST_F(MaskSql, WhatIsNotKnownIsNull) {
  const Oid vector = type("vector", 2200);
  const Oid text = type("text", 2200);  // not the system's
  EXPECT_EQ(mask(9999, MaskKind::partial), "NULL");
  EXPECT_EQ(mask(vector, MaskKind::range, 3), "(SELECT \"c\" LIMIT 0)");
  for (const MaskKind kind : kinds)
    EXPECT_EQ(mask(text, kind), "CAST(NULL AS \"pub\"\"lic\".\"text\")");
}

// Function names and operators that could be anybody's.
TEST_F(MaskSql, EveryNameHasItsSchema) {
  std::vector<Oid> types;
  for (const char* name : {"text", "varchar", "bpchar", "int2", "int4", "int8", "numeric", "float4", "float8", "date",
                           "timestamp", "timestamptz", "time", "uuid", "json", "jsonb", "bytea"})
    types.push_back(type(name));
  for (const Oid type : types) {
    for (const MaskKind kind : kinds) {
      const std::string sql = mask(type, kind);
      for (std::size_t at = sql.find("\"("); at != std::string::npos; at = sql.find("\"(", at + 1)) {
        const std::size_t start = sql.rfind('"', at - 1);
        EXPECT_EQ(sql.substr(start - 1, 1), ".") << sql;
      }
      for (const char* bare : {" || ", " = ", " < ", " + ", " - "})
        EXPECT_EQ(sql.find(bare), std::string::npos) << sql;
    }
  }
}

TEST_F(MaskSql, TheKeyIsNamedAndNeverWritten) {
  const std::string sql = mask(type("text"), MaskKind::hash);
  EXPECT_NE(sql.find("'dbgate.mask_inner'"), std::string::npos);
  EXPECT_NE(sql.find("'dbgate.mask_outer'"), std::string::npos);
}

}  // namespace
}  // namespace dbgate::rewrite
