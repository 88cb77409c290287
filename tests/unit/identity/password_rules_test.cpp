#include "gateway/identity/password_rules.h"

#include <gtest/gtest.h>

#include <string>

namespace dbgate::identity {
namespace {

TEST(PasswordRules, Length) {
  EXPECT_FALSE(check_new_password("ana", ""));
  EXPECT_FALSE(check_new_password("ana", "g7!kQ2x"));
  EXPECT_TRUE(check_new_password("ana", "g7!kQ2xz"));
  EXPECT_FALSE(check_new_password("ana", "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"));  // 8 bytes, 4 characters
  EXPECT_TRUE(check_new_password("ana", "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9fgrmp"));
  EXPECT_TRUE(check_new_password("ana", std::string(1023, 'a') + "b"));
  EXPECT_FALSE(check_new_password("ana", std::string(1024, 'a') + "b"));
  EXPECT_FALSE(check_new_password("ana", std::string_view("g7!kQ2xz\0", 9)));
}

TEST(PasswordRules, WhatAttackersTryFirst) {
  for (const char* password : {"password", "Password1", "12345678", "QWERTYUIOP", "postgres", "iloveyou", "aaaaaaaaa",
                               "AAAAaaaa", "passwordpassword", "changeme123"})
    EXPECT_FALSE(check_new_password("ana", password)) << password;
  EXPECT_FALSE(check_new_password("ana.lopez", "Ana.Lopez"));
  EXPECT_TRUE(check_new_password("ana", "correct horse battery staple"));
}

TEST(PasswordRules, SaysWhyWithoutThePassword) {
  const auto refused = check_new_password("ana", "Password1");
  ASSERT_FALSE(refused);
  const Error why = refused.error();
  EXPECT_EQ(why.code(), sqlstate::invalid_parameter_value);
  EXPECT_EQ(why.message().find("Password1"), std::string::npos);
}

}  // namespace
}  // namespace dbgate::identity
