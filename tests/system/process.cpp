// Processes, files and HTTP as the tests see them: the kernel's own view, with none of duende's code between.
#include "tests/support/waiting.hpp"
#include "tests/system/node.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace duende::test {

namespace {

/// Reads both descriptors to their end, or until the deadline.
bool drain(int out, int err, std::string& out_text, std::string& err_text, std::int64_t deadline) {
  struct pollfd files[] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  std::string* texts[] = {&out_text, &err_text};
  int open_files = 2;
  char buffer[65536];
  while (open_files > 0) {
    auto left = (deadline - monotonic_ns()) / 1'000'000;
    if (left <= 0 || poll(files, 2, static_cast<int>(left)) <= 0)
      return false;
    for (int i = 0; i < 2; ++i) {
      if (files[i].revents == 0)
        continue;
      auto n = read(files[i].fd, buffer, sizeof buffer);
      if (n > 0) {
        texts[i]->append(buffer, static_cast<std::size_t>(n));
      } else {
        files[i].fd = -1;
        --open_files;
      }
    }
  }
  return true;
}

int connect_to(const std::string& address) {
  if (address.find('/') != std::string::npos) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (address.size() >= sizeof to.sun_path)
      return -1;
    std::memcpy(to.sun_path, address.data(), address.size());
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0)
      return fd;
    close(fd);
    return -1;
  }
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0)
    return fd;
  close(fd);
  return -1;
}

std::string unchunked(const std::string& body) {
  std::string result;
  for (std::size_t at = 0; at < body.size();) {
    auto end = body.find("\r\n", at);
    if (end == std::string::npos)
      break;
    auto size = std::strtoul(body.c_str() + at, nullptr, 16);
    if (size == 0)
      break;
    result += body.substr(end + 2, size);
    at = end + 2 + size + 2;
  }
  return result;
}

/// The fields of /proc/TASK/stat behind the name; state first.
std::vector<std::string> stat_of(const std::string& task) {
  auto text = read_file("/proc/" + task + "/stat");
  auto close = text.rfind(')');
  std::vector<std::string> fields;
  if (close == std::string::npos)
    return fields;
  std::istringstream in{text.substr(close + 1)};
  for (std::string word; in >> word;)
    fields.push_back(word);
  return fields;
}

std::vector<pid_t> all_pids() {
  std::vector<pid_t> result;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    auto name = entry.path().filename().string();
    if (std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }))
      result.push_back(std::stoi(name));
  }
  return result;
}

} // namespace

std::string program(std::string_view name) {
  const char* other = std::getenv("DUENDE_BIN");
  return std::string{other ? other : DUENDE_BIN_DIR} + "/" + std::string{name};
}

std::string worker() { return DUENDE_WORKER; }

std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

bool eventually(double seconds, const std::function<bool()>& condition) {
  return duende::eventually(condition, std::chrono::milliseconds{static_cast<std::int64_t>(seconds * 1e3)});
}

double quantile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return values.empty() ? NAN : values[static_cast<std::size_t>(std::ceil(p * static_cast<double>(values.size() - 1)))];
}

background::background(std::vector<std::string> argv, const std::string& output) : pid_(fork()) {
  if (pid_ != 0)
    return;
  int fd = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  dup2(fd, STDOUT_FILENO);
  dup2(fd, STDERR_FILENO);
  std::vector<char*> words;
  for (auto& word : argv)
    words.push_back(word.data());
  words.push_back(nullptr);
  execvp(words[0], words.data());
  _exit(127);
}

