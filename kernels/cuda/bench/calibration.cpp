// Measures what a simulated device is made from.
#include "kernels/cuda/bench/bench.h"
#include "kernels/cuda/bench/step_stage.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/cuda_model.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace troupe::cuda {
namespace {

constexpr std::int32_t kTimedSteps = 16;
constexpr std::int32_t kMaxSequences = 256;
constexpr std::int32_t kMaxChunk = 8192;
constexpr std::int32_t kBlockTokens = 16;

struct Row {
  std::string phase;
  std::int32_t batch = 0;    // sequences that decode
  std::int32_t context = 0;  // of each of them
  std::int32_t tokens = 0;   // of the step: one for each that decodes, and those of the chunk
  double seconds = 0.0;
};

// The blocks of a stage in which `row` is measured.
std::int32_t num_blocks(const Row& row) {
  const auto length = row.context + kTimedSteps + kWarmUpSteps;
  return row.batch * (length / kBlockTokens + 1) + (row.tokens - row.batch) / kBlockTokens + 1;
}

// What is measured, where the memory allows it.
std::vector<Row> planned_rows(std::int32_t blocks_there) {
  std::vector<Row> rows;
  for (const std::int32_t context : {128, 512, 1024, 2048}) {
    for (const std::int32_t batch : {1, 2, 4, 8, 16, 32, 64, 128, 256}) {
      rows.push_back({"decode", batch, context, batch});
    }
  }
  for (const std::int32_t tokens : {128, 512, 2048, 8192}) {
    rows.push_back({"prefill", 0, 0, tokens});
  }
  for (const auto& [batch, context, chunk] : {std::tuple{8, 512, 512},
                                              {32, 512, 256},
                                              {32, 512, 512},
                                              {32, 1024, 2048},
                                              {64, 512, 2048},
                                              {128, 512, 512},
                                              {128, 512, 1024}}) {
    rows.push_back({"mixed", batch, context, batch + chunk});
  }
  std::erase_if(rows, [&](const Row& row) { return num_blocks(row) > blocks_there; });
  return rows;
}

// Writes every block that the measurements will read.
void fill_cache(Backend& backend, std::int32_t blocks_read) {
  constexpr std::int32_t kLength = 2048;
  const auto num_sequences = std::min(blocks_read / (kLength / kBlockTokens) + 1,
                                      backend.description().num_blocks * kBlockTokens / kLength);
  Stage stage(backend,
              {.num_sequences = std::min(num_sequences, kMaxSequences), .prompt_length = kLength});
  stage.prefill(kMaxChunk);
}

void measure(Backend& backend, Row& row) {
  Stage stage(backend, {.num_sequences = row.batch,
                        .prompt_length = std::max(row.context - kTimedSteps / 2, 1),
                        .num_decoded = kTimedSteps + kWarmUpSteps,
                        .chunk = row.tokens - row.batch});
  row.seconds = time_steps(stage, kWarmUpSteps, kTimedSteps).wall_ms * 1e-3;
  fmt::print("{:<8} batch {:>4} context {:>5} tokens {:>5}: {:>9.3f} ms\n", row.phase, row.batch,
             row.context, row.tokens, row.seconds * 1e3);
}

struct HostLink {
  double to_device = 0.0;  // bytes a second
  double to_host = 0.0;
};

HostLink measure_host_link() {
  constexpr std::size_t kBytes = std::size_t{1} << 28U;
  const auto device = must(allocate_device(kBytes, "a bench"));
  const auto host = must(allocate_pinned(kBytes, "a bench"));
  const auto rate = [&](std::byte* to, const std::byte* from) {
    const auto ms = time_ms(2, [&](int, cudaStream_t stream) {
      must(check(cudaMemcpyAsync(to, from, kBytes, cudaMemcpyDefault, stream), "a copy"));
    });
    return static_cast<double>(kBytes) / ms * 1e3;
  };
  return {.to_device = rate(device.data(), host.data()),
          .to_host = rate(host.data(), device.data())};
}

struct FileClose {
  void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};

struct Figures {
  std::string model;
  const ModelSpec& spec;
  Ceilings ceilings;
  HostLink link;
};

void write(const std::string& path, const Figures& figures, const std::vector<Row>& rows) {
  const std::unique_ptr<std::FILE, FileClose> file(std::fopen(path.c_str(), "w"));
  if (file == nullptr) {
    throw std::runtime_error("cannot write " + path);
  }
  fmt::print(file.get(),
             "{{\"device\": \"{}\", \"model\": \"{}\",\n \"weight_bytes\": {:.0f}, "
             "\"kv_bytes_per_token\": {:.0f}, \"flops_per_token\": {:.0f},\n "
             "\"read_bytes_per_s\": {:.4g}, \"matmul_flops_per_s\": {:.4g},\n "
             "\"host_link_bytes_per_s\": {:.4g}, \"host_to_device_bytes_per_s\": {:.4g}, "
             "\"device_to_host_bytes_per_s\": {:.4g},\n \"rows\": [\n",
             figures.ceilings.device, figures.model, weight_bytes(figures.spec),
             kv_bytes_per_token(figures.spec), flops_per_token(figures.spec),
             figures.ceilings.read_bytes_per_ms * 1e3, figures.ceilings.flops_per_ms * 1e3,
             std::min(figures.link.to_device, figures.link.to_host), figures.link.to_device,
             figures.link.to_host);
  for (const auto& row : rows) {
    fmt::print(file.get(),
               "  {{\"phase\": \"{}\", \"batch\": {}, \"context\": {}, \"tokens\": {}, "
               "\"seconds\": {:.6f}}}{}\n",
               row.phase, row.batch, row.context, row.tokens, row.seconds,
               &row == &rows.back() ? "" : ",");
  }
  fmt::print(file.get(), " ]}}\n");
}

}  // namespace

void calibrate(const std::string& model,
               const ModelSpec& spec,
               const Ceilings& ceilings,
               const std::string& path) {
  const Figures figures{model, spec, ceilings, measure_host_link()};
  const CudaOptions options{.num_blocks = std::nullopt,
                            .max_num_seqs = kMaxSequences + 1,
                            .max_num_batched_tokens = kMaxChunk,
                            .max_model_len = kMaxChunk + 64};
  const auto backend = must(make_cuda_backend(must(make_random_model(spec, 0, 7)), options));
  auto rows = planned_rows(backend->description().num_blocks);
  const auto largest = std::max_element(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return num_blocks(a) < num_blocks(b);
  });
  fill_cache(*backend, num_blocks(*largest));
  for (auto& row : rows) {
    measure(*backend, row);
  }
  write(path, figures, rows);
}

}  // namespace troupe::cuda
