// Reading calendar expressions. Source: systemd.time(7), "Calendar Events"; what systemd-analyze refuses is refused here too.
#include "core/calendar.hpp"
#include "core/errc.hpp"

#include <algorithm>

namespace duende {

namespace {

struct calendar_word {
  std::string_view name, means;
};
constexpr auto calendar_words = std::to_array<calendar_word>({
  {"minutely", "*-*-* *:*:00"},
  {"hourly", "*-*-* *:00:00"},
  {"daily", "*-*-* 00:00:00"},
  {"monthly", "*-*-01 00:00:00"},
  {"weekly", "Mon *-*-* 00:00:00"},
  {"yearly", "*-01-01 00:00:00"},
  {"annually", "*-01-01 00:00:00"},
  {"anually", "*-01-01 00:00:00"},
  {"quarterly", "*-01,04,07,10-01 00:00:00"},
  {"semiannually", "*-01,07-01 00:00:00"},
  {"semi-annually", "*-01,07-01 00:00:00"},
  {"biannually", "*-01,07-01 00:00:00"},
  {"bi-annually", "*-01,07-01 00:00:00"},
});
constexpr auto day_names =
  std::to_array<std::string_view>({"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"});

std::string lower_case(std::string_view text) {
  std::string result{text};
  for (char& c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

} // namespace

class calendar_parser {
public:
  explicit calendar_parser(std::string_view text) : whole_(text) {}

  caf::expected<calendar> run() {
    if (whole_.empty())
      return refused("an empty expression; write for example 'Mon..Fri 03:00' or 'hourly'");
    if (whole_.size() > 256)
      return fail(errc::invalid_config, "an expression of {} bytes; the most is 256", whole_.size());
    auto tokens = split();
    if (std::any_of(tokens.begin(), tokens.end(), [](auto t) { return t.empty(); }))
      return refused("blanks at its end");
    take_zone(tokens);
    if (tokens.size() == 1)
      for (const auto& w : calendar_words)
        if (w.name == lower_case(tokens.front())) {
          calendar_parser plain{w.means};
          auto result = plain.run();
          result->zone_ = result_.zone_;
          return result;
        }
    std::size_t at = 0;
    bool good = true;
    if (at < tokens.size() && is_letter(tokens[at].front()))
      good = take_weekdays(tokens[at++]);
    else
      result_.weekdays_.set();
    if (good && at < tokens.size() && tokens[at].find(':') == std::string_view::npos)
      good = take_date(tokens[at++]);
    else
      result_.months_.set();
    if (good && at < tokens.size())
      good = take_time(tokens[at++]);
    else if (good)
      result_.hours_[0] = result_.minutes_[0] = result_.seconds_[0] = true;
    if (good && at < tokens.size())
      good = wrong(fmt::format("'{}' is one too many", tokens[at]));
    if (!good)
      return refused(problem_);
    return std::move(result_);
  }

private:
  using part = calendar::part;

  caf::error refused(std::string_view why) const {
    return fail(
      errc::invalid_config, "'{}' is no calendar expression: {} (see systemd.time(7))", whole_.substr(0, 100), why);
  }

  bool wrong(std::string why) {
    if (problem_.empty())
      problem_ = std::move(why);
    return false;
  }

  std::vector<std::string_view> split() const {
    std::vector<std::string_view> tokens;
    for (auto rest = whole_;;) {
      auto end = rest.find(' ');
      tokens.push_back(rest.substr(0, end));
      if (end == std::string_view::npos)
        return tokens;
      rest.remove_prefix(std::min(rest.find_first_not_of(' ', end), rest.size()));
    }
  }

  /// A last word with letters that is no weekday; whether there is such a zone is not looked up here.
  void take_zone(std::vector<std::string_view>& tokens) {
    if (
      tokens.size() < 2 || !is_letter(tokens.back().front())
      || weekday(tokens.back().substr(0, tokens.back().find_first_of(",.-"))) >= 0)
      return;
    result_.zone_ = lower_case(tokens.back()) == "utc" ? "UTC" : std::string{tokens.back()};
    tokens.pop_back();
  }

  static int weekday(std::string_view name) {
    auto small = lower_case(name);
    for (std::size_t i = 0; i < day_names.size(); ++i)
      if (small == day_names[i] || small == day_names[i].substr(0, 3))
        return static_cast<int>(i);
    return -1;
  }

  bool take_weekdays(std::string_view text) {
    if (text.ends_with(','))
      text.remove_suffix(1);
    for (bool more = true; more;) {
      auto comma = text.find(',');
      auto range = text.substr(0, comma);
      more = comma != std::string_view::npos;
      text.remove_prefix(more ? comma + 1 : text.size());
      auto dots = range.find("..");
      auto width = dots == std::string_view::npos ? 1u : 2u;
      if (dots == std::string_view::npos)
        dots = range.find('-');
      int from = weekday(range.substr(0, dots));
      int to = dots == std::string_view::npos ? from : weekday(range.substr(dots + width));
      if (from < 0 || to < 0)
        return wrong(fmt::format("'{}' is no weekday", range));
      if (to < from)
        return wrong(fmt::format("'{}' runs backwards", range));
      for (int day = from; day <= to; ++day)
        result_.weekdays_.set(static_cast<std::size_t>(day));
    }
    return true;
  }

  /// Up to 4 digits.
  static int number(std::string_view& text) {
    int value = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && digits < 5 && text[digits] >= '0' && text[digits] <= '9'; ++digits)
      value = value * 10 + (text[digits] - '0');
    text.remove_prefix(digits);
    return digits == 0 || digits == 5 ? -1 : value;
  }

  /// The parts of one component; none for '*'.
  bool take_parts(
    std::string_view text, std::string_view what, int low, int high, std::vector<part>& to, bool backwards = false) {
    if (text == "*")
      return true;
    if (text.starts_with("*/"))
      return wrong(
        fmt::format("'{}' of the {}: a repetition has a start, write '{}{}'", text, what, low, text.substr(1)));
    bool year = what == "year";
    auto fixed = [&](int value, std::size_t digits) {
      return year && digits <= 2 ? value + (value < 70 ? 2000 : 1900) : value;
    };
    do {
      if (!to.empty())
        text.remove_prefix(1); // the comma
      part p;
      p.step = 0;
      auto before = text.size();
      p.from = number(text);
      p.from = p.from < 0 ? -1 : fixed(p.from, before - text.size());
      int end = -1;
      if (p.from >= 0 && text.starts_with("..")) {
        text.remove_prefix(2);
        before = text.size();
        end = number(text);
        if (end < 0)
          return wrong(fmt::format("a range of the {} has no end", what));
        end = fixed(end, before - text.size());
        p.step = 1;
      }
      if (p.from >= 0 && text.starts_with('/')) {
        text.remove_prefix(1);
        p.step = number(text);
        if (p.step <= 0)
          return wrong(fmt::format("a repetition of the {} needs a number from 1 on", what));
      }
      if (p.from < 0 || (!text.empty() && text.front() != ','))
        return wrong(
          text.starts_with('.') && what == "second" ? "fractions of seconds are not supported"
                                                    : fmt::format("the {} can't be read", what));
      p.to = end >= 0 ? end : p.step > 0 && !backwards ? high : p.from;
      if (p.from < low || p.to > high || p.from > high)
        return wrong(fmt::format(
          "the {} {} is not within {} to {}", what, p.from < low || p.from > high ? p.from : p.to, low, high));
      bool back = backwards && p.step > 0 && end < 0; // goes on towards the end of the month
      if (back ? p.from - p.step < low : p.to < p.from || (p.step > 0 && p.from + p.step > p.to && end != p.from))
        return wrong(fmt::format("a range or repetition of the {} has one value at the most", what));
      if (back)
        p.from = low + (p.from - low) % p.step;
      p.step = std::max(p.step, 1);
      to.push_back(p);
    } while (!text.empty());
    return true;
  }

  template <std::size_t N>
  static void spread(const std::vector<part>& parts, std::bitset<N>& to, std::size_t low) {
    for (std::size_t i = low; i < N; ++i)
      to[i] = parts.empty()
              || std::any_of(parts.begin(), parts.end(), [&](const part& p) { return p.matches(static_cast<int>(i)); });
  }

  bool take_date(std::string_view text) {
    auto last = text.find_last_of("-~");
    if (last == std::string_view::npos)
      return wrong(
        fmt::format("'{}' is neither a weekday, nor a date (YYYY-MM-DD), nor a time (HH:MM)", text.substr(0, 40)));
    result_.from_end_ = text[last] == '~';
    auto first = text.substr(0, last).find('-');
    auto year = first == std::string_view::npos ? std::string_view{"*"} : text.substr(0, first);
    auto month = first == std::string_view::npos ? text.substr(0, last) : text.substr(first + 1, last - first - 1);
    std::vector<part> months;
    if (
      !take_parts(year, "year", 1970, 2199, result_.years_) || !take_parts(month, "month", 1, 12, months)
      || !take_parts(text.substr(last + 1), "day", 1, result_.from_end_ ? 28 : 31, result_.days_, result_.from_end_))
      return false;
    spread(months, result_.months_, 1);
    return true;
  }

  bool take_time(std::string_view text) {
    auto first = text.find(':');
    if (first == std::string_view::npos)
      return wrong(fmt::format("'{}' is no time (HH:MM or HH:MM:SS)", text.substr(0, 40)));
    auto second = text.find(':', first + 1);
    auto minute = text.substr(first + 1, second == std::string_view::npos ? second : second - first - 1);
    std::vector<part> hours, minutes, seconds;
    if (!take_parts(text.substr(0, first), "hour", 0, 23, hours) || !take_parts(minute, "minute", 0, 59, minutes))
      return false;
    if (second == std::string_view::npos)
      seconds.push_back({0, 0, 1});
    else if (!take_parts(text.substr(second + 1), "second", 0, 59, seconds))
      return false;
    spread(hours, result_.hours_, 0);
    spread(minutes, result_.minutes_, 0);
    spread(seconds, result_.seconds_, 0);
    return true;
  }

  std::string_view whole_;
  std::string problem_;
  calendar result_;
};

caf::expected<calendar> calendar::parse(std::string_view text) { return calendar_parser{text}.run(); }

} // namespace duende
