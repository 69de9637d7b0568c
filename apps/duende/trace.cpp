#include "policies/trace.hpp"
#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/show.hpp"

#include <algorithm>

namespace duende::cli {
namespace {

constexpr std::size_t shown_calls = 15, shown_errors = 8, shown_slow = 5, shown_sites = 8, shown_threads = 6,
                      shown_anomalies = 12;

std::string from_us(double us) { return short_time(duration{static_cast<std::int64_t>(us * 1e3)}); }
std::string percent(double share) { return fmt::format("{:.1f}%", 100 * share); }

const json& list_of(const json& object, const char* key) {
  static const json none = json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : none;
}

std::string or_dash(const json& object, const char* key, std::string (*shown)(double)) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? shown(found->get<double>()) : "-";
}

std::string count_text(double n) { return fmt::format("{:.0f}", n); }

class view {
public:
  view(const json& report, bool colored) : report_(report), colored_(colored) {}

  void show() {
    head();
    findings();
    calls();
    errors();
    slowest();
    sites();
    threads();
  }

private:
  void title(std::string_view text) const { fmt::print("\n{}\n", paint(text, color::bold, colored_)); }

  void print(const table& what) const { fmt::print("{}", what.render(terminal_width(), colored_)); }

  void head() const {
    double count = 0;
    for (const auto& each : list_of(report_, "calls"))
      count += number_of(each, "count");
    const auto seconds = std::max(number_of(report_, "seconds"), 1e-3);
    const auto method = text_of(report_, "method");
    fmt::print(
      "{}  pid {}, {} s", paint(printable(text_of(report_, "daemon")), color::bold, colored_),
      static_cast<long>(number_of(report_, "pid")), fmt::format("{:.1f}", seconds));
    if (method == "bpf")
      fmt::print(
        ", {:.0f} calls, {:.0f} a second, by BPF\n", count,
        count / std::max(number_of(report_, "listened_seconds"), 1e-3));
    else
      fmt::print(", by sampling /proc\n");
    if (const auto note = text_of(report_, "note"); !note.empty())
      fmt::print("note: {}\n", printable(note));
    const auto lost = number_of(report_, "lost_calls");
    if (lost > 0)
      fmt::print("note: {:.0f} calls were not counted: too many threads or kinds of calls\n", lost);
  }

  void findings() const {
    fmt::print(
      "\n{}  {}\n", paint("bottleneck", color::bold, colored_),
      printable(text_of(report_.value("critical_path", json{}), "text")));
    for (const auto& each : list_of(report_, "patterns"))
      fmt::print("{}  {}\n", paint(text_of(each, "kind"), color::yellow, colored_), printable(text_of(each, "text")));
    const auto& anomalies = list_of(report_, "anomalies");
    if (anomalies.empty())
      return;
    title(fmt::format("anomalies (z-score from {:g})", number_of(report_, "z_score")));
    table lines{{"AFTER", "KIND", "WHAT"}};
    for (std::size_t i = 0; i < std::min(anomalies.size(), shown_anomalies); ++i)
      lines.add(
        {{fmt::format("{:.1f} s", number_of(anomalies[i], "from_seconds")), color::none, true},
         {text_of(anomalies[i], "kind"), color::yellow},
         {printable(text_of(anomalies[i], "text"))}});
    print(lines);
    if (anomalies.size() > shown_anomalies)
      fmt::print("and {} more: --json has them\n", anomalies.size() - shown_anomalies);
  }

  void calls() const {
    const auto& all = list_of(report_, "calls");
    if (all.empty()) {
      fmt::print("\nno system calls\n");
      return;
    }
    title("calls");
    table lines{{"CALL", "COUNT", "ERRORS", "TIME", "MEAN", "P50", "P99", "LONGEST"}};
    for (std::size_t i = 0; i < std::min(all.size(), shown_calls); ++i) {
      const auto& each = all[i];
      lines.add(
        {{printable(text_of(each, "call"))},
         {or_dash(each, "count", count_text), color::none, true},
         {or_dash(each, "errors", count_text), color::none, true},
         {from_us(std::max(number_of(each, "seconds") * 1e6, number_of(each, "mean_us") * number_of(each, "count"))),
          color::none, true},
         {or_dash(each, "mean_us", from_us), color::none, true},
         {or_dash(each, "p50_us", from_us), color::none, true},
         {or_dash(each, "p99_us", from_us), color::none, true},
         {or_dash(each, "longest_us", from_us), color::none, true}});
    }
    print(lines);
    if (all.size() > shown_calls)
      fmt::print("and {} more: --json has them\n", all.size() - shown_calls);
  }

