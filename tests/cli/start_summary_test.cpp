#include "cli/start_summary.h"

#include <doctest/doctest.h>

#include <string>

namespace troupe::cli {
namespace {

Assembly small_assembly() {
  Assembly assembly;
  assembly.architecture = "LlamaForCausalLM";
  assembly.num_parameters = 4'900'000;
  assembly.weight_bytes = 9'800'000;
  assembly.parts.model = {.name = "demo", .max_model_len = 512, .vocab_size = 2048};
  assembly.device.device = "cpu (2 threads)";
  assembly.device.num_blocks = 100;
  assembly.device.block_size = 16;
  assembly.device.bytes_per_block = 32'768;
  assembly.device.max_num_seqs = 8;
  assembly.device.max_num_batched_tokens = 2048;
  return assembly;
}

bool says(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("the summary shows the memory with its arithmetic, the addresses and what to type") {
  const auto text = start_summary(small_assembly(),
                                  {.host = "127.0.0.1", .http_port = 8000, .tcp_port = 8001}, 0.25);

  CHECK(says(text, "demo (LlamaForCausalLM, 4.9 M parameters"));
  CHECK(says(text, "100 blocks of 16 tokens x 32 KiB = 3.1 MiB"));
  CHECK(says(text, "1,600 tokens in all: enough for 3.12 requests of the full 512 tokens"));
  CHECK(says(text, "http://127.0.0.1:8000/v1"));
  CHECK(says(text, "curl -N http://127.0.0.1:8000/v1/chat/completions"));
  CHECK(says(text, "troupe chat\n"));
  CHECK_FALSE(says(text, "Authorization"));
  CHECK_FALSE(says(text, "note"));
}

TEST_CASE("the summary says what differs from the usual") {
  auto assembly = small_assembly();
  assembly.device.num_blocks = 10;
  const auto text = start_summary(
      assembly, {.host = "::1", .http_port = 9, .tcp_port = 10, .asks_for_key = true}, 1.0);

  CHECK(says(text, "the largest request that fits has 160 tokens"));
  CHECK(says(text, "http://[::1]:9/v1"));
  CHECK(says(text, "troupe chat --url [::1]:10"));
  CHECK(says(text, "Authorization: Bearer"));
}

}  // namespace
}  // namespace troupe::cli
