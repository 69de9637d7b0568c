#include "monitors/logs/engine.hpp"

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace duende::logs;

namespace {

/// What a cutter makes of `text` that comes in pieces.
std::vector<std::string> cut(std::string_view text, std::size_t piece) {
  line_cutter cutter;
  std::vector<std::string> lines;
  auto take = [&](std::string_view line) { lines.emplace_back(line); };
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
    cutter.feed(text.substr(0, piece), take);
  cutter.finish(take);
  return lines;
}

} // namespace

TEST_CASE("a stream becomes lines, whatever pieces it comes in") {
  const std::vector<std::string> expected{"one", "", "three", "and an open end"};
  for (std::size_t piece = 1; piece < 30; ++piece)
    CHECK(cut("one\n\nthree\nand an open end", piece) == expected);
  CHECK(cut("", 1).empty());
  CHECK(cut("x\n", 2) == std::vector<std::string>{"x"});
}

TEST_CASE("a line without an end comes in pieces") {
  const std::string all(3 * line_cutter::longest + 5, 'x');
  for (const std::size_t piece : {std::size_t{1}, std::size_t{4096}, all.size()}) {
    const auto lines = cut(all + "\nnext\n", piece);
    REQUIRE(lines.size() == 5);
    CHECK(lines[0].size() == line_cutter::longest);
    CHECK(lines[3].size() == 5);
    CHECK(lines[4] == "next");
  }
}

TEST_CASE("no byte of a stream is lost or repeated on its way into lines") {
  CHECK(rc::check("any text, any pieces", [](const std::vector<std::string>& lines) {
    std::string text;
    std::vector<std::string> expected;
    for (auto line : lines) {
      std::erase(line, '\n');
      text += line + "\n";
      expected.push_back(line);
    }
    const auto piece = *rc::gen::inRange<std::size_t>(1, 50);
    RC_ASSERT(cut(text, piece) == expected);
  }));
}
