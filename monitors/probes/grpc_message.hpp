// The few bytes of gRPC and protobuf that a health check needs. Sources: PROTOCOL-HTTP2.md of gRPC (length-prefixed messages,
// grpc-status), the protobuf encoding (varints, tags), health.proto of grpc.health.v1.
#pragma once

#include <string>
#include <string_view>

namespace duende {

/// HealthCheckRequest { service = 1 } with its prefix.
std::string grpc_health_request(std::string_view service);

/// Why an answer does not mean SERVING; empty where it does. `headers` are the lines of headers and trailers.
std::string grpc_health_problem(long http_status, std::string_view headers, std::string_view body);

} // namespace duende
