// Names of Asio that our headers need, without Asio: it costs seconds a translation unit.
#pragma once

namespace asio {

class any_io_executor;
class io_context;

template <typename T, typename Executor>
class awaitable;

template <typename Protocol, typename Executor>
class basic_stream_socket;

namespace ip {
class tcp;
}  // namespace ip

}  // namespace asio

namespace troupe::transport {

/// A coroutine of the transport's thread that gives a T.
template <class T>
using Awaitable = asio::awaitable<T, asio::any_io_executor>;

using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, asio::any_io_executor>;

}  // namespace troupe::transport
