// Threads for connections.
#pragma once

namespace duende::api {

/// Starts a detached thread with all signals blocked: they belong to the program's own handling. False where the system has none left.
bool start_detached(void* (*entry)(void*), void* argument);

} // namespace duende::api
