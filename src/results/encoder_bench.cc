#include "results/encoder.h"

#include <benchmark/benchmark.h>

namespace sonde::results {
namespace {

Record tcp_record() {
  Record record;
  record.unix_time = 1'795'382'796'123'456'789;
  record.ip = IpAddress::v4(0x7f4d0102);
  record.port = 8080;
  record.probe = "tcp";
  record.timing_us.fill(kNoTiming);
  record.timing_us[static_cast<std::size_t>(Phase::kConnect)] = 143;
  record.timing_us[static_cast<std::size_t>(Phase::kDone)] = 150;
  return record;
}

void encode_tcp(benchmark::State& state, const Encoder& encoder) {
  const Record record = tcp_record();
  std::string out;
  for (auto _ : state) {
    out.clear();
    encoder.append(record, out);
    benchmark::DoNotOptimize(out.data());
  }
}

void ndjson_tcp(benchmark::State& state) {
  const Schema schema;
  encode_tcp(state, *make_ndjson_encoder(schema, *schema.select({})));
}
BENCHMARK(ndjson_tcp);

void csv_tcp(benchmark::State& state) {
  const Schema schema;
  encode_tcp(state, *make_csv_encoder(schema, schema.csv_default()));
}
BENCHMARK(csv_tcp);

}  // namespace
}  // namespace sonde::results
