#include "wire/http1_response.h"

#include <benchmark/benchmark.h>

#include <string>

#include "wire/http1_field.h"
#include "wire/line.h"

namespace sonde::wire {
namespace {

// 600 bytes with 8 headers, as a web server sends a small page.
std::string small_page() {
  std::string answer =
      "HTTP/1.1 200 OK\r\n"
      "Server: nginx/1.22.1\r\n"
      "Date: Mon, 06 Jan 2025 10:00:00 GMT\r\n"
      "Content-Type: text/html; charset=utf-8\r\n"
      "Content-Length: 312\r\n"
      "Last-Modified: Sun, 05 Jan 2025 09:00:00 GMT\r\n"
      "Connection: keep-alive\r\n"
      "ETag: \"67797f90-264\"\r\n"
      "Accept-Ranges: bytes\r\n"
      "\r\n";
  return answer.append(312, 'x');
}

void whole_answer(benchmark::State& state) {
  const std::string answer = small_page();
  for (auto _ : state) {
    Http1Response response;
    response.scan_head(as_bytes(answer));
    auto rest = as_bytes(answer).subspan(response.head_bytes());
    while (!response.take_body(rest).empty()) continue;
    benchmark::DoNotOptimize(response.state());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(answer.size()));
}
BENCHMARK(whole_answer);

void whole_answer_and_its_headers(benchmark::State& state) {
  const std::string answer = small_page();
  for (auto _ : state) {
    Http1Response response;
    response.scan_head(as_bytes(answer));
    std::size_t bytes = 0;
    for_each_header(response.head(as_bytes(answer)),
                    [&](std::string_view name, std::string_view value) { bytes += name.size() + value.size(); });
    benchmark::DoNotOptimize(bytes);
  }
}
BENCHMARK(whole_answer_and_its_headers);

// A head as long as one may be, a byte at a time: linear, as each byte is looked at once.
void long_head_in_single_bytes(benchmark::State& state) {
  std::string answer = "HTTP/1.1 200 OK\r\n";
  while (answer.size() < static_cast<std::size_t>(state.range(0))) answer += "Name: " + std::string(600, 'v') + "\r\n";
  answer += "\r\n";
  for (auto _ : state) {
    Http1Response response;
    for (std::size_t size = 1; size <= answer.size(); ++size) response.scan_head(as_bytes(answer).first(size));
    benchmark::DoNotOptimize(response.state());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(answer.size()));
}
BENCHMARK(long_head_in_single_bytes)->Arg(8'000)->Arg(64'000);

void small_chunks(benchmark::State& state) {
  std::string answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 1000; ++i) answer += "10\r\n0123456789abcdef\r\n";
  answer += "0\r\n\r\n";
  for (auto _ : state) {
    Http1Response response;
    response.scan_head(as_bytes(answer));
    auto rest = as_bytes(answer).subspan(response.head_bytes());
    while (!response.take_body(rest).empty()) continue;
    benchmark::DoNotOptimize(response.state());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(answer.size()));
}
BENCHMARK(small_chunks);

}  // namespace
}  // namespace sonde::wire
