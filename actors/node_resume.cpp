// From what was written down and what the keeper holds to the seeds of a tree.
#include "actors/node_host.hpp"

#include "actors/life_record.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <csignal>
#include <future>
#include <unordered_map>

namespace duende {
namespace {

void each_process(supervisor_seed& seed, const std::function<void(child_seed&)>& fn) {
  for (auto& c : seed.children)
    if (c.kind == child_kind::supervisor)
      each_process(*c.supervisor, fn);
    else
      fn(c);
}

void recall(child_seed& seed, const child_row& row) {
  seed.id = row.id;
  seed.incarnation = row.incarnation;
  seed.restarts = row.restarts;
  seed.streak = row.streak;
  seed.last = row.last;
  seed.state = row.state;
  seed.memory = row.record;
  if (row.desired)
    seed.desired = *row.desired;
}

/// The on_give_up hooks that the dead node had begun, with their cause: they are the only ones that nothing else begins again.
std::unordered_map<std::string, std::string> interrupted_give_ups(const std::vector<held_child>& held) {
  constexpr std::string_view mark = "hook on_give_up ";
  std::unordered_map<std::string, std::string> result;
  for (auto& each : held) {
    if (!each.record.starts_with(mark))
      continue;
    auto line = each.record.find('\n');
    if (line != std::string::npos)
      result.emplace(each.record.substr(mark.size(), line - mark.size()), each.record.substr(line + 1));
  }
  return result;
}

} // namespace

std::shared_ptr<node_seed> node_host::make_seed(stack wanted, loaded_state stored, std::vector<held_child> held) {
  auto seed = std::make_shared<node_seed>();
  seed->root = make_tree(wanted);
  seed->present = std::move(wanted);
  std::unordered_map<std::string, const child_row*> rows;
  for (auto& row : stored.children)
    rows.emplace(row.name, &row);
  std::unordered_map<std::string, held_child*> living;
  for (auto& each : held)
    if (auto record = parse_life_record(each.record))
      living.emplace(record->name, &each);
  std::vector<uuid> known, left_behind;
  auto given_up = interrupted_give_ups(held);
  each_process(*seed->root, [&](child_seed& c) {
    if (auto hook = given_up.find(c.name); hook != given_up.end() && c.spec->hooks)
      c.given_up = hook->second;
    if (auto row = rows.find(c.name); row != rows.end())
      recall(c, *row->second);
    auto found = living.find(c.name);
    if (found == living.end())
      return;
    auto& process = *found->second;
    c.id = process.process.id;
    known.push_back(c.id);
    logs_->open(c.id, c.name, c.spec->logs, log_dir_of(*services_, c.name, c.spec->logs.dir));
    if (process.channels.out >= 0)
      logs_->attach(c.id, log_stream::out, std::exchange(process.channels.out, -1));
    if (process.channels.err >= 0)
      logs_->attach(c.id, log_stream::err, std::exchange(process.channels.err, -1));
    if (process.channels.notify >= 0)
      side_->resumed(c.id, process.running ? process.process.pid : 0, process.record, c.spec->fd_store_max);
    if (!process.running && c.spec->fd_store_max > 0)
      left_behind.push_back(c.id);
    side_->arrived(process.channels);
    c.held = std::move(process);
  });
  if (!left_behind.empty()) { // descriptors of a life that ended unseen are with the keeper before the next one starts
    std::promise<void> done;
    auto wait = done.get_future();
    io_->post([&] {
      for (auto& id : left_behind)
        side_->ended(id);
      done.set_value();
    });
    wait.wait();
  }
  for (auto& each : held) { // helpers of the dead node, and daemons that the stack no longer names
    if (std::find(known.begin(), known.end(), each.process.id) != known.end() || each.process.id.nil())
      continue;
    for (int fd : {each.channels.out, each.channels.err, each.channels.notify, each.channels.ready})
      if (fd >= 0)
        ::close(fd);
    if (each.running) {
      auto link = link_;
      caf::anon_send(native_, adopt_atom::value, each.process.id, each.process.incarnation, launch_listener{});
      link->signal(each.process.id, each.process.incarnation, SIGKILL, signal_scope::group);
    } else {
      link_->forget(each.process.id);
    }
  }
  return seed;
}

} // namespace duende
