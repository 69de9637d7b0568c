#include "core/words.hpp"

#include "core/errc.hpp"
#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace duende;
using words = std::vector<std::string>;

TEST_CASE("commands split as a shell splits them") {
  struct row {
    const char* text;
    words expected;
  };
  for (const auto& [text, expected] : std::initializer_list<row>{
         {"", {}},
         {"  \t\n ", {}},
         {"postgres -D /var/lib/pg", {"postgres", "-D", "/var/lib/pg"}},
         {"a 'b c' \"d e\" f\\ g", {"a", "b c", "d e", "f g"}},
         {"a''b \"\" ''", {"ab", "", ""}},
         {"'$HOME;|&*' \"*;|<>\"", {"$HOME;|&*", "*;|<>"}},
         {R"("a\"b\\c\$d\e")", {R"(a"b\c$d\e)"}},
         {R"(\$HOME \* \#x)", {"$HOME", "*", "#x"}},
         {"a # comment 'open\nb#c", {"a", "b#c"}},
         {"a \\\n b\\\nc", {"a", "bc"}},
         {"'' \\\n x", {"", "x"}},
         {"--x=1,2 a~b {}", {"--x=1,2", "a~b", "{}"}},
       }) {
    INFO(text);
    auto split = split_words(text);
    REQUIRE(split);
    CHECK(*split == expected);
  }
}

TEST_CASE("what only a shell can do is refused by name and column") {
  for (std::string operation : {"|", "&", ";", "<", ">", "(", ")", "$", "`", "*", "?", "["}) {
    INFO(operation);
    auto split = split_words("run x" + operation + "y");
    REQUIRE_FALSE(split);
    CHECK(
      sentence(split.error())
      == "'" + operation + "' at column 6 of the command: no shell is run: quote it or use binary_path = \"/bin/sh\"");
    CHECK(split_words("run 'x" + operation + "y'"));
    CHECK(split_words("run x\\" + operation + "y"));
  }
  CHECK_FALSE(split_words("ls ~/x"));
  CHECK_FALSE(split_words("echo \"$HOME\""));
  CHECK_FALSE(split_words("echo \"`date`\""));
}

TEST_CASE("open quotes and bounds") {
  CHECK_THAT(sentence(split_words("a 'b").error()), Contains("column 3") && Contains("not closed"));
  CHECK_THAT(sentence(split_words("a \"b").error()), Contains("column 3") && Contains("not closed"));
  CHECK_THAT(sentence(split_words("a \\").error()), Contains("backslash"));
  CHECK_FALSE(split_words(std::string_view{"a\0b", 3}));
  CHECK(code_of(split_words(std::string(max_command_bytes + 1, 'a')).error()) == errc::limit_reached);
  std::string many;
  for (std::size_t i = 0; i <= max_command_words; ++i)
    many += "a ";
  CHECK(code_of(split_words(many).error()) == errc::limit_reached);
}

TEST_CASE("joined words split again into the same") {
  rc::check("round trip", [](const words& list) {
    words usable;
    for (auto word : list) {
      std::erase(word, '\0');
      usable.push_back(word);
    }
    auto back = split_words(join_words(usable));
    RC_ASSERT(back);
    RC_ASSERT(*back == usable);
  });
}