  void errors() const {
    std::vector<json> all = list_of(report_, "errors");
    if (all.empty())
      return;
    std::stable_sort(all.begin(), all.end(), [](const json& a, const json& b) {
      return number_of(a, "count") > number_of(b, "count");
    });
    title("errors");
    table lines{{"CALL", "ERROR", "COUNT"}};
    for (std::size_t i = 0; i < std::min(all.size(), shown_errors); ++i)
      lines.add(
        {{printable(text_of(all[i], "call"))},
         {text_of(all[i], "error")},
         {count_text(number_of(all[i], "count")), color::none, true}});
    print(lines);
  }

  void slowest() const {
    const auto& all = list_of(report_, "slowest");
    if (all.empty())
      return;
    title("slowest calls");
    table lines{{"CALL", "TOOK", "AT", "THREAD", "RESULT", "CALLED FROM"}};
    for (std::size_t i = 0; i < std::min(all.size(), shown_slow); ++i)
      lines.add(
        {{printable(text_of(all[i], "call"))},
         {from_us(number_of(all[i], "took_us")), color::none, true},
         {local_time(text_of(all[i], "at"))},
         {count_text(number_of(all[i], "thread")), color::none, true},
         {count_text(number_of(all[i], "result")), color::none, true},
         {printable(text_of(all[i], "place"))}});
    print(lines);
  }

  void sites() const {
    const auto& all = list_of(report_, "sites");
    if (all.empty())
      return;
    title("where calls come from");
    table lines{{"CALL", "SAMPLES", "CALLED FROM"}};
    std::size_t shown = 0;
    for (const auto& each : all)
      if (const auto place = text_of(each, "place"); !place.empty() && shown < shown_sites) {
        lines.add(
          {{printable(text_of(each, "call"))},
           {count_text(number_of(each, "samples")), color::none, true},
           {printable(place)}});
        ++shown;
      }
    if (shown > 0)
      print(lines);
    else
      fmt::print("unknown: the program has no symbols\n");
  }

  void threads() const {
    const auto& all = list_of(report_, "threads");
    title("where the time goes");
    table lines{{"THREAD", "NAME", "MOST OF ITS TIME"}};
    for (std::size_t i = 0; i < std::min(all.size(), shown_threads); ++i) {
      std::string parts;
      const auto& of = list_of(all[i], "parts");
      for (std::size_t j = 0; j < std::min<std::size_t>(of.size(), 4); ++j)
        parts += fmt::format(
          "{}{} {}", parts.empty() ? "" : ", ", printable(text_of(of[j], "what")), percent(number_of(of[j], "share")));
      lines.add(
        {{count_text(number_of(all[i], "thread")), color::none, true}, {printable(text_of(all[i], "name"))}, {parts}});
    }
    print(lines);
    if (all.size() > shown_threads)
      fmt::print("and {} more: --json has them\n", all.size() - shown_threads);
  }

  const json& report_;
  bool colored_;
};

} // namespace

int trace(const context& c, const std::string& name, const trace_view& options, bool as_json) {
  client node{c.socket()};
  const json order = {
    {"seconds", options.seconds}, {"z_score", options.z_score}, {"method", options.method}, {"exact", options.exact}};
  auto report = node.send_json(
    {.method = "POST",
     .target = daemon_target(name, "/trace"),
     .body = order.dump(),
     .patience = std::chrono::seconds{90}});
  if (!report)
    return cli::report(fmt::format("cannot trace '{}'", name), report.error());
  if (as_json)
    fmt::print("{}\n", report->dump(2));
  else
    view{*report, use_color(c)}.show();
  return done;
}

} // namespace duende::cli
