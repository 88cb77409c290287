#include "gateway/identity/password_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace dbgate::identity {
namespace {

constexpr std::size_t min_characters = 8;

// The commonest passwords of 8 characters and more in published lists of what people use, in lower case and sorted.
constexpr auto commonest = std::to_array<std::string_view>({
    "00000000",         "01234567",      "0123456789",  "0987654321",  "11111111",     "1111111111",    "11223344",
    "112233445566",     "12121212",      "123123123",   "12312312",    "123321123",    "12341234",      "12344321",
    "123454321",        "1234554321",    "12345678",    "123456789",   "1234567890",   "12345678910",   "123456789a",
    "123456789q",       "123456abc",     "12345qwert",  "1234qwer",    "123654789",    "123698745",     "12qwaszx",
    "1357924680",       "147258369",     "1q2w3e4r",    "1q2w3e4r5t",  "1q2w3e4r5t6y", "1qaz2wsx",      "1qaz2wsx3edc",
    "1qazxsw2",         "20202020",      "22222222",    "31415926",    "33333333",     "55555555",      "66666666",
    "77777777",         "789456123",     "87654321",    "88888888",    "963852741",    "987654321",     "9876543210",
    "99999999",         "a1234567",      "a12345678",   "a123456789",  "aa123456",     "aa12345678",    "aaaaaaaa",
    "abc12345",         "abc123456",     "abcd1234",    "abcdefgh",    "abcdefghi",    "admin123",      "admin1234",
    "admin12345",       "administrator", "alexander",   "arsenal1",    "asd12345",     "asdasdasd",     "asdf1234",
    "asdfasdf",         "asdfghjk",      "asdfghjkl",   "asdfghjkl1",  "babygirl",     "babygirl1",     "baseball",
    "baseball1",        "basketball",    "benjamin",    "blink182",    "butterfly",    "butterfly1",    "caroline",
    "catherine",        "changeme",      "changeme1",   "changeme123", "charlie1",     "chelsea1",      "chocolate",
    "chocolate1",       "christian",     "christopher", "computer",    "cristina",     "database",      "default1",
    "dragon123",        "einstein",      "elephant",    "elizabeth",   "everyday",     "fernando",      "football",
    "football1",        "forever1",      "fuckyou1",    "garfield",    "godzilla",     "guest123",      "hannah123",
    "hello123",         "hello1234",     "hellohello",  "iloveyou",    "iloveyou1",    "iloveyou2",     "internet",
    "jennifer",         "jessica1",      "jonathan",    "jordan23",    "letmein1",     "letmein123",    "liverpool",
    "liverpool1",       "lovelove",      "loveme123",   "marlboro",    "master123",    "maverick",      "mercedes",
    "michael1",         "michelle",      "midnight",    "monkey123",   "mustang1",     "mypassword",    "myspace1",
    "newpassword",      "nicholas",      "november",    "p@$$w0rd",    "p@ssw0rd",     "p@ssword",      "pa$$word",
    "pa55word",         "passw0rd",      "passw0rd1",   "password",    "password!",    "password01",    "password1",
    "password1!",       "password11",    "password12",  "password123", "password1234", "password12345", "password2",
    "passwordpassword", "patricia",      "pokemon1",    "politics",    "postgres",     "postgres1",     "postgresql",
    "princess",         "princess1",     "q1w2e3r4",    "q1w2e3r4t5",  "qazwsx123",    "qazwsxedc",     "qwer1234",
    "qwerasdf",         "qwerqwer",      "qwerty12",    "qwerty123",   "qwerty1234",   "qwerty12345",   "qwertyui",
    "qwertyuiop",       "qwertyuiop1",   "rainbow1",    "rockstar",    "samantha",     "scorpion",      "secret123",
    "september",        "slipknot",      "snickers",    "snowball",    "spiderman",    "spiderman1",    "starwars",
    "starwars1",        "steelers",      "stephanie",   "summer123",   "sunshine",     "sunshine1",     "superman",
    "superman1",        "superstar",     "swordfish",   "temp1234",    "test1234",     "test12345",     "testtest",
    "trustno1",         "undertaker",    "unknown1",    "victoria",    "volleyball",   "welcome1",      "welcome123",
    "welcome1234",      "whatever",      "whatever1",   "william1",    "zaq12wsx",     "zaq1zaq1",      "zxcvbnm1",
    "zxcvbnm123",       "zxcvbnm,./",
});

std::string lower(std::string_view text) {
  std::string folded(text);
  for (char& c : folded)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return folded;
}

// What does not continue a character of UTF-8 begins one.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

Error refused(const char* why) {
  return {sqlstate::invalid_parameter_value, why};
}

}  // namespace

Result<> check_new_password(std::string_view user, std::string_view password) {
  if (password.size() > max_password_bytes) return refused("the password is longer than 1024 bytes");
  if (password.find('\0') != std::string_view::npos) return refused("the password holds a NUL byte");
  if (characters(password) < min_characters) return refused("the password needs 8 characters or more");
  const std::string folded = lower(password);
  if (folded == lower(user)) return refused("the password is the user name");
  if (folded.find_first_not_of(folded[0]) == std::string::npos)
    return refused("the password is one character repeated");
  if (std::find(commonest.begin(), commonest.end(), folded) != commonest.end()) {
    return refused("the password is one of the commonest; attackers try those first");
  }
  return boost::system::in_place_value;
}

}  // namespace dbgate::identity
