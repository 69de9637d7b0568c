#include "core/words.hpp"

#include "core/errc.hpp"

#include <algorithm>

namespace duende {
namespace {

constexpr std::string_view blanks = " \t\r\n";

bool one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

class splitter {
public:
  explicit splitter(std::string_view text) : text_(text) {}

  caf::expected<std::vector<std::string>> run() {
    if (text_.size() > max_command_bytes)
      return fail(errc::limit_reached, "a command of {} bytes; the most is {}", text_.size(), max_command_bytes);
    if (auto nul = text_.find('\0'); nul != std::string_view::npos)
      return fail(errc::invalid_config, "a NUL character at column {} of the command", nul + 1);
    while (at_ < text_.size()) {
      if (auto problem = step())
        return problem;
      if (words_.size() > max_command_words)
        return fail(errc::limit_reached, "a command of more than {} words", max_command_words);
    }
    end_word();
    return std::move(words_);
  }

private:
  /// Consumes one character, or one quoted piece.
  caf::error step() {
    char c = text_[at_];
    if (one_of(c, blanks))
      return end_word(), ++at_, caf::error{};
    if (c == '#' && !in_word_)
      return skip_comment(), caf::error{};
    if (one_of(c, "|&;<>()$`*?[") || (c == '~' && !in_word_))
      return needs_shell(c);
    if (text_.substr(at_).starts_with("\\\n")) // a continued line is no part of a word
      return at_ += 2, caf::error{};
    in_word_ = true;
    switch (c) {
      case '\'': return single_quoted();
      case '"': return double_quoted();
      case '\\': return escaped();
      default: word_ += c; return ++at_, caf::error{};
    }
  }

  void end_word() {
    if (in_word_)
      words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  void skip_comment() { at_ = std::min(text_.find('\n', at_), text_.size()); }

  caf::error single_quoted() {
    auto end = text_.find('\'', at_ + 1);
    if (end == std::string_view::npos)
      return unclosed('\'');
    word_ += text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return {};
  }

  caf::error double_quoted() {
    auto opened = at_++;
    while (at_ < text_.size()) {
      char c = text_[at_++];
      if (c == '"')
        return {};
      if (one_of(c, "$`"))
        return --at_, needs_shell(c);
      if (c == '\\' && at_ < text_.size()) {
        char next = text_[at_++];
        if (next == '\n')
          continue;
        if (!one_of(next, "$`\"\\"))
          word_ += '\\';
        word_ += next;
        continue;
      }
      word_ += c;
    }
    at_ = opened;
    return unclosed('"');
  }

  caf::error escaped() {
    if (at_ + 1 == text_.size())
      return fail(errc::invalid_config, "a backslash with nothing after it at column {} of the command", at_ + 1);
    word_ += text_[at_ + 1];
    at_ += 2;
    return {};
  }

  caf::error unclosed(char quote) const {
    return fail(errc::invalid_config, "the quote {} at column {} of the command is not closed", quote, at_ + 1);
  }

  caf::error needs_shell(char c) const {
    return fail(
      errc::invalid_config,
      "'{}' at column {} of the command: no shell is run: quote it or use binary_path = \"/bin/sh\"", c, at_ + 1);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
};

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || one_of(c, "_-./:=,+@%");
}

} // namespace

caf::expected<std::vector<std::string>> split_words(std::string_view text) { return splitter{text}.run(); }

std::string join_words(const std::vector<std::string>& words) {
  std::string result;
  for (const auto& word : words) {
    if (!result.empty())
      result += ' ';
    if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) {
      result += word;
      continue;
    }
    result += '\'';
    for (char c : word) {
      if (c == '\'')
        result += "'\\''";
      else
        result += c;
    }
    result += '\'';
  }
  return result;
}

} // namespace duende
