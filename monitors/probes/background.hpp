// Threads for work that may block: short-lived, with a small stack and without signals.
#pragma once

#include <functional>

namespace duende {

/// Runs `work` on a detached thread that takes no signals. False where no thread can be had.
bool run_in_background(const char* name, std::function<void()> work);

} // namespace duende
