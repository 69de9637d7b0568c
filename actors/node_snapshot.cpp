// The whole tree at one moment, asked of all its supervisors.
#include "actors/node.hpp"

#include <algorithm>

namespace duende {

/// Of a daemon whose supervisor is down.
node::reply<daemon_status> node::find_parked(const std::string& name) {
  auto promise = make_response_promise<daemon_status>();
  request(node_actor{this}, std::chrono::seconds{5}, snapshot_atom::value)
    .then(
      [=, this](const tree_snapshot& all) mutable {
        auto at = std::find_if(all.daemons.begin(), all.daemons.end(), [&](auto& each) { return each.name == name; });
        if (at != all.daemons.end())
          promise.deliver(*at);
        else
          promise.deliver(unknown(name));
      },
      [=](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return caf::delegated<daemon_status>{};
}

node::reply<tree_snapshot> node::snapshot() {
  struct gathering {
    tree_snapshot result;
    std::size_t missing = 0;
  };
  auto all = std::make_shared<gathering>();
  all->result.mailbox_max = mailbox().size();
  auto promise = make_response_promise<tree_snapshot>();
  auto arrived = [this, all, promise]() mutable {
    if (--all->missing != 0)
      return;
    // root first, parents before children, as they were declared
    auto rank = [&](const std::string& name) {
      auto at = std::find_if(
        present_.supervisors.begin(), present_.supervisors.end(), [&](auto& spec) { return spec.name == name; });
      return name == "root" ? -1 : static_cast<long>(at - present_.supervisors.begin());
    };
    auto& supervisors = all->result.supervisors;
    std::stable_sort(
      supervisors.begin(), supervisors.end(), [&](auto& a, auto& b) { return rank(a.name) < rank(b.name); });
    promise.deliver(std::move(all->result));
  };
  std::vector<supervisor_actor> asked;
  for (auto& [name, handle] : supervisors_)
    if (handle)
      asked.push_back(handle);
  all->missing = asked.size();
  for (auto& handle : asked)
    request(handle, std::chrono::seconds{5}, snapshot_atom::value)
      .then(
        [all, arrived](tree_snapshot& part) mutable {
          auto& r = all->result;
          r.mailbox_max = std::max(r.mailbox_max, part.mailbox_max);
          r.daemons.insert(
            r.daemons.end(), std::make_move_iterator(part.daemons.begin()),
            std::make_move_iterator(part.daemons.end()));
          r.supervisors.insert(
            r.supervisors.end(), std::make_move_iterator(part.supervisors.begin()),
            std::make_move_iterator(part.supervisors.end()));
          arrived();
        },
        [arrived](const caf::error&) mutable { arrived(); }); // it has ended; its parent shows what was below it
  return caf::delegated<tree_snapshot>{};
}

} // namespace duende