background::~background() {
  if (pid_ < 0)
    return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

outcome run(const std::vector<std::string>& argv, const std::map<std::string, std::string>& env, double seconds) {
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
    return {};
  pid_t pid = fork();
  if (pid == 0) {
    int in = open("/dev/null", O_RDONLY);
    dup2(in, 0);
    dup2(out[1], 1);
    dup2(err[1], 2);
    for (const auto& [key, value] : env)
      setenv(key.c_str(), value.c_str(), 1);
    std::vector<char*> words;
    for (const auto& word : argv)
      words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    execvp(words[0], words.data());
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  outcome result;
  if (!drain(out[0], err[0], result.out, result.err, monotonic_ns() + static_cast<std::int64_t>(seconds * 1e9)))
    kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  close(out[0]);
  close(err[0]);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

response http_raw(const std::string& address, std::string_view raw, double seconds) {
  response result;
  int fd = connect_to(address);
  if (fd < 0)
    return result;
  auto deadline = monotonic_ns() + static_cast<std::int64_t>(seconds * 1e9);
  while (!raw.empty()) {
    auto n = send(fd, raw.data(), raw.size(), MSG_NOSIGNAL);
    if (n <= 0)
      break;
    raw.remove_prefix(static_cast<std::size_t>(n));
  }
  std::string text;
  char buffer[65536];
  for (;;) {
    struct pollfd file = {fd, POLLIN, 0};
    auto left = (deadline - monotonic_ns()) / 1'000'000;
    if (left <= 0 || poll(&file, 1, static_cast<int>(left)) <= 0)
      break;
    auto n = read(fd, buffer, sizeof buffer);
    if (n <= 0)
      break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  close(fd);
  if (text.compare(0, 5, "HTTP/") == 0 && text.size() > 12)
    result.status = std::atoi(text.c_str() + 9);
  auto end = text.find("\r\n\r\n");
  result.head = text.substr(0, end);
  if (end != std::string::npos)
    result.body = text.substr(end + 4);
  if (result.head.find("chunked") != std::string::npos)
    result.body = unchunked(result.body);
  return result;
}

response http(const std::string& address, std::string_view method, std::string_view path, std::string_view body) {
  std::string raw{method};
  raw.append(" ").append(path).append(" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
  if (!body.empty() || method == "POST")
    raw += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  raw.append("\r\n").append(body);
  return http_raw(address, raw, 60);
}

bool alive(pid_t pid) {
  auto fields = pid > 0 ? stat_of(std::to_string(pid)) : std::vector<std::string>{};
  return !fields.empty() && fields[0] != "Z" && fields[0] != "X";
}

bool freeze(pid_t pid) {
  auto tasks = std::to_string(pid) + "/task/";
  return kill(pid, SIGSTOP) == 0 && eventually(10, [&] {
           std::error_code gone;
           for (const auto& task : std::filesystem::directory_iterator{"/proc/" + tasks, gone})
             if (auto fields = stat_of(tasks + task.path().filename().string()); !fields.empty() && fields[0] != "T")
               return false;
           return !gone;
         });
}

std::string read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream{path, std::ios::binary | std::ios::trunc}.write(text.data(), static_cast<std::streamsize>(text.size()));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> result;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);)
    result.push_back(line);
  return result;
}

std::vector<record> records(const std::string& path) {
  std::vector<record> result;
  std::ifstream in{path};
  for (record each; in >> each.pid >> each.ns;)
    result.push_back(each);
  return result;
}

int free_port() {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at);
  getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  close(fd);
  return ntohs(at.sin_port);
}

std::vector<pid_t> tree_of(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  for (auto pid : all_pids()) {
    auto fields = stat_of(std::to_string(pid));
    if (fields.size() > 1)
      children.emplace(std::stoi(fields[1]), pid);
  }
  std::vector<pid_t> result = {root};
  for (std::size_t i = 0; i < result.size(); ++i) {
    auto [first, last] = children.equal_range(result[i]);
    for (; first != last; ++first)
      result.push_back(first->second);
  }
  return result;
}

std::vector<pid_t> pids_with(std::string_view text) {
  std::vector<pid_t> result;
  for (auto pid : all_pids())
    if (
      pid != getpid() && read_file("/proc/" + std::to_string(pid) + "/cmdline").find(text) != std::string::npos
      && alive(pid))
      result.push_back(pid);
  return result;
}

} // namespace duende::test
