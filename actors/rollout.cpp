#include "actors/rollout.hpp"

#include "core/units.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace duende {
namespace {

/// The state of one roll-out; its steps are the continuations of its requests.
class walk : public std::enable_shared_from_this<walk> {
public:
  walk(caf::event_based_actor* self, services_ptr with, node_actor node, rollout_order order, rollout_done done)
    : self_(self), with_(std::move(with)), node_(std::move(node)), order_(std::move(order)), done_(std::move(done)),
      report_(std::make_shared<rollout_report>()) {}

  void begin() {
    if (!order_.surge)
      return next();
    auto seed = std::make_shared<child_order>();
    seed->seed.spec = order_.surge;
    seed->seed.name = order_.surge->name;
    seed->seed.id = uuid::random();
    seed->seed.desired = desired_state::down; // started by the next step, which waits for it
    seed->transient = true;
    ask(
      order_.surge->name,
      [me = shared_from_this()] {
        me->surging_ = true;
        me->ask(
          me->order_.surge->name, [me] { me->next(); }, command{verb::start, me->order_.surge->name, true, false});
      },
      add_atom::value, order_.surge->supervisor, std::move(seed));
  }

private:
  duration patience() const { return std::chrono::milliseconds{order_.patience_ms}; }

  /// Sends a request about `name`; goes on with `then` once it runs.
  template <class... Ts>
  void ask(const std::string& name, std::function<void()> then, Ts&&... message) {
    self_->request(node_, patience(), std::forward<Ts>(message)...)
      .then(
        [me = shared_from_this(), name, then](const daemon_status& now) {
          bool fine = now.state == daemon_state::running || now.state == daemon_state::paused
                      || now.state == daemon_state::created; // just added, not started yet
          if (fine && me->order_.settle > 0ns && now.state != daemon_state::created)
            me->settle(now, then);
          else if (fine)
            then();
          else
            me->fail(name, now.last ? now.last->text : std::string{to_string(now.state)});
        },
        [me = shared_from_this(), name](const caf::error& error) {
          me->fail(
            name, error == caf::sec::request_timeout ? "not ready within " + format_duration(me->patience())
                                                     : sentence(error));
        });
  }

  /// Goes on with `then` where the same incarnation still runs after a while.
  void settle(const daemon_status& then_was, std::function<void()> then) {
    auto look = [me = shared_from_this(), then_was, then] {
      me->self_->request(me->node_, me->patience(), find_atom::value, then_was.name)
        .then(
          [me, then_was, then](const daemon_status& now) {
            if (now.incarnation == then_was.incarnation && now.state == daemon_state::running)
              then();
            else
              me->fail(now.name, now.last ? now.last->text : std::string{to_string(now.state)});
          },
          [me, name = then_was.name](const caf::error& error) { me->fail(name, sentence(error)); });
    };
    with_->after(order_.settle, [to = caf::actor{self_}, look] { caf::anon_send(to, rolled_note{{}, look}); });
  }

  /// As many as may be missing at once.
  void next() {
    auto at_once = std::max<std::size_t>(order_.max_unavailable, 1);
    while (report_->failed.empty() && under_way_ < at_once && position_ < order_.names.size())
      replace(order_.names[position_++]);
    if (under_way_ == 0)
      finish();
  }

  void replace(const std::string& name) {
    ++under_way_;
    auto replaced = [me = shared_from_this(), name] {
      me->report_->replaced.push_back(name);
      if (me->order_.on_replaced)
        me->order_.on_replaced(name);
      --me->under_way_;
      me->next();
    };
    if (auto change = order_.changes.find(name); change != order_.changes.end()) {
      auto what = std::make_shared<change_order>();
      what->spec = change->second;
      what->restart = what->wait = true;
      ask(name, replaced, change_atom::value, name, what);
    } else {
      ask(name, replaced, command{verb::restart, name, true, false});
    }
  }

  void fail(const std::string& name, std::string cause) {
    if (report_->failed.empty()) {
      report_->failed = name;
      report_->cause = std::move(cause);
    }
    if (under_way_ > 0)
      --under_way_;
    if (under_way_ == 0)
      finish();
  }

  void finish() {
    if (!surging_)
      return end();
    surging_ = false;
    self_->request(node_, patience(), remove_atom::value, order_.surge->name)
      .then(
        [me = shared_from_this()](const daemon_status&) { me->end(); },
        [me = shared_from_this()](const caf::error&) { me->end(); });
  }

  void end() {
    done_(report_);
    self_->quit();
  }

  caf::event_based_actor* self_;
  services_ptr with_;
  node_actor node_;
  rollout_order order_;
  rollout_done done_;
  std::shared_ptr<rollout_report> report_;
  std::size_t position_ = 0, under_way_ = 0;
  bool surging_ = false;
};

} // namespace

caf::behavior
rollout(caf::event_based_actor* self, services_ptr with, node_actor node, rollout_order order, rollout_done done) {
  std::make_shared<walk>(self, std::move(with), std::move(node), std::move(order), std::move(done))->begin();
  return {[](const rolled_note& note) { note.act(); }};
}

} // namespace duende
