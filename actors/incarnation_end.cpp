// How a life ended, as the error that its actor quits with.
#include "actors/incarnation.hpp"

#include "core/errc.hpp"

namespace duende {

caf::error as_error(life_end end) { return caf::make_error(errc::canceled, std::move(end)); }

bool is_life_end(const caf::error& reason) {
  return reason && reason.context().size() == 1 && reason.context().match_element<life_end>(0);
}

life_end end_of(const caf::error& reason, instant now) {
  if (is_life_end(reason))
    return reason.context().get_as<life_end>(0);
  life_end end;
  end.reason = reason ? exit_reason::failure(sentence(reason)) : exit_reason::graceful();
  end.ended_at = end.started_at = now;
  end.ended_wall = wall_now();
  return end;
}

caf::error exception_error(const std::exception_ptr& what) {
  try {
    std::rethrow_exception(what);
  } catch (const std::exception& error) {
    return fail(errc::internal, "threw an exception: {}", error.what());
  } catch (...) {
    return make_error(errc::internal, "threw an exception of unknown type");
  }
}

} // namespace duende
