// Sockets that daemons listen on: opened once, held across their lives and the node's, so that connections queue meanwhile.
#include "apps/keeper/keeper.hpp"

#include "core/listen_address.hpp"

#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace duende::keeper {
namespace {

/// Whether somebody accepts on the unix socket; if not, its file is what a dead process left.
bool is_alive(const listen_address& where) {
  int fd = socket(AF_UNIX, where.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return true;
  bool dead = connect(fd, reinterpret_cast<const sockaddr*>(&where.address), where.size) != 0 && errno == ECONNREFUSED;
  close(fd);
  return !dead;
}

/// -1 with errno.
int open_socket(std::string_view listen_on) {
  listen_address where;
  if (!parse_listen_address(listen_on, where)) {
    errno = EINVAL;
    return -1;
  }
  int fd = socket(where.family(), where.type | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  int on = 1;
  if (where.type == SOCK_STREAM && where.family() != AF_UNIX)
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  auto try_bind = [&] { return bind(fd, reinterpret_cast<sockaddr*>(&where.address), where.size) == 0; };
  bool bound = try_bind();
  std::string path{where.path};
  if (!bound && errno == EADDRINUSE && !path.empty() && !is_alive(where)) {
    unlink(path.c_str());
    bound = try_bind();
  }
  // As systemd's SocketMode= by default: the folder decides who may connect.
  if (
    bound && (path.empty() || chmod(path.c_str(), 0666) == 0)
    && (where.type != SOCK_STREAM || listen(fd, SOMAXCONN) == 0))
    return fd;
  int problem = errno;
  close(fd);
  errno = problem;
  return -1;
}

} // namespace

/// Fills `fds` with what is held for the request, opening what is not. On false errno and `failed` tell.
bool keeper::open_sockets(const protocol::spawn& request, std::vector<int>& fds, std::string_view& failed) {
  fds.clear();
  for (auto wanted : request.sockets) {
    auto known = std::find_if(sockets_.begin(), sockets_.end(), [&](auto& each) { return each.listen == wanted; });
    if (known == sockets_.end()) {
      failed = wanted;
      int fd = open_socket(wanted);
      if (fd < 0)
        return false;
      known = sockets_.insert(sockets_.end(), {std::string{wanted}, fd});
    }
    fds.push_back(known->fd);
  }
  return true;
}

/// The child writes its pid over the blanks.
void keeper::add_listen_env(const slot& which, const protocol::spawn& request, std::vector<char*>& env) {
  listen_env_[0] = "LISTEN_PID=            ";
  listen_env_[1] = "LISTEN_FDS=" + std::to_string(socket_fds_.size());
  listen_env_[2] = "LISTEN_FDNAMES=";
  auto& names = listen_env_[2];
  auto add = [&](std::string_view name) {
    if (names.back() != '=')
      names += ':';
    names += name;
  };
  for (auto name : request.socket_names)
    add(name);
  for (auto& each : stored_)
    if (each.slot == which.index)
      add(each.name);
  env.pop_back(); // the final null
  for (auto& each : listen_env_)
    env.push_back(each.data());
  env.push_back(nullptr);
}

void keeper::on_retain_sockets(const protocol::retain_sockets& request) {
  auto unwanted = [&](const held_socket& held) {
    if (std::find(request.sockets.begin(), request.sockets.end(), held.listen) != request.sockets.end())
      return false;
    listen_address where;
    if (parse_listen_address(held.listen, where) && !where.path.empty())
      unlink(std::string{where.path}.c_str());
    close(held.fd);
    return true;
  };
  sockets_.erase(std::remove_if(sockets_.begin(), sockets_.end(), unwanted), sockets_.end());
}

/// A killed keeper's sockets live on in the daemons that it gave them to.
void keeper::recover_sockets(const slot& which, const std::vector<protocol::text>& sockets) {
  int number = 3;
  for (auto wanted : sockets) {
    auto known = std::find_if(sockets_.begin(), sockets_.end(), [&](auto& each) { return each.listen == wanted; });
    listen_address where;
    if (known == sockets_.end() && parse_listen_address(wanted, where)) {
      int fd = static_cast<int>(syscall(SYS_pidfd_getfd, which.pidfd, number, 0)); // close-on-exec by itself
      if (fd >= 0 && is_bound_to(fd, where))
        sockets_.push_back({std::string{wanted}, fd});
      else if (fd >= 0)
        close(fd);
    }
    ++number;
  }
}

} // namespace duende::keeper
