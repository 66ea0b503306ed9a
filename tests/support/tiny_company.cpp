#include "tests/support/tiny_company.h"

#include "engine/base/check.h"
#include "engine/text/prompt_encoder.h"
#include "engine/text/tokenizer.h"

#include <filesystem>
#include <utility>

namespace troupe {

FakeBackendOptions tiny_backend() {
  FakeBackendOptions options;
  options.description.num_blocks = 24;
  options.description.block_size = 4;
  options.description.max_num_seqs = 4;
  options.description.max_num_batched_tokens = 16;
  options.description.vocab_size = 64;
  return options;
}

CompanyParts tiny_company(const FakeBackendOptions& backend) {
  const std::filesystem::path directory =
      std::filesystem::path(TROUPE_SOURCE_DIR) / "tests/data/golden/tokenizers/byte-level-qwen";
  auto tokenizer = Tokenizer::load(directory / "tokenizer.json");
  TROUPE_CHECK(tokenizer, "the test tokenizer must load: " + tokenizer.error().message);
  CompanyParts parts;
  parts.model = ModelCard{.name = "tiny", .max_model_len = 64, .vocab_size = 64};
  parts.engine.block_size = backend.description.block_size;
  parts.engine.num_blocks = backend.description.num_blocks;
  parts.engine.max_model_len = parts.model.max_model_len;
  parts.engine.max_num_seqs = backend.description.max_num_seqs;
  parts.engine.max_num_batched_tokens = backend.description.max_num_batched_tokens;
  parts.engine.eos_tokens = {kTinyEos};
  parts.backend = [backend]() -> Result<std::unique_ptr<Backend>> {
    return make_fake_backend(backend);
  };
  parts.tokenizer = *tokenizer;
  parts.encoder = std::make_shared<PromptEncoder>(*tokenizer, nullptr);
  return parts;
}

Expected expected_of(const GenerateRequest& request, std::int32_t vocab_size) {
  auto tokens = std::get<TokenPrompt>(request.prompt).tokens;
  Expected expected;
  for (std::int32_t i = 0; i < *request.sampling.max_tokens; ++i) {
    const auto token = fake_next_token(tokens, vocab_size);
    if (token == kTinyEos && !request.sampling.ignore_eos) {
      expected.reason = FinishReason::stop;
      break;
    }
    tokens.push_back(token);
    expected.tokens.push_back(token);
  }
  return expected;
}

}  // namespace troupe
