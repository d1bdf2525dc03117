// SPDX-License-Identifier: Apache-2.0
#include "metrics/http_endpoint.h"

#include <microhttpd.h>

#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "metrics/http_connections.h"

namespace mortise::metrics {
namespace {

constexpr auto kRetryInterval = std::chrono::milliseconds(100);
constexpr unsigned kIdleSeconds = 10;
// A request line and headers; a reply does not count.
constexpr std::size_t kRequestBytes = 8192;
// Ours shuts the quietest connection down first; the margin is for those that
// libmicrohttpd has not yet noticed to be gone.
constexpr unsigned kDaemonConnections = HttpConnections::kLimit + 64;

bool HasBody(MHD_Connection* connection) {
  const char* length =
      MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
  return (length != nullptr && std::strcmp(length, "0") != 0) ||
         MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                     MHD_HTTP_HEADER_TRANSFER_ENCODING) != nullptr;
}

HttpReply Answer(const HttpRoutes& routes, MHD_Connection* connection, std::string_view path,
                 std::string_view method) {
  if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
    return {.status = MHD_HTTP_METHOD_NOT_ALLOWED, .body = "only GET and HEAD are answered here\n"};
  }
  if (HasBody(connection)) {
    return {.status = MHD_HTTP_CONTENT_TOO_LARGE, .body = "a request has no body here\n"};
  }
  const auto found = routes.find(path);
  if (found == routes.end()) {
    HttpReply reply{.status = MHD_HTTP_NOT_FOUND, .body = "not found; there are:\n"};
    for (const auto& [known, handler] : routes) reply.body += known + "\n";
    return reply;
  }
  try {
    return found->second();
  } catch (const std::exception& e) {
    return {.status = MHD_HTTP_INTERNAL_SERVER_ERROR, .body = std::string(e.what()) + "\n"};
  }
}

MHD_Result Send(MHD_Connection* connection, HttpReply reply) {
  MHD_Response* response =
      MHD_create_response_from_buffer(reply.body.size(), reply.body.data(), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type.c_str());
  MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  if (reply.status == MHD_HTTP_METHOD_NOT_ALLOWED) {
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  }
  const MHD_Result result =
      MHD_queue_response(connection, static_cast<unsigned>(reply.status), response);
  MHD_destroy_response(response);
  return result;
}

int Descriptor(MHD_Connection* connection) {
  return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

}  // namespace

// libmicrohttpd's daemon on one epoll thread of its own.
class HttpEndpoint::Daemon {
 public:
  Daemon(UniqueFd listener, const HttpRoutes& routes) : routes_(routes) {
    daemon_ = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, nullptr, nullptr, &OnRequest, this,
        MHD_OPTION_LISTEN_SOCKET, listener.get(), MHD_OPTION_CONNECTION_LIMIT, kDaemonConnections,
        MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        kRequestBytes, MHD_OPTION_NOTIFY_CONNECTION, &OnConnection, this, MHD_OPTION_END);
    if (daemon_ == nullptr) {
      throw Error(Reason::kUnavailable,
                  "the metrics endpoint could not start: out of memory, threads or descriptors");
    }
    listener.Release();  // the daemon closes it
  }
  ~Daemon() { MHD_stop_daemon(daemon_); }

 private:
  static void OnConnection(void* self, MHD_Connection* connection, void** /*context*/,
                           MHD_ConnectionNotificationCode code) {
    HttpConnections& connections = static_cast<Daemon*>(self)->connections_;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
      connections.Add(Descriptor(connection));
    } else {
      connections.Remove(Descriptor(connection));
    }
  }

  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* path,
                              const char* method, const char* /*version*/, const char* /*upload*/,
                              size_t* /*upload_size*/, void** /*context*/) {
    auto* daemon = static_cast<Daemon*>(self);
    daemon->connections_.Touch(Descriptor(connection));
    return Send(connection, Answer(daemon->routes_, connection, path, method));
  }

  const HttpRoutes& routes_;
  HttpConnections connections_;
  MHD_Daemon* daemon_ = nullptr;
};

HttpEndpoint::HttpEndpoint(HttpOptions options, HttpRoutes routes)
    : options_(std::move(options)), routes_(std::move(routes)), address_(options_.address) {
  try {
    Serve(address_.Listen());
  } catch (const Error& e) {
    if (e.reason() != Reason::kUnavailable) throw;
    if (options_.on_waiting) options_.on_waiting(e.what());
    retry_ = std::jthread([this](std::stop_token stop) { RetryUntilBound(stop); });
  }
}

HttpEndpoint::~HttpEndpoint() {
  Stop();
}

void HttpEndpoint::Serve(UniqueFd listener) {
  const int port = BoundPort(listener.get());
  {
    const std::lock_guard lock(mutex_);
    daemon_ = std::make_unique<Daemon>(std::move(listener), routes_);
  }
  port_ = port;
  if (options_.on_listening) options_.on_listening(port);
}

void HttpEndpoint::RetryUntilBound(std::stop_token stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      stopping_.wait_for(lock, stop, kRetryInterval, [] { return false; });
    }
    if (stop.stop_requested()) return;
    try {
      return Serve(address_.Listen());
    } catch (const Error&) {
      // Said once, by the constructor.
    }
  }
}

void HttpEndpoint::Stop() {
  if (retry_.joinable()) {
    retry_.request_stop();
    retry_.join();
  }
  const std::lock_guard lock(mutex_);
  daemon_.reset();
  port_ = 0;
}

}  // namespace mortise::metrics
